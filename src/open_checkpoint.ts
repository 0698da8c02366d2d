/**
 * A checkpoint that is understood but not loaded: its files, config and task,
 * and how a graph is built from it. What loading, describing and exporting share.
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
import { checkQuantization } from "./checkpoint/quantized.ts";
import { overlayWeights, type WeightStore } from "./checkpoint/weights.ts";
import { CheckpointError } from "./errors.ts";
import type { Graph } from "./graph/builder.ts";
import type { Task } from "./model/config.ts";
import { familyOf } from "./model/families.ts";
import type { ModelConfig, ModelFamily, PreprocessorConfig } from "./model/family.ts";
import type { GraphRequest } from "./model/hubert_graph.ts";
import type { Precision } from "./model/layers.ts";
import { ParameterReader } from "./model/parameters.ts";
import { lossTensors } from "./model/task_loss.ts";
import { createTokenizer, type Tokenizer } from "./model/tokenizer.ts";

/** A checkpoint with its configuration checked. Nothing is open, so nothing is to be closed. */
export interface Checkpoint {
  /** Its files. */
  readonly folder: CheckpointFolder;
  /** Its family. */
  readonly family: ModelFamily;
  /** Its `config.json`, every field present. */
  readonly config: ModelConfig;
  /** What it is for. */
  readonly task: Task;
  /** Its `preprocessor_config.json`, every field present. */
  readonly waveform: PreprocessorConfig;
}

/** Options of {@linkcode openCheckpoint}. */
export interface OpenCheckpointOptions extends Omit<ResolveOptions, "adapter"> {
  /** What the model is for. @default {what its config says} */
  readonly task?: Task | undefined;
  /** Language of a model with adapters, whose adapter is needed too. @default {none} */
  readonly targetLang?: string | undefined;
}

/**
 * Finds a checkpoint, downloads it if need be, and checks its configuration.
 *
 * @param source A folder, or `owner/name[@revision]` on the hub.
 * @param options Task, language and download.
 * @throws {CheckpointError} If files are missing or damaged.
 * @throws {UnsupportedConfigError} If the config asks for something unsupported.
 * @throws {HubError} If the download fails.
 */
export async function openCheckpoint(
  source: string,
  options: OpenCheckpointOptions = {},
): Promise<Checkpoint> {
  const { task: asked, targetLang, ...download } = options;
  const folder = await openFolder(
    await resolveCheckpoint(source, { ...download, adapter: targetLang }),
  );
  const json = folder.configs.get("config.json");
  const path = `${folder.path}/config.json`;
  const family = familyOf(json, { path });
  const config = family.parseConfig(json, { path });
  if (folder.weights !== undefined) checkQuantization(json, { path });
  const task = asked ?? family.taskOf(config);
  family.checkTask(config, task);
  const preprocessor = preprocessorOf(folder);
  const waveform = family.parsePreprocessor(preprocessor.json, { ...preprocessor, config });
  return { folder, family, config, task, waveform };
}

function preprocessorOf({ configs, path }: CheckpointFolder): { json: unknown; path: string } {
  const own = configs.get("preprocessor_config.json");
  if (own !== undefined) return { json: own, path: `${path}/preprocessor_config.json` };
  const processor = configs.get("processor_config.json") as
    | { feature_extractor?: unknown }
    | undefined;
  return { json: processor?.feature_extractor, path: `${path}/processor_config.json` };
}

/** Whether a checkpoint has a ready ONNX export and no weights to build a graph from. */
export function isReadyExport({ folder }: Checkpoint): boolean {
  return folder.weights === undefined && folder.onnx.length > 0;
}

/** The tokenizer of one language, or the only one; none without a vocabulary or a CTC head. */
export function openTokenizer(
  checkpoint: Checkpoint,
  language: string | undefined,
): Tokenizer | undefined {
  checkLanguage(checkpoint, language);
  const { folder: { configs }, task } = checkpoint;
  if (task !== "ctc" || !configs.has("vocab.json")) return undefined;
  return createTokenizer({
    vocab: configs.get("vocab.json"),
    tokenizerConfig: configs.get("tokenizer_config.json"),
    specialTokensMap: configs.get("special_tokens_map.json"),
    addedTokens: configs.get("added_tokens.json"),
  }, language === undefined ? {} : { targetLang: language });
}

/** What a graph of one language is built from. */
export interface CheckpointNetwork {
  /** The config, its vocabulary size that of the language. */
  readonly config: ModelConfig;
  /** Opens the weights, those of the language on top; to be closed. */
  openWeights(): Promise<WeightStore>;
  /** Builds a graph. Weights are asked for, not read. */
  build(weights: WeightStore, request: GraphRequest & { precision: Precision }): Graph;
}

/**
 * Looks into the weights of one language and checks that they fit the config; none is read.
 *
 * @param checkpoint The checkpoint.
 * @param language Language of a model with adapters; without one, that of the main weights.
 * @throws {CheckpointError} If there are none, or one is missing, surplus or wrongly shaped.
 */
export async function openNetwork(
  checkpoint: Checkpoint,
  language: string | undefined,
): Promise<CheckpointNetwork & { readonly unusedTensors: readonly string[] }> {
  const { folder, family, task } = checkpoint;
  checkLanguage(checkpoint, language);
  if (folder.weights === undefined) throw noWeights(folder.files, folder.path);
  const open = () => openLanguageWeights(folder.path, language);
  await using weights = await open();
  const config = language === undefined
    ? checkpoint.config
    : withVocabularyOf(weights, checkpoint.config);
  const parameters = new ParameterReader(weights, family.parameters);
  family.buildGraph(config, task, { parameters, precision: FULL_PRECISION });
  return {
    config,
    openWeights: open,
    build: (weights, request) => buildGraph({ family, config, task }, weights, request),
    unusedTensors: parameters.check().filter((name) => !lossTensors(task).includes(name)),
  };
}

/** Builds a graph. Weights are asked for, not read. */
export function buildGraph(
  { family, config, task }: Pick<Checkpoint, "family" | "config" | "task">,
  weights: WeightStore,
  request: GraphRequest & { precision: Precision },
): Graph {
  const parameters = new ParameterReader(weights, family.parameters);
  return family.buildGraph(config, task, { ...request, parameters });
}

/** Single precision throughout. */
export const FULL_PRECISION: Precision = { activations: "float32", matrices: "full" };

/** @throws {CheckpointError} If the model cannot change its language. */
function checkLanguage(checkpoint: Checkpoint, language: string | undefined): void {
  if (language === undefined) return;
  const { folder, config } = checkpoint;
  const obstacle = config.model_type === "wav2vec2-bert"
    ? `Wav2Vec2-BERT has no language adapters, and transformers ignores target_lang there: load it without one. Where vocab.json holds several languages, tokenizer.forLanguage("${language}") reads that one`
    : config.adapter_attn_dim === null
    ? "the model has no adapters: adapter_attn_dim is null in its config.json"
    : isReadyExport(checkpoint)
    ? "a ready ONNX export is of one language: add the weights as model.safetensors"
    : undefined;
  if (obstacle === undefined) return;
  throw new CheckpointError(`Cannot use language "${language}" as ${obstacle}`, {
    path: folder.path,
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
function withVocabularyOf(weights: WeightStore, config: ModelConfig): ModelConfig {
  const size = weights.tensors.get("lm_head.weight")?.shape[0];
  return size === undefined ? config : { ...config, vocab_size: size };
}
