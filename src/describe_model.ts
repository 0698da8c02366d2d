/**
 * What a checkpoint is, from its configuration and the headers of its weights.
 *
 * @module
 */
import type { Packing, WeightStore } from "./checkpoint/weights.ts";
import { weightByteLength } from "./graph/serialize.ts";
import type { Task } from "./model/config.ts";
import { EXPORT_FILES } from "./model/export_sessions.ts";
import type { ModelConfig } from "./model/family.ts";
import { type Dtype, DTYPES, precisionOf } from "./model/precision.ts";
import type { Tokenizer } from "./model/tokenizer.ts";
import {
  type Checkpoint,
  isReadyExport,
  openCheckpoint,
  type OpenCheckpointOptions,
  openNetwork,
  openTokenizer,
} from "./open_checkpoint.ts";
import type { PositionEmbeddingsType } from "./model/wav2vec2_bert_config.ts";
import { join } from "./std.ts";
import { elementCount } from "./tensor.ts";
import { samplesToMs } from "./units.ts";

export type { Packing };

/** Options of {@linkcode describeModel}. */
export type DescribeModelOptions = OpenCheckpointOptions;

/** What a checkpoint is; plain data, as `JSON.stringify` takes it. */
export interface ModelDescription {
  /** What was asked for: a folder, or a name on the hub. */
  readonly source: string;
  /** The folder it lies in. */
  readonly folder: string;
  /** Family of the network. */
  readonly family: ModelConfig["model_type"];
  /** What it is for. */
  readonly task: Task;
  /** Sizes of the network. */
  readonly architecture: ArchitectureDescription;
  /** Its frame grid. */
  readonly frames: FrameDescription;
  /** Numbers that were trained, in the tensors its task uses; undefined for a ready ONNX export. */
  readonly parameterCount: number | undefined;
  /** Tokens of a CTC model that has a vocabulary. */
  readonly vocabulary: VocabularyDescription | undefined;
  /** Names of a classifier's classes. */
  readonly labels: readonly string[] | undefined;
  /** Languages with an adapter or a vocabulary of their own. */
  readonly languages: readonly string[];
  /** Its files. */
  readonly files: readonly FileDescription[];
  /** Bytes of the weights in memory by precision; for a ready ONNX export, those it has. */
  readonly weightByteLengths: Readonly<Partial<Record<Dtype, number>>>;
  /** How bitsandbytes quantised the weights on disk, each way once; empty where it did not. */
  readonly quantization: readonly QuantizationDescription[];
  /** Tensors that its task does not use, such as those of pre-training. */
  readonly unusedTensors: readonly string[];
}

/** Sizes of a network; its family says of which kind. */
export type ArchitectureDescription = WaveformArchitecture | FeatureArchitecture;

/** Sizes of any encoder. */
export interface EncoderSizes {
  /** Classes the weights were saved from. */
  readonly classes: readonly string[];
  /** Layers of the encoder. */
  readonly layerCount: number;
  /** Its width. */
  readonly hiddenSize: number;
  /** Heads of each attention. */
  readonly headCount: number;
  /** Width inside the feed-forward blocks. */
  readonly intermediateSize: number;
}

/** Sizes of a network over samples: HuBERT and wav2vec 2.0. */
export interface WaveformArchitecture extends EncoderSizes {
  /** What the network takes. */
  readonly input: "waveform";
  /** Channels of each convolution of the front end. */
  readonly convChannels: readonly number[];
  /** Kernel of each convolution of the front end. */
  readonly convKernels: readonly number[];
  /** Stride of each convolution of the front end. */
  readonly convStrides: readonly number[];
  /** Norm of the front end: `group` sees the whole recording, `layer` one frame. */
  readonly convNorm: "group" | "layer";
  /** Whether layers normalise before their branches and not after. */
  readonly normalizesFirst: boolean;
}

/** Sizes of a network over log-mel features: Wav2Vec2-BERT. */
export interface FeatureArchitecture extends EncoderSizes {
  /** What the network takes. */
  readonly input: "features";
  /** Width of a feature: mel bins × stacked frames. */
  readonly featureSize: number;
  /** Kernel of the convolution in each layer. */
  readonly convKernel: number;
  /** How attention knows where frames lie; null: not at all. */
  readonly positions: PositionEmbeddingsType | null;
  /** Strides of the sub-sampling layers on top. */
  readonly adapterStrides: readonly number[];
}

/** A frame grid. */
export interface FrameDescription {
  /** Samples a second. */
  readonly sampleRateHz: number;
  /** Samples from one frame's start to the next one's. */
  readonly strideSamples: number;
  /** The same in milliseconds. */
  readonly strideMs: number;
  /** Samples that one frame sees. */
  readonly receptiveFieldSamples: number;
  /** The same in milliseconds. */
  readonly receptiveFieldMs: number;
}

/** The tokens of a CTC model. */
export interface VocabularyDescription {
  /** Width of the head. */
  readonly size: number;
  /** Tokens in the order of their ids. */
  readonly tokens: readonly string[];
  /** The CTC blank. */
  readonly blank: string | undefined;
  /** Stands between words. */
  readonly wordDelimiter: string;
  /** Language this is the vocabulary of, where there are several. */
  readonly language: string | undefined;
}

/** What is quantised on disk in one way. */
export interface QuantizationDescription extends Packing {
  /** Names of the modules whose weight it is, as the files have them. */
  readonly modules: readonly string[];
}

/** A file of a checkpoint. */
export interface FileDescription {
  /** Its name, inside the folder. */
  readonly name: string;
  /** Its size. */
  readonly byteLength: number;
}

/**
 * Describes a checkpoint, and checks on the way that its weights fit its config.
 * Of the weights only the headers are read, and no backend is started; a checkpoint
 * on the hub is downloaded.
 *
 * @param source A folder, or `owner/name[@revision]` on the hub.
 * @param options Task, language and download.
 * @returns Plain data.
 * @throws {CheckpointError} If files are missing, damaged, or do not fit the config.
 * @throws {UnsupportedConfigError} If the config asks for something unsupported.
 * @throws {HubError} If the download fails.
 *
 * @example
 * ```ts
 * import { describeModel } from "./describe_model.ts";
 * import { fromFileUrl } from "./std.ts";
 * import { assertEquals } from "../tests/assert.ts";
 *
 * const folder = fromFileUrl(new URL("../tests/golden/ctc_adapter", import.meta.url));
 * const { frames, languages } = await describeModel(folder);
 * assertEquals(frames.strideMs, 7.5);
 * assertEquals(languages, ["deu", "eng", "fra"]);
 * ```
 */
export async function describeModel(
  source: string,
  options: DescribeModelOptions = {},
): Promise<ModelDescription> {
  const { targetLang } = options;
  const checkpoint = await openCheckpoint(source, options);
  const tokenizer = openTokenizer(checkpoint, targetLang);
  const { folder, task } = checkpoint;
  const files = await Promise.all(folder.files.map(async (name) => {
    return { name, byteLength: (await Deno.stat(join(folder.path, name))).size };
  }));
  const { config, ...weights } = isReadyExport(checkpoint)
    ? describeExport(checkpoint, files)
    : await describeWeights(checkpoint, targetLang);
  const labels = Object.values(config.id2label);
  return {
    source,
    folder: folder.path,
    family: config.model_type,
    task,
    architecture: architectureOf(config),
    frames: framesOf(checkpoint),
    vocabulary: tokenizer && vocabularyOf(tokenizer, config),
    labels: task.endsWith("classification") ? labels : undefined,
    languages: languagesOf(checkpoint, tokenizer),
    files,
    ...weights,
  };
}

type Described =
  & Pick<
    ModelDescription,
    "parameterCount" | "weightByteLengths" | "quantization" | "unusedTensors"
  >
  & { readonly config: ModelConfig };

async function describeWeights(
  checkpoint: Checkpoint,
  language: string | undefined,
): Promise<Described> {
  const { config, unusedTensors, openWeights, build } = await openNetwork(checkpoint, language);
  await using weights = await openWeights();
  const sizes = DTYPES.map((dtype) => {
    const precision = precisionOf(dtype, { name: "cpu", hasFloat16: true });
    return [dtype, weightByteLength(build(weights, { precision }))];
  });
  return {
    config,
    parameterCount: countParameters(weights, unusedTensors),
    weightByteLengths: Object.fromEntries(sizes),
    quantization: quantizationOf(weights),
    unusedTensors,
  };
}

function quantizationOf({ tensors }: WeightStore): QuantizationDescription[] {
  const ways = new Map<string, Packing & { modules: string[] }>();
  for (const [name, { packing }] of tensors) {
    if (packing === undefined) continue;
    const key = `${packing.format} ${packing.isDouble}`;
    if (!ways.has(key)) ways.set(key, { ...packing, modules: [] });
    ways.get(key)!.modules.push(name.replace(/\.weight$/, ""));
  }
  return [...ways.values()];
}

/** Statistics that batch norm keeps; nothing trains them. */
const BUFFER = /\.(running_mean|running_var|num_batches_tracked)$/;

function countParameters({ tensors }: WeightStore, unused: readonly string[]): number {
  const used = [...tensors].filter(([name]) => !unused.includes(name) && !BUFFER.test(name));
  return used.reduce((sum, [, { shape }]) => sum + elementCount(shape), 0);
}

function describeExport(
  { config }: Checkpoint,
  files: readonly FileDescription[],
): Described {
  const sizes = DTYPES.flatMap((dtype) => {
    const graph = EXPORT_FILES[dtype].map((name) => `onnx/${name}`)
      .find((name) => files.some((file) => file.name === name));
    if (graph === undefined) return [];
    const own = files.filter(({ name }) => name === graph || name.startsWith(`${graph}_data`));
    return [[dtype, own.reduce((sum, { byteLength }) => sum + byteLength, 0)]];
  });
  return {
    config,
    parameterCount: undefined,
    weightByteLengths: Object.fromEntries(sizes),
    quantization: [],
    unusedTensors: [],
  };
}

/** An export has the one it was made for, whatever its vocabulary lists. */
function languagesOf(checkpoint: Checkpoint, tokenizer: Tokenizer | undefined): string[] {
  const { languages = [], targetLang } = tokenizer?.vocabulary ?? {};
  if (isReadyExport(checkpoint)) return targetLang === undefined ? [] : [targetLang];
  return [...new Set([...checkpoint.folder.adapters.keys(), ...languages])].sort();
}

function architectureOf(config: ModelConfig): ArchitectureDescription {
  const sizes: EncoderSizes = {
    classes: config.architectures,
    layerCount: config.num_hidden_layers,
    hiddenSize: config.hidden_size,
    headCount: config.num_attention_heads,
    intermediateSize: config.intermediate_size,
  };
  if (config.model_type === "wav2vec2-bert") {
    const adapterLayerCount = config.add_adapter ? config.num_adapter_layers : 0;
    return {
      ...sizes,
      input: "features",
      featureSize: config.feature_projection_input_dim,
      convKernel: config.conv_depthwise_kernel_size,
      positions: config.position_embeddings_type,
      adapterStrides: Array.from({ length: adapterLayerCount }, () => config.adapter_stride),
    };
  }
  return {
    ...sizes,
    input: "waveform",
    convChannels: config.conv_dim,
    convKernels: config.conv_kernel,
    convStrides: config.conv_stride,
    convNorm: config.feat_extract_norm,
    normalizesFirst: config.do_stable_layer_norm,
  };
}

function framesOf({ family, config, waveform }: Checkpoint): FrameDescription {
  const { strideSamples, receptiveFieldSamples } = family.geometryOf(config, waveform);
  const sampleRateHz = waveform.sampling_rate;
  return {
    sampleRateHz,
    strideSamples,
    strideMs: samplesToMs(strideSamples, sampleRateHz),
    receptiveFieldSamples,
    receptiveFieldMs: samplesToMs(receptiveFieldSamples, sampleRateHz),
  };
}

function vocabularyOf({ vocabulary }: Tokenizer, config: ModelConfig): VocabularyDescription {
  const byId = [...vocabulary.tokens].sort(([a], [b]) => a - b);
  return {
    size: config.vocab_size ?? byId.length,
    tokens: byId.map(([, token]) => token),
    blank: vocabulary.tokens.get(config.pad_token_id ?? 0),
    wordDelimiter: vocabulary.wordDelimiterToken,
    language: vocabulary.targetLang,
  };
}
