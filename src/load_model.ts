/**
 * From a checkpoint, by folder or by name on the hub, to a model that runs.
 *
 * @module
 */
import {
  type CheckpointFolder,
  openAdapter,
  openFolder,
  openWeights,
} from "./checkpoint/folder.ts";
import { resolveCheckpoint, type ResolveOptions } from "./checkpoint/hub.ts";
import { noWeights } from "./checkpoint/layout.ts";
import { overlayWeights, type WeightStore } from "./checkpoint/weights.ts";
import { CheckpointError } from "./errors.ts";
import { convGeometry } from "./geometry.ts";
import { type HubertConfig, parseHubertConfig, type Task, taskOf } from "./model/config.ts";
import { GraphSessions } from "./model/graph_sessions.ts";
import { HUBERT_MODULES } from "./model/hubert.ts";
import { buildHubertGraph, type GraphPart } from "./model/hubert_graph.ts";
import { ExportSessions } from "./model/export_sessions.ts";
import { ParameterReader } from "./model/parameters.ts";
import { type Dtype, DTYPES, precisionOf } from "./model/precision.ts";
import { createTokenizer, type Tokenizer } from "./model/tokenizer.ts";
import { parseWaveformConfig, type WaveformConfig } from "./model/waveform.ts";
import type { Backend } from "./runtime/backend.ts";
import { type BackendChoice, openBackend, type OpenedBackend } from "./runtime/select.ts";
import { type LanguageParts, SpeechModel } from "./speech_model.ts";

/** Options of {@linkcode loadModel}. */
export interface LoadModelOptions<T extends Task = Task> extends ResolveOptions {
  /** What the model is for. @default {what its config says} */
  readonly task?: T;
  /**
   * Where it computes: a backend by name, or one that is open already, which stays the caller's:
   * so several models share a device.
   *
   * @default {"auto"}
   */
  readonly backend?: BackendChoice | OpenedBackend;
  /** How it computes. @default {"float32"} */
  readonly dtype?: Dtype;
  /** Threads that compute, on the cpu and wasm backends. @default {navigator.hardwareConcurrency} */
  readonly threadCount?: number;
  /** Language of a model with adapters, as in `adapter.<language>.safetensors`. @default {the one in the main weights} */
  readonly targetLang?: string;
  /** Parts of the network to load at once; others are when they are first needed. @default {["whole"]} */
  readonly parts?: readonly GraphPart[];
  /** Folder for weights on their way to the backend. @default {the system's temporary folder} */
  readonly temporaryFolder?: string;
}

/**
 * Loads a HuBERT or wav2vec 2.0 checkpoint.
 *
 * @param source A folder as `save_pretrained` writes it, or `owner/name[@revision]` on the hub.
 * @param options Task, backend, precision, language and download.
 * @returns The model; close it with `await using`.
 * @throws {CheckpointError} If files are missing, damaged, or do not fit the config.
 * @throws {UnsupportedConfigError} If the config asks for something unsupported; no weight is read then.
 * @throws {HubError} If the download fails.
 * @throws {BackendError} If the backend is not there or cannot run the model.
 *
 * @example
 * ```ts
 * import { loadModel } from "./load_model.ts";
 * import { assertEquals } from "../tests/assert.ts";
 * import { fromFileUrl } from "./std.ts";
 *
 * const folder = fromFileUrl(new URL("../tests/golden/ctc_group", import.meta.url));
 * await using model = await loadModel(folder, { task: "ctc", backend: "wasm" });
 * const { inputValues } = model.prepare([new Float32Array(2000).map((_, i) => Math.sin(i))]);
 * const { logits } = await model.forward({ inputValues });
 * assertEquals(logits.shape[2], model.config.vocab_size);
 * ```
 */
export async function loadModel<T extends Task = Task>(
  source: string,
  options: LoadModelOptions<T> = {},
): Promise<SpeechModel<T>> {
  const { task: asked, backend: choice = "auto", dtype = "float32", ...others } = options;
  const { threadCount, targetLang, parts = ["whole"], temporaryFolder, ...download } = others;
  checkDtype(dtype);
  const folder = await openFolder(
    await resolveCheckpoint(source, { ...download, adapter: targetLang }),
  );
  const config = parseHubertConfig(folder.configs.get("config.json"), {
    path: `${folder.path}/config.json`,
  });
  const checkpoint: Checkpoint = { folder, config, task: asked ?? taskOf(config) };
  const waveform = waveformConfigOf(folder);
  const { backend, report, isOwned } = await backendFor(checkpoint, choice, {
    threadCount,
    signal: download.signal,
  });
  try {
    const compute: Compute = { backend, dtype, temporaryFolder };
    const openLanguage = (language: string | undefined) => {
      checkLanguage(checkpoint, language);
      return openParts(checkpoint, { ...compute, language });
    };
    const language = await openLanguage(targetLang);
    for (const part of parts) await language.sessions.get({ part });
    const task = checkpoint.task as T;
    const geometry = convGeometry(config.conv_kernel, config.conv_stride);
    const selection = report;
    return new SpeechModel({
      ...{ source, task, dtype, backend, isOwned, selection, waveform, geometry, language },
      openLanguage,
    });
  } catch (error) {
    if (isOwned) await backend[Symbol.asyncDispose]();
    throw error;
  }
}

async function backendFor(
  checkpoint: Checkpoint,
  choice: BackendChoice | OpenedBackend,
  { threadCount, signal }: { threadCount: number | undefined; signal: AbortSignal | undefined },
): Promise<OpenedBackend & { isOwned: boolean }> {
  if (typeof choice === "object") return { ...choice, isOwned: false };
  const opened = await openBackend(choice, {
    ...(threadCount === undefined ? {} : { threadCount }),
    signal,
    measure: (candidate) => measure(checkpoint, candidate),
  });
  return { ...opened, isOwned: true };
}

interface Checkpoint {
  readonly folder: CheckpointFolder;
  readonly config: HubertConfig;
  readonly task: Task;
}

interface Compute {
  readonly backend: Backend;
  readonly dtype: Dtype;
  readonly temporaryFolder: string | undefined;
}

function checkDtype(dtype: Dtype): void {
  if (DTYPES.includes(dtype)) return;
  throw new RangeError(
    `Cannot load the model as dtype must be one of ${DTYPES.join(", ")}: ${dtype}`,
  );
}

function checkLanguage({ folder, config }: Checkpoint, language: string | undefined): void {
  if (language === undefined || config.adapter_attn_dim !== null) return;
  throw new CheckpointError(
    `Cannot use language "${language}" as the model has no adapters: adapter_attn_dim is null in its config.json`,
    { path: folder.path },
  );
}

function waveformConfigOf({ configs, path }: CheckpointFolder): WaveformConfig {
  const own = configs.get("preprocessor_config.json");
  if (own !== undefined) {
    return parseWaveformConfig(own, { path: `${path}/preprocessor_config.json` });
  }
  const processor = configs.get("processor_config.json") as
    | { feature_extractor?: unknown }
    | undefined;
  return parseWaveformConfig(processor?.feature_extractor ?? {}, {
    path: `${path}/processor_config.json`,
  });
}

function tokenizerOf({ configs }: CheckpointFolder, language?: string): Tokenizer | undefined {
  if (!configs.has("vocab.json")) return undefined;
  return createTokenizer({
    vocab: configs.get("vocab.json"),
    tokenizerConfig: configs.get("tokenizer_config.json"),
    specialTokensMap: configs.get("special_tokens_map.json"),
    addedTokens: configs.get("added_tokens.json"),
  }, language === undefined ? {} : { targetLang: language });
}

/** Everything of one language: its config, tokenizer and graphs. No weight is read yet, but all are checked. */
async function openParts(
  checkpoint: Checkpoint,
  { language, ...compute }: Compute & { language: string | undefined },
): Promise<LanguageParts> {
  const { folder, task } = checkpoint;
  const tokenizer = task === "ctc" ? tokenizerOf(folder, language) : undefined;
  if (folder.weights === undefined && folder.onnx.length > 0) {
    const sessions = new ExportSessions(folder, compute);
    return { config: checkpoint.config, tokenizer, sessions, unusedTensors: [] };
  }
  if (folder.weights === undefined) throw noWeights(folder.files, folder.path);
  const open = () => openLanguageWeights(folder.path, language);
  const precision = precisionOf(compute.dtype, compute.backend);
  await using weights = await open();
  const config = language === undefined
    ? checkpoint.config
    : withVocabularyOf(weights, checkpoint.config);
  const parameters = readerOf(weights);
  buildHubertGraph(config, task, { parameters, precision });
  const sessions = new GraphSessions({
    ...compute,
    openWeights: open,
    build: (weights, request) =>
      buildHubertGraph(config, task, { ...request, parameters: readerOf(weights), precision }),
  });
  return { config, tokenizer, sessions, unusedTensors: parameters.check() };
}

function readerOf(weights: WeightStore): ParameterReader {
  return new ParameterReader(weights, {
    basePrefixes: ["hubert", "wav2vec2"],
    baseModules: HUBERT_MODULES,
    optional: ["masked_spec_embed"],
  });
}

async function openLanguageWeights(
  path: string,
  language: string | undefined,
): Promise<WeightStore> {
  const base = await openWeights(path);
  if (language === undefined) return base;
  try {
    return overlayWeights(base, await openAdapter(path, language));
  } catch (error) {
    await base[Symbol.asyncDispose]();
    throw error;
  }
}

/** Each language has its own head, as large as its vocabulary. */
function withVocabularyOf(weights: WeightStore, config: HubertConfig): HubertConfig {
  return {
    ...config,
    vocab_size: weights.tensors.get("lm_head.weight")?.shape[0] ?? config.vocab_size,
  };
}

/** Audio that a backend is measured with when there is a choice. */
const MEASURED_SECONDS = 2;

/** Milliseconds a backend takes for the front end and one layer of the model over a short input. */
async function measure(checkpoint: Checkpoint, backend: Backend): Promise<number> {
  const { folder, task } = checkpoint;
  if (folder.weights === undefined) return 0;
  const config = { ...checkpoint.config, num_hidden_layers: 1, use_weighted_layer_sum: false };
  await using sessions = new GraphSessions({
    backend,
    openWeights: () => openWeights(folder.path),
    build: (weights) =>
      buildHubertGraph(config, task, {
        parameters: readerOf(weights),
        precision: { activations: "float32", matrices: "full" },
      }),
  });
  const session = await sessions.get({});
  const sampleCount = MEASURED_SECONDS * 16_000;
  const feeds = { input_values: { data: new Float32Array(sampleCount), shape: [1, sampleCount] } };
  await session.run(feeds, session.outputNames); // the first run compiles
  const startMs = performance.now();
  await session.run(feeds, session.outputNames);
  return performance.now() - startMs;
}
