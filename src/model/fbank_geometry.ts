/**
 * The frame grid of models that eat stacked log-mel frames. It lies here and
 * not in `geometry.ts` because only this family has it; everything else sees a
 * `FrameGeometry` like any other.
 *
 * @module
 */
import type { FrameGeometry } from "../geometry.ts";
import type { Wav2Vec2BertConfig } from "./wav2vec2_bert_config.ts";

/** Samples of one log-mel frame. Kaldi's 25 ms at 16 kHz, fixed in the reference. */
export const FBANK_WINDOW_SAMPLES = 400;
/** Samples from one log-mel frame to the next: 10 ms. */
export const FBANK_HOP_SAMPLES = 160;

/** Log-mel frames in a recording: whole windows only. */
export function melFrameCount(sampleCount: number): number {
  if (sampleCount < FBANK_WINDOW_SAMPLES) return 0;
  return Math.floor((sampleCount - FBANK_WINDOW_SAMPLES) / FBANK_HOP_SAMPLES) + 1;
}

/** The fields of a config that bear on the grid. */
export type AdapterFields = Pick<
  Wav2Vec2BertConfig,
  "add_adapter" | "num_adapter_layers" | "adapter_kernel_size" | "adapter_stride"
>;

/** Frames the adapter makes of `frameCount` encoder frames; as many where there is no adapter. */
export function adapterFrameCount(config: AdapterFields, frameCount: number): number {
  return throughAdapter(config, frameCount, Math.floor(config.adapter_stride / 2));
}

/**
 * Frames of a row that are not padding, as the reference's losses count them
 * (`_get_feat_extract_output_lengths`). It takes half the kernel for the
 * convolution's padding, which really is half the stride: the two counts
 * differ where those do, and where they do not, they are
 * {@linkcode adapterFrameCount}'s.
 */
export function labelledFrameCount(config: AdapterFields, frameCount: number): number {
  return throughAdapter(config, frameCount, Math.floor(config.adapter_kernel_size / 2));
}

function throughAdapter(config: AdapterFields, frameCount: number, padding: number): number {
  const { add_adapter, num_adapter_layers, adapter_kernel_size, adapter_stride } = config;
  let length = frameCount;
  for (let layer = 0; add_adapter && layer < num_adapter_layers; layer++) {
    const span = length + 2 * padding - adapter_kernel_size;
    if (length <= 0 || span < 0) return 0;
    length = Math.floor(span / adapter_stride) + 1;
  }
  return length;
}

/** Fewest encoder frames of which the adapter makes at least `frameCount`. */
function encoderFrameCount(config: AdapterFields, frameCount: number): number {
  const { add_adapter, num_adapter_layers, adapter_kernel_size, adapter_stride } = config;
  const padding = 2 * Math.floor(adapter_stride / 2);
  let length = frameCount;
  for (let layer = 0; add_adapter && layer < num_adapter_layers; layer++) {
    length = Math.max(1, (length - 1) * adapter_stride + adapter_kernel_size - padding);
  }
  return length;
}

/**
 * The grid of a Wav2Vec2-BERT model: log-mel hop × stacked frames × adapter
 * strides.
 *
 * Without an adapter, frame `g` sees exactly samples `[g · strideSamples,
 * g · strideSamples + receptiveFieldSamples)`. Adapter layers centre their
 * kernels on zero padding, so that frame `g` begins to see up to half a stride
 * earlier; where it ends to see is still within the receptive field.
 *
 * @param config Adapter of the model.
 * @param options `stackedFrames`: log-mel frames in one feature, `stride` of the preprocessor's config.
 *
 * @example
 * ```ts
 * import { wav2Vec2BertGeometry } from "./fbank_geometry.ts";
 * import { parseWav2Vec2BertConfig } from "./wav2vec2_bert_config.ts";
 * import { assertEquals } from "../../tests/assert.ts";
 *
 * const config = parseWav2Vec2BertConfig({ model_type: "wav2vec2-bert" });
 * const geometry = wav2Vec2BertGeometry(config);
 * assertEquals([geometry.strideSamples, geometry.receptiveFieldSamples], [320, 560]);
 * assertEquals(geometry.frameCount(16_000), 49);
 * ```
 */
export function wav2Vec2BertGeometry(
  config: AdapterFields,
  { stackedFrames = 2 }: { readonly stackedFrames?: number } = {},
): FrameGeometry {
  if (!Number.isSafeInteger(stackedFrames) || stackedFrames < 1) {
    throw new RangeError(
      `Cannot derive the frame grid: stackedFrames must be a positive integer, got ${stackedFrames}`,
    );
  }
  const featureStride = stackedFrames * FBANK_HOP_SAMPLES;
  const featureField = (stackedFrames - 1) * FBANK_HOP_SAMPLES + FBANK_WINDOW_SAMPLES;
  let stride = 1;
  let field = 1;
  for (let layer = 0; config.add_adapter && layer < config.num_adapter_layers; layer++) {
    field += (config.adapter_kernel_size - 1) * stride;
    stride *= config.adapter_stride;
  }
  return {
    strideSamples: stride * featureStride,
    receptiveFieldSamples: (field - 1) * featureStride + featureField,
    frameCount: (sampleCount) =>
      adapterFrameCount(config, Math.floor(melFrameCount(sampleCount) / stackedFrames)),
    sampleCount: (frameCount) =>
      frameCount <= 0
        ? 0
        : (encoderFrameCount(config, frameCount) - 1) * featureStride + featureField,
  };
}
