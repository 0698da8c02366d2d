/**
 * From a checkpoint, by folder or by name on the hub, to a model that runs.
 *
 * @module
 */
import { openWeights } from "./checkpoint/folder.ts";
import type { WeightStore } from "./checkpoint/weights.ts";
import { CheckpointError } from "./errors.ts";
import { type LanguageModel, languageModelOf, loadLanguageModel } from "./language_model.ts";
import type { Tensor } from "./tensor.ts";
import type { ResolveOptions } from "./checkpoint/hub.ts";
import type { Task } from "./model/config.ts";
import { ExportSessions } from "./model/export_sessions.ts";
import { GraphSessions } from "./model/graph_sessions.ts";
import type { GraphPart } from "./model/hubert_graph.ts";
import { checkDtype, type Dtype, precisionOf } from "./model/precision.ts";
import {
  buildGraph,
  type Checkpoint,
  FULL_PRECISION,
  isReadyExport,
  openCheckpoint,
  openNetwork,
  openTokenizer,
} from "./open_checkpoint.ts";
import type { Backend } from "./runtime/backend.ts";
import { type BackendChoice, openBackend, type OpenedBackend } from "./runtime/select.ts";
import { type LanguageParts, SpeechModel } from "./speech_model.ts";

/** Options of {@linkcode loadModel}. */
export interface LoadModelOptions<T extends Task = Task>
  extends Omit<ResolveOptions, "withLanguageModel"> {
  /** What the model is for. @default {what its config says} */
  readonly task?: T;
  /**
   * Where it computes: a backend by name, or one that is open already, which stays the caller's:
   * so several models share a device.
   *
   * @default {"auto"}
   */
  readonly backend?: BackendChoice | OpenedBackend;
  /** How it computes, whatever its weights are stored as. @default {"float32"} */
  readonly dtype?: Dtype;
  /** Threads that compute, on the cpu and wasm backends. @default {navigator.hardwareConcurrency} */
  readonly threadCount?: number;
  /** Language of a model with adapters, as in `adapter.<language>.safetensors`. @default {the one in the main weights} */
  readonly targetLang?: string;
  /**
   * Language model for a CTC model's beam search: a file in ARPA's text format, plain or gzipped,
   * or a folder with one; one that is loaded, which may serve other models, too; `false` for none.
   *
   * @default {the one in the checkpoint's folder language_model, if there is one}
   */
  readonly languageModel?: string | LanguageModel | false;
  /** Parts of the network to load at once; others are when they are first needed. @default {["whole"]} */
  readonly parts?: readonly GraphPart[];
  /** Folder for weights on their way to the backend. @default {the system's temporary folder} */
  readonly temporaryFolder?: string;
}

/**
 * Loads a HuBERT, wav2vec 2.0 or Wav2Vec2-BERT checkpoint.
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
  const { threadCount, targetLang, parts = ["whole"], temporaryFolder, ...rest } = others;
  const { languageModel: languageChoice, ...download } = rest;
  checkDtype(dtype);
  const withLanguageModel = languageChoice === undefined && (asked ?? "ctc") === "ctc";
  const checkpoint = await openCheckpoint(source, {
    ...download,
    ...{ task: asked, targetLang, withLanguageModel },
  });
  const { family, config, waveform } = checkpoint;
  const languageModel = await languageModelFor(checkpoint, {
    ...{ choice: languageChoice, onNotice: download.onNotice },
  });
  const { backend, report, isOwned } = await backendFor(checkpoint, choice, {
    threadCount,
    signal: download.signal,
  });
  try {
    const compute: Compute = { backend, dtype, temporaryFolder };
    const openLanguage = (language: string | undefined) =>
      openParts(checkpoint, { ...compute, targetLang: language });
    const language = await openLanguage(targetLang);
    for (const part of parts) await language.sessions.get({ part });
    const task = checkpoint.task as T;
    const geometry = family.geometryOf(config, waveform);
    const selection = report;
    return new SpeechModel({
      ...{ source, task, dtype, backend, isOwned, selection, waveform, geometry, language },
      languageModel,
      grid: family.inputGrid(config, { task, geometry }),
      prepare: (waveforms, options) => family.prepare(waveforms, waveform, options),
      openLanguage,
    });
  } catch (error) {
    if (isOwned) await backend[Symbol.asyncDispose]();
    throw error;
  }
}

async function languageModelFor(
  { task, folder }: Checkpoint,
  { choice, onNotice }: {
    choice: LoadModelOptions["languageModel"];
    onNotice: ((notice: string) => void) | undefined;
  },
): Promise<LanguageModel | undefined> {
  if (task !== "ctc" || choice === false) return undefined;
  if (choice === undefined) return await languageModelOf(folder.path, onNotice);
  return typeof choice === "string" ? await loadLanguageModel(choice) : choice;
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

interface Compute {
  readonly backend: Backend;
  readonly dtype: Dtype;
  readonly temporaryFolder: string | undefined;
}

/** Everything of one language: its config, tokenizer and graphs. No weight is read yet, but all are checked. */
async function openParts(
  checkpoint: Checkpoint,
  { targetLang, ...compute }: Compute & { targetLang: string | undefined },
): Promise<LanguageParts> {
  const { folder } = checkpoint;
  const tokenizer = openTokenizer(checkpoint, targetLang);
  if (isReadyExport(checkpoint)) {
    const sessions = new ExportSessions(folder, compute);
    const readTensor = (name: string) => Promise.reject(sessions.cannotGive(name));
    const { config } = checkpoint;
    return { targetLang, config, tokenizer, sessions, unusedTensors: [], readTensor };
  }
  const precision = precisionOf(compute.dtype, compute.backend);
  const { config, openWeights, build, unusedTensors } = await openNetwork(checkpoint, targetLang);
  const sessions = new GraphSessions({
    ...compute,
    openWeights,
    build: (weights, request) => build(weights, { ...request, precision }),
  });
  const readTensor = (name: string) => readOne(openWeights, name, folder.path);
  return { targetLang, config, tokenizer, sessions, unusedTensors, readTensor };
}

async function readOne(
  openWeights: () => Promise<WeightStore>,
  name: string,
  path: string,
): Promise<Tensor> {
  await using weights = await openWeights();
  const shape = weights.tensors.get(name)?.shape;
  if (shape !== undefined) return { data: await weights.read(name), shape };
  throw new CheckpointError(`Cannot read ${name} as the weights do not hold it`, { path });
}

/** Audio that a backend is measured with when there is a choice. */
const MEASURED_SECONDS = 2;

/** Milliseconds a backend takes for the front end and one layer of the model over a short input. */
async function measure(checkpoint: Checkpoint, backend: Backend): Promise<number> {
  const { folder } = checkpoint;
  if (folder.weights === undefined) return 0;
  const config = { ...checkpoint.config, num_hidden_layers: 1, use_weighted_layer_sum: false };
  await using sessions = new GraphSessions({
    backend,
    openWeights: () => openWeights(folder.path),
    build: (weights) =>
      buildGraph({ ...checkpoint, config }, weights, { precision: FULL_PRECISION }),
  });
  const session = await sessions.get({});
  const { family, task, waveform } = checkpoint;
  const { name, graphName } = family.inputGrid(config, {
    task,
    geometry: family.geometryOf(config, waveform),
  });
  const silence = new Float32Array(MEASURED_SECONDS * waveform.sampling_rate);
  const feeds = { [graphName]: family.prepare([silence], waveform, {})[name]! };
  await session.run(feeds, session.outputNames); // the first run compiles
  const startMs = performance.now();
  await session.run(feeds, session.outputNames);
  return performance.now() - startMs;
}
