/**
 * Features as Wav2Vec2-BERT takes them: log-mel frames, each mel bin brought
 * to zero mean and unit variance, stacked in twos, padded to one length. Equal
 * to transformers' `SeamlessM4TFeatureExtractor`.
 *
 * Over a stream, `log_mel.ts` gives the frames; {@linkcode normalizeMels} and
 * {@linkcode stackMels} make features of any run of them, with statistics of
 * that run or of all frames so far ({@linkcode addToStatistics}).
 *
 * Shapes: B batch, S samples, F log-mel frames, M mel bins, T features.
 *
 * @module
 */
import { z } from "zod";
import { AudioError } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { type Constraint, count, flag, oneOf, parseFields } from "./config_fields.ts";
import { FBANK_HOP_SAMPLES, FBANK_WINDOW_SAMPLES, melFrameCount } from "./fbank_geometry.ts";
import { checkFinite, checkRate, paddedLength, type PaddingOptions } from "./padding.ts";
import { createLogMel, type LogMel } from "./log_mel.ts";

/** `preprocessor_config.json`, or `feature_extractor` of `processor_config.json`. */
export interface FbankConfig {
  /** Mel bins of a frame. @default {80} */
  readonly num_mel_bins: number;
  /** Rate the model was trained at, in samples a second; it places the mel filters. @default {16000} */
  readonly sampling_rate: number;
  /** Frames stacked into one feature, and from one feature to the next. @default {2} */
  readonly stride: number;
  /** What shorter inputs are filled up with. @default {0} */
  readonly padding_value: number;
  /** The end that is filled up. @default {"right"} */
  readonly padding_side: "right" | "left";
  /** Whether the model is told which features are padding. @default {true} */
  readonly return_attention_mask: boolean;
}

const fields = z.object({
  feature_extractor_type: z.literal("SeamlessM4TFeatureExtractor", '"SeamlessM4TFeatureExtractor"')
    .optional(),
  feature_size: count.default(80),
  num_mel_bins: count.default(80),
  sampling_rate: count.default(16000),
  stride: count.default(2),
  padding_value: z.number("a number").default(0),
  padding_side: oneOf(["right", "left"]).default("right"),
  return_attention_mask: flag.default(true),
}, "an object of fields");

function constraints({ feature_size, num_mel_bins }: z.infer<typeof fields>): Constraint<
  "feature_size"
>[] {
  return [{
    field: "feature_size",
    accepted: feature_size === num_mel_bins,
    supported: `num_mel_bins (${num_mel_bins})`,
  }];
}

/**
 * Checks the content of a `preprocessor_config.json` and fills in what it leaves out.
 *
 * @param json The parsed file.
 * @param options `path` of the file, for the error.
 * @throws {UnsupportedConfigError} If a field is not supported.
 */
export function parseFbankConfig(
  json: unknown,
  { path }: { readonly path?: string } = {},
): FbankConfig {
  const options = { what: "preprocessor_config.json", path, constraints };
  const { feature_extractor_type: _type, feature_size: _size, ...config } = parseFields(
    json,
    fields,
    options,
  );
  return config;
}

/** The log-mel transform a config asks for. */
export function logMelOf({ num_mel_bins, sampling_rate }: FbankConfig): LogMel {
  return createLogMel({ melBinCount: num_mel_bins, samplingRate: sampling_rate });
}

/** Mean and spread of each mel bin over frames. A plain record. */
export interface MelStatistics {
  /** Frames counted so far. */
  readonly frameCount: number;
  /** Mean of each bin. [M] */
  readonly mean: Float64Array;
  /** Sum of each bin's squared distances from its mean. [M] */
  readonly squares: Float64Array;
}

/** Statistics of no frames. */
export function noStatistics(melBinCount: number): MelStatistics {
  return {
    frameCount: 0,
    mean: new Float64Array(melBinCount),
    squares: new Float64Array(melBinCount),
  };
}

/**
 * Statistics of the frames so far and those that follow (Chan, Golub and
 * LeVeque), exact whatever the length of the stream.
 *
 * @param statistics Of the frames so far; not changed.
 * @param frames Those that follow. [F, M]
 */
export function addToStatistics(statistics: MelStatistics, frames: Float32Array): MelStatistics {
  const binCount = statistics.mean.length;
  const added = frames.length / binCount;
  if (added === 0) return statistics;
  const total = statistics.frameCount + added;
  const mean = statistics.mean.slice();
  const squares = statistics.squares.slice();
  for (let bin = 0; bin < binCount; bin++) {
    let sum = 0;
    for (let i = bin; i < frames.length; i += binCount) sum += frames[i]!;
    const addedMean = sum / added;
    let addedSquares = 0;
    for (let i = bin; i < frames.length; i += binCount) {
      addedSquares += (frames[i]! - addedMean) ** 2;
    }
    const distance = addedMean - mean[bin]!;
    mean[bin]! += distance * added / total;
    squares[bin]! += addedSquares + distance ** 2 * statistics.frameCount * added / total;
  }
  return { frameCount: total, mean, squares };
}

/** Keeps the variance of silence away from 0; the value models were trained with. */
const VARIANCE_FLOOR = 1e-7;

/**
 * Brings each mel bin to zero mean and unit variance.
 *
 * @param frames [F, M]
 * @param statistics Of these frames, or of all so far: at least 2 frames, as the variance is divided by one less.
 * @returns New frames. [F, M]
 */
export function normalizeMels(frames: Float32Array, statistics: MelStatistics): Float32Array {
  const { frameCount, mean, squares } = statistics;
  if (frameCount < 2) {
    throw new RangeError(`Cannot normalise by the variance of fewer than 2 frames: ${frameCount}`);
  }
  const scales = squares.map((sum) => 1 / Math.sqrt(sum / (frameCount - 1) + VARIANCE_FLOOR));
  return frames.map((value, i) => (value - mean[i % mean.length]!) * scales[i % mean.length]!);
}

/** Frames in stacks of `stride`; what is left over at the end is left out. frames: [F, M] → [⌊F / stride⌋, stride · M] */
export function stackMels(
  frames: Float32Array,
  { num_mel_bins, stride }: Pick<FbankConfig, "num_mel_bins" | "stride">,
): Tensor {
  const size = num_mel_bins * stride;
  const featureCount = Math.floor(frames.length / size);
  return { data: frames.slice(0, featureCount * size), shape: [featureCount, size] };
}

/** Options of {@linkcode extractFbank}. */
export interface ExtractFbankOptions extends PaddingOptions {
  /** Whether each mel bin is brought to zero mean and unit variance. @default {true} */
  readonly doNormalizePerMelBins?: boolean;
  /** Whether there is a mask. @default {config.return_attention_mask} */
  readonly returnAttentionMask?: boolean;
  /** Rate of the inputs in samples a second; must be the model's. @default {config.sampling_rate} */
  readonly samplingRate?: number;
}

/** A batch of features, ready for the model. */
export interface FbankBatch {
  /** [B, T, stride · M] */
  readonly inputFeatures: Tensor;
  /** 1 where a feature is not padding. [B, T] */
  readonly attentionMask: Tensor<Int32Array> | undefined;
}

/**
 * Brings audio to the form the model was trained on.
 *
 * @param inputs Samples of each input; of one with several channels only the first counts, as in transformers.
 * @param config What the model wants.
 * @throws {AudioError} If an input is too short for one feature, or holds NaN or infinity.
 * @throws {RangeError} If an option is out of range, or the rate is not the model's.
 *
 * @example
 * ```ts
 * import { extractFbank, parseFbankConfig } from "./fbank.ts";
 * import { assertEquals } from "../../tests/assert.ts";
 *
 * const config = parseFbankConfig({ feature_extractor_type: "SeamlessM4TFeatureExtractor" });
 * const noise = Float32Array.from({ length: 1600 }, () => Math.random() - 0.5);
 * const batch = extractFbank([noise, noise.subarray(800)], config);
 * assertEquals(batch.inputFeatures.shape, [2, 4, 160]);
 * assertEquals(batch.attentionMask?.data, Int32Array.of(1, 1, 1, 1, 1, 0, 0, 0));
 * ```
 */
export function extractFbank(
  inputs: readonly (Float32Array | readonly Float32Array[])[], // B of [S] or [channels][S]
  config: FbankConfig,
  options: ExtractFbankOptions = {},
): FbankBatch {
  const { doNormalizePerMelBins = true, returnAttentionMask = config.return_attention_mask } =
    options;
  checkRate(config.sampling_rate, options.samplingRate);
  const waveforms = inputs.map((input) => input instanceof Float32Array ? input : input[0]!);
  waveforms.forEach((samples, row) => checkSamples(samples, { row, config }));
  const logMel = logMelOf(config);
  const mels = waveforms.map((samples) => {
    const frames = logMel(samples);
    if (!doNormalizePerMelBins) return frames;
    return normalizeMels(frames, addToStatistics(noStatistics(config.num_mel_bins), frames));
  });
  const { inputFeatures, attentionMask } = padMels(mels, config, options);
  return { inputFeatures, attentionMask: returnAttentionMask ? attentionMask : undefined };
}

/** mels: B of [F, M] */
function padMels(mels: readonly Float32Array[], config: FbankConfig, options: ExtractFbankOptions) {
  const { num_mel_bins, stride, padding_value, padding_side } = config;
  const lengths = mels.map((frames) => frames.length / num_mel_bins);
  const { cut, length } = paddedLength(lengths, {
    ...options,
    padToMultipleOf: options.padToMultipleOf ?? 2,
    unit: "log-mel frames",
  });
  const featureCount = Math.floor(length / stride);
  const size = stride * num_mel_bins;
  const features = new Float32Array(mels.length * featureCount * size);
  const mask = new Int32Array(mels.length * featureCount);
  const padded = new Float32Array(length * num_mel_bins);
  for (const [row, frames] of mels.entries()) {
    const frameCount = Math.min(frames.length / num_mel_bins, cut);
    const start = padding_side === "left" ? length - frameCount : 0;
    padded.fill(padding_value);
    padded.set(frames.subarray(0, frameCount * num_mel_bins), start * num_mel_bins);
    features.set(padded.subarray(0, featureCount * size), row * featureCount * size);
    for (let feature = 0; feature < featureCount; feature++) {
      // a feature counts when its second frame does, as in the reference
      const frame = feature * stride + Math.min(1, stride - 1);
      if (frame >= start && frame < start + frameCount) mask[row * featureCount + feature] = 1;
    }
  }
  return {
    inputFeatures: { data: features, shape: [mels.length, featureCount, size] },
    attentionMask: { data: mask, shape: [mels.length, featureCount] },
  };
}

function checkSamples(
  samples: Float32Array,
  { row, config }: { row: number; config: FbankConfig },
): void {
  const fewestFrames = Math.max(2, config.stride); // two for the variance
  if (melFrameCount(samples.length) < fewestFrames) {
    const fewest = (fewestFrames - 1) * FBANK_HOP_SAMPLES + FBANK_WINDOW_SAMPLES;
    throw new AudioError(
      `Cannot take waveform ${row} as a feature needs at least ${fewest} samples: it has ${samples.length}`,
    );
  }
  checkFinite(samples, row);
}
