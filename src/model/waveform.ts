/**
 * Waveforms as HuBERT and wav2vec 2.0 take them: scaled, padded to one length,
 * with a mask where the model wants one. Equal to transformers'
 * `Wav2Vec2FeatureExtractor`.
 *
 * Shapes: B batch, S samples.
 *
 * @module
 */
import { z } from "zod";
import { AudioError, UnsupportedConfigError } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { checkFinite, checkRate, paddedLength, type PaddingOptions } from "./padding.ts";

/** `preprocessor_config.json`, or `feature_extractor` of `processor_config.json`. */
export interface WaveformConfig {
  /** Rate the model was trained at, in samples a second. @default {16000} */
  readonly sampling_rate: number;
  /** Whether each waveform is brought to zero mean and unit variance. @default {true} */
  readonly do_normalize: boolean;
  /** Whether the model is told which samples are padding. @default {false} */
  readonly return_attention_mask: boolean;
  /** What shorter waveforms are filled up with. @default {0} */
  readonly padding_value: number;
  /** The end that is filled up. @default {"right"} */
  readonly padding_side: "right" | "left";
  /** Longest input the model was made for, in seconds; null without a limit. @default {null} */
  readonly chunk_length_s: number | null;
}

const fields = z.object({
  feature_extractor_type: z.literal("Wav2Vec2FeatureExtractor", '"Wav2Vec2FeatureExtractor"')
    .optional(),
  feature_size: z.literal(1, "1").optional(),
  sampling_rate: z.int("a positive integer").min(1, "a positive integer").default(16000),
  do_normalize: z.boolean("true or false").default(true),
  return_attention_mask: z.boolean("true or false").default(false),
  padding_value: z.number("a number").default(0),
  padding_side: z.enum(["right", "left"], '"right" or "left"').default("right"),
  chunk_length_s: z.number("a positive number").gt(0, "a positive number").nullable().default(null),
}, "an object of fields");

/**
 * Checks the content of a `preprocessor_config.json` and fills in what it leaves out.
 *
 * @param json The parsed file.
 * @param options `path` of the file, for the error.
 * @throws {UnsupportedConfigError} If a field is not supported.
 */
export function parseWaveformConfig(
  json: unknown,
  { path }: { readonly path?: string } = {},
): WaveformConfig {
  const result = fields.safeParse(json);
  if (!result.success) {
    const { path: [field = "preprocessor_config.json"], message } = result.error.issues[0]!;
    const value = (json as Record<PropertyKey, unknown> | null)?.[field];
    const where = path === undefined ? {} : { path };
    throw new UnsupportedConfigError(String(field), value, message, where);
  }
  const { feature_extractor_type: _type, feature_size: _size, ...config } = result.data;
  return config;
}

/** Options of {@linkcode prepareWaveforms}. */
export interface PrepareWaveformsOptions extends PaddingOptions {
  /** Whether there is a mask. @default {config.return_attention_mask} */
  readonly returnAttentionMask?: boolean;
  /** Rate of the waveforms in samples a second; must be the model's. @default {config.sampling_rate} */
  readonly samplingRate?: number;
}

/** A batch of waveforms, ready for the model. */
export interface WaveformBatch {
  /** Samples. [B, S] */
  readonly inputValues: Tensor;
  /** 1 where a sample is not padding. [B, S] */
  readonly attentionMask: Tensor<Int32Array> | undefined;
}

/**
 * Brings waveforms to the form the model was trained on.
 *
 * Without a mask, the padding counts when a waveform is scaled, as in
 * transformers: models without one were trained that way. Where that is not
 * wanted, prepare each waveform by itself.
 *
 * @param waveforms Mono samples, each waveform as long as it is.
 * @param config What the model wants.
 * @throws {AudioError} If a waveform is empty or holds NaN or infinity.
 * @throws {RangeError} If an option is out of range, or the rate is not the model's.
 *
 * @example
 * ```ts
 * import { parseWaveformConfig, prepareWaveforms } from "./waveform.ts";
 * import { assertEquals } from "../../tests/assert.ts";
 *
 * const config = parseWaveformConfig({ do_normalize: false, return_attention_mask: true });
 * const batch = prepareWaveforms([Float32Array.of(0.5, 0.25), Float32Array.of(0.125)], config);
 * assertEquals(batch.inputValues.data, Float32Array.of(0.5, 0.25, 0.125, 0));
 * assertEquals(batch.attentionMask?.data, Int32Array.of(1, 1, 1, 0));
 * ```
 */
export function prepareWaveforms(
  waveforms: readonly Float32Array[], // B of [S]
  config: WaveformConfig,
  options: PrepareWaveformsOptions = {},
): WaveformBatch {
  const { returnAttentionMask = config.return_attention_mask } = options;
  checkRate(config.sampling_rate, options.samplingRate);
  waveforms.forEach(checkSamples);
  const lengths = waveforms.map((samples) => samples.length);
  const { cut, length } = paddedLength(lengths, { ...options, unit: "samples" });
  const shape = [waveforms.length, length];
  const values = new Float32Array(waveforms.length * length).fill(config.padding_value);
  const mask = new Int32Array(values.length);
  for (const [row, { length: uncut }] of waveforms.entries()) {
    const count = Math.min(uncut, cut);
    const start = row * length + (config.padding_side === "left" ? length - count : 0);
    values.set(waveforms[row]!.subarray(0, count), start);
    mask.fill(1, start, start + count);
    if (!config.do_normalize) continue;
    const own = values.subarray(start, start + count);
    normalizeInPlace(
      returnAttentionMask ? own : values.subarray(row * length, (row + 1) * length),
    );
  }
  return {
    inputValues: { data: values, shape },
    attentionMask: returnAttentionMask ? { data: mask, shape } : undefined,
  };
}

/** Keeps the variance of silence away from 0; the value models were trained with. */
const VARIANCE_FLOOR = 1e-7;

/** Scales samples to zero mean and unit variance where they lie. samples: [S] */
export function normalizeInPlace(samples: Float32Array): void {
  const { length } = samples; // for-of takes five times as long
  let sum = 0;
  for (let i = 0; i < length; i++) sum += samples[i]!;
  const mean = sum / length;
  let squares = 0;
  for (let i = 0; i < length; i++) squares += (samples[i]! - mean) ** 2;
  const scale = 1 / Math.sqrt(squares / length + VARIANCE_FLOOR);
  for (let i = 0; i < length; i++) samples[i] = (samples[i]! - mean) * scale;
}

function checkSamples(samples: Float32Array, row: number): void {
  if (samples.length === 0) {
    throw new AudioError(`Cannot take waveform ${row} as it is empty: 0 samples`);
  }
  checkFinite(samples, row);
}
