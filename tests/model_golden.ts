/**
 * Every golden case of a family, on one backend.
 *
 * @module
 */
import { loadModel } from "../src/load_model.ts";
import type { Dtype } from "../src/model/precision.ts";
import type { BackendName } from "../src/runtime/backend.ts";
import { openBackend, type OpenedBackend } from "../src/runtime/select.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import { join } from "../src/std.ts";
import type { Tensor } from "../src/tensor.ts";
import { assertAlmostEquals, assertEquals } from "./assert.ts";
import {
  assertAllClose,
  GOLDEN_FOLDER,
  type GoldenCase,
  goldenCases,
  type GoldenTensor,
  goldenTensors,
} from "./golden.ts";

/** Outputs of a forward pass by the names the goldens use. */
type Outputs = Record<string, Tensor>;

/** Registers a test of every case in a folder. */
export function testGoldenCases(
  name: BackendName,
  { atol, folder = GOLDEN_FOLDER, cases = goldenCases(folder), ignore = false }: {
    atol: number;
    folder?: string;
    cases?: readonly GoldenCase[];
    ignore?: boolean;
  },
): void {
  Deno.test({
    name: `${name}: every golden case is as in transformers`,
    ignore,
    async fn(test) {
      const opened = await openBackend(name);
      await using _backend = opened.backend;
      for (const golden of cases) {
        await test.step(
          golden.name,
          () => checkCase(golden, { backend: opened, atol, folder }),
        );
      }
    },
  });
}

/** Fails unless the model gives what transformers gave. */
export async function checkCase(
  golden: GoldenCase,
  { atol, ...options }: RunCaseOptions & { atol: number },
): Promise<void> {
  const { expected } = goldenTensors(golden, options.folder);
  const outputs = await runCase(golden, options);
  for (const name of golden.outputs.filter((name) => !name.startsWith("loss"))) {
    assertAllClose(outputs[name]!, expected[name]!, { atol, name });
  }
  for (const name of Object.keys(outputs).filter((name) => name.startsWith("loss"))) {
    const loss = expected[name]!.data[0]!;
    assertAlmostEquals(outputs[name]!.data[0]!, loss, atol * Math.max(1, Math.abs(loss)));
  }
}

/** How a case is run. */
export interface RunCaseOptions {
  readonly backend: OpenedBackend;
  /** Folder of the cases. */
  readonly folder: string;
  /** @default {"float32"} */
  readonly dtype?: Dtype;
}

/** What our model makes of a case, by the names the goldens use. */
export async function runCase(
  golden: GoldenCase,
  { backend, folder, dtype = "float32" }: RunCaseOptions,
): Promise<Outputs> {
  await using model = await loadModel(join(folder, golden.checkpoint), {
    backend,
    dtype,
    parts: [],
    ...(golden.options?.target_lang === undefined
      ? {}
      : { targetLang: golden.options.target_lang }),
  });
  const { expected, inputs } = goldenTensors(golden, folder);
  const { loss, ...outputs } = await run(model, golden, inputs);
  const lossName = "loss.sum" in expected ? `loss.${model.config.ctc_loss_reduction}` : "loss";
  return { ...outputs, ...(loss && lossName in expected ? { [lossName]: loss } : {}) };
}

function int32(tensor: GoldenTensor): Tensor<Int32Array> {
  return { data: Int32Array.from(tensor.data), shape: tensor.shape };
}

async function run(
  model: SpeechModel,
  golden: GoldenCase,
  inputs: Readonly<Record<string, GoldenTensor>>,
): Promise<Outputs> {
  const asks = (prefix: string) => golden.outputs.some((name) => name.startsWith(prefix));
  const { input_values, input_features, attention_mask, mask_time_indices, labels } = inputs;
  const output = await model.forward({
    inputValues: input_values as Tensor | undefined,
    inputFeatures: input_features as Tensor | undefined,
    ...(attention_mask ? { attentionMask: int32(attention_mask) } : {}),
    ...(mask_time_indices ? { maskTimeIndices: mask_time_indices as Tensor<Uint8Array> } : {}),
    ...(labels ? { labels: labels as Tensor<Int32Array> } : {}),
  }, {
    outputHiddenStates: asks("hidden_states"),
    outputAttentions: asks("attentions"),
  });
  assertEquals([...output.frameCounts], [...golden.frame_counts]);
  const outputs: Outputs = {};
  output.hiddenStates?.forEach((tensor, i) => outputs[`hidden_states.${i}`] = tensor);
  output.attentions?.forEach((tensor, i) => outputs[`attentions.${i}`] = tensor);
  if ("embeddings" in output) outputs.embeddings = output.embeddings;
  if ("logits" in output) {
    outputs.logits = output.logits;
    if (output.loss !== undefined) outputs.loss = { data: Float32Array.of(output.loss), shape: [] };
  } else {
    outputs.last_hidden_state = output.lastHiddenState;
    outputs.extract_features = output.extractFeatures;
  }
  return outputs;
}
