/**
 * The graph of a checkpoint as a folder that other runtimes load: as Optimum
 * writes it and transformers.js reads it.
 *
 * @module
 */
import { CONFIG_FILES, type ConfigFile } from "./checkpoint/layout.ts";
import type { Graph } from "./graph/builder.ts";
import { serializeInline, weightByteLength, writeGraphFiles } from "./graph/serialize.ts";
import type { ModelConfig } from "./model/family.ts";
import { EXPORT_FILES } from "./model/export_sessions.ts";
import { checkDtype, type Dtype, precisionOf } from "./model/precision.ts";
import {
  type Checkpoint,
  openCheckpoint,
  type OpenCheckpointOptions,
  openNetwork,
} from "./open_checkpoint.ts";
import { basename, join } from "./std.ts";

/** Graphs with more weights than this are written with them in a file beside. */
const INLINE_LIMIT_BYTES = 512 * 1024 * 1024;

/** Files beside the configuration that other runtimes want, copied where they are. */
const OTHER_FILES = ["tokenizer.json"] as const;

/** Options of {@linkcode exportModel}. */
export interface ExportModelOptions extends OpenCheckpointOptions {
  /**
   * How the graph computes. `int8` is made for CPUs: quantised products with quantised inputs.
   *
   * @default {"float32"}
   */
  readonly dtype?: Dtype;
  /** Whether files that are there and differ are replaced. @default {false} */
  readonly overwrite?: boolean;
}

/** What {@linkcode exportModel} wrote. */
export interface ExportedModel {
  /** The folder. */
  readonly folder: string;
  /** Names of the files of the graph and of the configuration, inside the folder. */
  readonly files: readonly string[];
  /** Bytes of the graph's weights. */
  readonly weightByteLength: number;
  /** Name of the output: `logits`, or `last_hidden_state` of a model without a head. */
  readonly outputName: string;
}

/**
 * Writes the graph of a checkpoint as an ONNX folder: `onnx/model.onnx`, or
 * `model_fp16.onnx`, `model_int8.onnx`, `model_q4.onnx` by precision, and the files
 * of configuration and tokenizer. Its input is `input_values` [batch, samples], or
 * `input_features` [batch, frames, features] and `attention_mask` [batch, frames] of Wav2Vec2-BERT.
 * Several precisions can share a folder.
 *
 * @param source A folder, or `owner/name[@revision]` on the hub.
 * @param folder Where to; made if it is not there. No file in it is touched if the export fails.
 * @param options Task, language, precision and download.
 * @throws {Deno.errors.AlreadyExists} If a file would be replaced by another, without `overwrite`.
 * @throws {CheckpointError} If the checkpoint has no weights, or they do not fit the config.
 * @throws {HubError} If the download fails.
 *
 * @example
 * ```ts
 * import { exportModel } from "./export_model.ts";
 * import { fromFileUrl } from "./std.ts";
 * import { assertEquals } from "../tests/assert.ts";
 *
 * const folder = await Deno.makeTempDir();
 * const checkpoint = fromFileUrl(new URL("../tests/golden/ctc_group", import.meta.url));
 * const { outputName, files } = await exportModel(checkpoint, folder);
 * assertEquals([outputName, files[0]], ["logits", "onnx/model.onnx"]);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function exportModel(
  source: string,
  folder: string,
  options: ExportModelOptions = {},
): Promise<ExportedModel> {
  const { dtype = "float32", overwrite = false, ...open } = options;
  checkDtype(dtype);
  const checkpoint = await openCheckpoint(source, open);
  const { config, openWeights, build } = await openNetwork(checkpoint, open.targetLang);
  const precision = precisionOf(dtype, { name: "cpu", hasFloat16: true });
  const name = basename(EXPORT_FILES[dtype][0]!, ".onnx");
  const configFiles = await configFilesOf(checkpoint, { config, language: open.targetLang });
  const target = { folder, name, overwrite, signal: open.signal };
  await refuseToReplace(configFiles, target);
  await using weights = await openWeights();
  const graph = build(weights, { ...checkpoint.family.exported, precision });
  const graphFiles = await writeGraph(graph, target);
  for (const [file, content] of configFiles) await Deno.writeFile(join(folder, file), content);
  return {
    folder,
    files: [...graphFiles, ...configFiles.keys()],
    weightByteLength: weightByteLength(graph),
    outputName: graph.outputs[0]!.name,
  };
}

interface Target {
  readonly folder: string;
  /** Name of the graph, without extension. */
  readonly name: string;
  readonly overwrite: boolean;
  readonly signal: AbortSignal | undefined;
}

type Files = ReadonlyMap<string, Uint8Array>;

async function refuseToReplace(configFiles: Files, target: Target): Promise<void> {
  const { folder, name, overwrite } = target;
  if (overwrite) return;
  const model = join(folder, "onnx", `${name}.onnx`);
  const different: string[] = await readIfThere(model) === undefined ? [] : [model];
  for (const [file, content] of configFiles) {
    const there = await readIfThere(join(folder, file));
    if (there !== undefined && !isEqual(there, content)) different.push(join(folder, file));
  }
  if (different.length === 0) return;
  throw new Deno.errors.AlreadyExists(
    `Cannot export to ${folder} as files there would be replaced: ${different.join(", ")}`,
  );
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Writes beside the place and moves there at the end, so that half a graph is never seen. */
async function writeGraph(graph: Graph, { folder, name, signal }: Target): Promise<string[]> {
  const place = join(folder, "onnx");
  await Deno.mkdir(place, { recursive: true });
  const workshop = await Deno.makeTempDir({ dir: place, prefix: ".unfinished-" });
  try {
    if (weightByteLength(graph) <= INLINE_LIMIT_BYTES) {
      signal?.throwIfAborted();
      await Deno.writeFile(join(workshop, `${name}.onnx`), await serializeInline(graph));
    } else {
      await writeGraphFiles(graph, workshop, { name, signal });
    }
    signal?.throwIfAborted();
    const files: string[] = [];
    for await (const { name } of Deno.readDir(workshop)) files.push(name);
    for (const file of files) await Deno.rename(join(workshop, file), join(place, file));
    return files.sort().map((file) => `onnx/${file}`);
  } finally {
    await Deno.remove(workshop, { recursive: true });
  }
}

/** The files of configuration and tokenizer as they will be: those of one task and language. */
async function configFilesOf(
  { folder, family, task }: Checkpoint,
  { config, language }: { config: ModelConfig; language: string | undefined },
): Promise<Files> {
  const changes: Partial<Record<ConfigFile, object>> = {
    "config.json": {
      architectures: [family.classNameOf(config, task)],
      ...(task === "ctc" ? { vocab_size: config.vocab_size } : {}),
    },
    "tokenizer_config.json": language === undefined ? {} : { target_lang: language },
  };
  const files = new Map<string, Uint8Array>();
  const names = [...CONFIG_FILES, ...OTHER_FILES].filter((name) => folder.files.includes(name));
  for (const name of names) {
    const bytes = await Deno.readFile(join(folder.path, name));
    files.set(name, withFields(bytes, changes[name as ConfigFile] ?? {}));
  }
  return files;
}

/** A JSON file with some fields set; the same bytes where they are set already. */
function withFields(bytes: Uint8Array, fields: object): Uint8Array {
  const content = JSON.parse(new TextDecoder().decode(bytes));
  const isSame = Object.entries(fields).every(([name, value]) =>
    JSON.stringify(content[name]) === JSON.stringify(value)
  );
  if (isSame) return bytes;
  return new TextEncoder().encode(`${JSON.stringify({ ...content, ...fields }, null, 2)}\n`);
}
