/**
 * Kaldi's log-mel filter bank, as transformers' `SeamlessM4TFeatureExtractor`
 * computes it: each window without its mean, pre-emphasised, under a Povey
 * window, its power in triangular mel filters, their logarithm.
 *
 * A frame depends on its own 400 samples only. Over a stream each is therefore
 * computed once, on the grid that starts with the stream.
 *
 * Shapes: S samples, F log-mel frames, M mel bins.
 *
 * @module
 */
import { FBANK_HOP_SAMPLES, FBANK_WINDOW_SAMPLES, melFrameCount } from "./fbank_geometry.ts";
import { createPowerSpectrum } from "./real_fft.ts";

const FFT_LENGTH = 512;
const BIN_COUNT = FFT_LENGTH / 2 + 1;
const LOWEST_HZ = 20;
const PRE_EMPHASIS = 0.97;
/** Kaldi's samples are 16-bit integers. */
const SAMPLE_SCALE = 2 ** 15;
/** Keeps silence away from the logarithm of 0: the spacing of 32-bit floats at 1. */
const ENERGY_FLOOR = 2 ** -23;

/** What the filters depend on. */
export interface LogMelOptions {
  /** Filters, M. @default {80} */
  readonly melBinCount?: number;
  /** Samples a second, which places the filters. @default {16000} */
  readonly samplingRate?: number;
}

/** Log-mel frames of samples, whole windows only. samples: [S] → [F, M] */
export type LogMel = (samples: Float32Array) => Float32Array;

/** A filter, without the zeros around it. */
interface MelFilter {
  readonly firstBin: number;
  readonly weights: Float64Array;
}

/** Prepares the transform; its tables are made once and its buffers reused. */
export function createLogMel(
  { melBinCount = 80, samplingRate = 16000 }: LogMelOptions = {},
): LogMel {
  const filters = melFilters(melBinCount, samplingRate);
  const window = poveyWindow();
  const powerSpectrum = createPowerSpectrum(FFT_LENGTH);
  const buffer = new Float64Array(FFT_LENGTH);
  const power = new Float64Array(BIN_COUNT);
  return (samples) => {
    const frameCount = melFrameCount(samples.length);
    const frames = new Float32Array(frameCount * melBinCount);
    for (let frame = 0; frame < frameCount; frame++) {
      fillWindow(buffer, { samples, start: frame * FBANK_HOP_SAMPLES, window });
      powerSpectrum(buffer, power);
      for (const [bin, { firstBin, weights }] of filters.entries()) {
        let energy = 0;
        for (let i = 0; i < weights.length; i++) energy += weights[i]! * power[firstBin + i]!;
        frames[frame * melBinCount + bin] = Math.log(Math.max(ENERGY_FLOOR, energy));
      }
    }
    return frames;
  };
}

/** One window into the first samples of `buffer`; those behind stay 0. */
function fillWindow(
  buffer: Float64Array,
  { samples, start, window }: { samples: Float32Array; start: number; window: Float64Array },
): void {
  let sum = 0;
  for (let i = 0; i < FBANK_WINDOW_SAMPLES; i++) sum += samples[start + i]!;
  const mean = sum / FBANK_WINDOW_SAMPLES;
  let previous = samples[start]! - mean;
  for (let i = 0; i < FBANK_WINDOW_SAMPLES; i++) {
    const current = samples[start + i]! - mean;
    buffer[i] = (current - PRE_EMPHASIS * previous) * SAMPLE_SCALE * window[i]!;
    previous = current;
  }
}

/** A Hann window to the power of 0.85. */
function poveyWindow(): Float64Array {
  return Float64Array.from(
    { length: FBANK_WINDOW_SAMPLES },
    (_, i) => (0.5 - 0.5 * Math.cos(2 * Math.PI * i / (FBANK_WINDOW_SAMPLES - 1))) ** 0.85,
  );
}

function melOfHz(hz: number): number {
  return 1127 * Math.log(1 + hz / 700);
}

/** Triangles of equal width on the mel scale, each up to its neighbours' peaks. */
function melFilters(melBinCount: number, samplingRate: number): MelFilter[] {
  const lowest = melOfHz(LOWEST_HZ);
  const spacing = (melOfHz(Math.floor(samplingRate / 2)) - lowest) / (melBinCount + 1);
  const bins = Array.from(
    { length: BIN_COUNT },
    (_, bin) => melOfHz(bin * samplingRate / FFT_LENGTH),
  );
  return Array.from({ length: melBinCount }, (_, filter) => {
    const peak = lowest + (filter + 1) * spacing;
    const all = bins.map((mel) => Math.max(0, 1 - Math.abs(mel - peak) / spacing));
    const firstBin = Math.max(0, all.findIndex((weight) => weight > 0));
    const lastBin = all.findLastIndex((weight) => weight > 0);
    return { firstBin, weights: Float64Array.from(all.slice(firstBin, lastBin + 1)) };
  });
}

/** What goes on from one chunk of a stream to the next. A plain record. */
export interface LogMelState {
  /** The log-mel frame that comes next, counted from the start of the stream. */
  readonly nextFrame: number;
  /** Samples from the start of that frame on, fewer than a window. */
  readonly tail: Float32Array;
}

/** Frames of a chunk, and the state to go on from. */
export interface LogMelChunk {
  /** What to go on from. */
  readonly state: LogMelState;
  /** The first frame's number, counted from the start of the stream. */
  readonly startFrame: number;
  /** [F, M] */
  readonly frames: Float32Array;
}

/** The state at the start of a stream. */
export function startLogMel(): LogMelState {
  return { nextFrame: 0, tail: new Float32Array(0) };
}

/**
 * Log-mel frames of the samples that follow. However a stream is cut into
 * chunks, its frames are those of the whole.
 *
 * @returns Frames that are complete, and the state to go on from; `state` is not changed.
 *
 * @example
 * ```ts
 * import { continueLogMel, createLogMel, startLogMel } from "./log_mel.ts";
 * import { assertEquals } from "../../tests/assert.ts";
 *
 * const logMel = createLogMel();
 * const first = continueLogMel(startLogMel(), new Float32Array(600), { logMel });
 * const second = continueLogMel(first.state, new Float32Array(200), { logMel });
 * assertEquals([first.startFrame, second.startFrame, second.state.nextFrame], [0, 2, 3]);
 * ```
 */
export function continueLogMel(
  state: LogMelState,
  samples: Float32Array, // [S]
  { logMel }: { readonly logMel: LogMel },
): LogMelChunk {
  const startFrame = state.nextFrame;
  const known = new Float32Array(state.tail.length + samples.length);
  known.set(state.tail);
  known.set(samples, state.tail.length);
  const frameCount = melFrameCount(known.length);
  return {
    state: {
      nextFrame: startFrame + frameCount,
      tail: known.slice(frameCount * FBANK_HOP_SAMPLES),
    },
    startFrame,
    frames: logMel(known),
  };
}
