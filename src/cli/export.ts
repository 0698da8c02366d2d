/**
 * `hubcap export`: a checkpoint as an ONNX folder.
 *
 * @module
 */
import { exportModel } from "../export_model.ts";
import type { Task } from "../model/config.ts";
import { type Dtype, DTYPES } from "../model/precision.ts";
import { byteSize } from "./byte_size.ts";
import { type CommandSpec, EXIT_CODES } from "./command.ts";
import { downloadOptions } from "./download_options.ts";
import { Progress } from "./progress.ts";
import { LANGUAGE_OPTION, MODEL_PARAMETER, TASK_OPTION } from "./shared_options.ts";
import type { Terminal } from "./terminal.ts";

/** Values of the options of `hubcap export`. */
export interface ExportValues {
  readonly dtype?: Dtype;
  readonly language?: string;
  readonly task?: Task;
  readonly force?: boolean;
}

/** The command. */
export const exportCommand: CommandSpec<ExportValues> = {
  name: "export",
  summary: "Write a checkpoint as an ONNX folder for other runtimes",
  parameters: [MODEL_PARAMETER, { usage: "<folder>", description: "where to" }],
  options: [
    {
      name: "dtype",
      short: "d",
      description: "how the graph computes",
      value: { kind: "choice", name: "dtype", choices: DTYPES },
      default: "float32",
    },
    LANGUAGE_OPTION,
    TASK_OPTION,
    { name: "force", description: "replace files that are there", value: { kind: "flag" } },
  ],
  notes: `Writes onnx/model.onnx, or model_fp16.onnx, model_int8.onnx, model_q4.onnx by dtype, as
transformers.js and Optimum name them, and the files of configuration and tokenizer.
Several dtypes can share a folder.

The graph takes input_values [batch, samples] at the model's rate, scaled as
preprocessor_config.json says, or input_features [batch, frames, features] and
attention_mask [batch, frames] of Wav2Vec2-BERT, and gives logits, or last_hidden_state for --task base.

Example:
  hubcap export ./my-model ./my-model-onnx --dtype int8`,
  run: runExport,
};

async function runExport(
  [source, folder]: readonly string[],
  { dtype = "float32", language, task, force = false }: ExportValues,
  terminal: Terminal,
): Promise<number> {
  const progress = new Progress(terminal);
  try {
    const { files, weightByteLength } = await exportModel(source!, folder!, {
      ...downloadOptions(terminal, progress),
      dtype,
      task,
      targetLang: language,
      overwrite: force,
    });
    progress.clear();
    terminal.write(`${folder}: ${files.join(", ")}; ${byteSize(weightByteLength)} of weights\n`);
    return EXIT_CODES.ok;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const message = `${error.message}. Choose another folder, or give --force`;
    throw new Deno.errors.AlreadyExists(message, { cause: error });
  }
}
