/**
 * Frame-stride arithmetic: which samples a frame sees, how many frames a
 * recording has. The only file that knows; everything else asks.
 *
 * @module
 */

/**
 * The frame grid of one encoder. Frame `g` (counted from the start of the
 * stream) sees samples `[g · strideSamples, g · strideSamples + receptiveFieldSamples)`.
 */
export interface FrameGeometry {
  /** Samples from one frame's first sample to the next frame's. */
  readonly strideSamples: number;
  /** Samples that one frame sees: its receptive field. */
  readonly receptiveFieldSamples: number;
  /** Frames the encoder makes of `sampleCount` samples; 0 when they are too few for one. */
  frameCount(sampleCount: number): number;
  /** Fewest samples that hold exactly `frameCount` frames; 0 for 0 frames. */
  sampleCount(frameCount: number): number;
}

/**
 * The grid of a stack of unpadded 1-D convolutions, as in HuBERT's front end
 * (`_get_feat_extract_output_lengths` in transformers).
 *
 * @param kernels `conv_kernel` of the config, one entry a layer.
 * @param strides `conv_stride` of the config, one entry a layer.
 * @returns The grid: stride `Π s_i`, receptive field `1 + Σ (k_i − 1) · Π_{j<i} s_j`.
 * @throws {RangeError} If the lists differ in length, are empty, or hold anything but positive integers.
 */
export function convGeometry(
  kernels: readonly number[],
  strides: readonly number[],
): FrameGeometry {
  if (kernels.length === 0 || kernels.length !== strides.length) {
    throw new RangeError(
      `Cannot derive the frame grid: conv_kernel and conv_stride must have the same length of at least 1, got ${kernels.length} and ${strides.length}`,
    );
  }
  if (![...kernels, ...strides].every((value) => Number.isSafeInteger(value) && value > 0)) {
    throw new RangeError(
      `Cannot derive the frame grid: conv_kernel and conv_stride must hold positive integers, got [${kernels}] and [${strides}]`,
    );
  }
  let strideSamples = 1;
  let receptiveFieldSamples = 1;
  for (const [layer, kernel] of kernels.entries()) {
    receptiveFieldSamples += (kernel - 1) * strideSamples;
    strideSamples *= strides[layer]!;
  }
  return {
    strideSamples,
    receptiveFieldSamples,
    frameCount: (sampleCount) => {
      let length = sampleCount;
      for (const [layer, kernel] of kernels.entries()) {
        if (length < kernel) return 0;
        length = Math.floor((length - kernel) / strides[layer]!) + 1;
      }
      return length;
    },
    sampleCount: (frameCount) =>
      frameCount <= 0 ? 0 : (frameCount - 1) * strideSamples + receptiveFieldSamples,
  };
}
