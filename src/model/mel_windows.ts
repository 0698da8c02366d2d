/**
 * Features of overlapping windows of a stream: each log-mel frame is computed
 * once, and scaled anew in every window it lies in.
 *
 * Shapes: S samples, F log-mel frames, M mel bins, T features.
 *
 * @module
 */
import {
  addToStatistics,
  type FbankConfig,
  logMelOf,
  type MelStatistics,
  normalizeMels,
  noStatistics,
  stackMels,
} from "./fbank.ts";
import { FBANK_HOP_SAMPLES, melFrameCount } from "./fbank_geometry.ts";

/** Log-mel frames of a span of a stream. A plain record. */
interface MelSpan {
  readonly startFrame: number;
  /** [F, M] */
  readonly frames: Float32Array;
}

/** What is remembered of a stream from window to window. A plain record. */
export interface MelMemory {
  /** @internal Frames of the last window, as they were before scaling. */
  readonly kept: MelSpan;
  /** @internal Of the frames so far, where they scale the features. */
  readonly statistics: MelStatistics;
  /** @internal One past the last frame in the statistics. */
  readonly heardFrame: number;
}

/** Options of {@linkcode createMelWindows}. */
export interface MelWindowsOptions {
  /** What gives mean and variance: the window, as offline, or the stream so far. @default {"window"} */
  readonly normalization?: "window" | "running";
  /** Whether frames are kept for the windows that follow. @default {true} */
  readonly keepsFrames?: boolean;
}

/** Features of one window. */
export interface WindowFeatures {
  /** [T, stride · M] */
  readonly features: Float32Array;
  /** What is remembered from here on. */
  readonly memory: MelMemory;
}

/** Makes features of windows; its tables are shared by all streams. */
export interface MelWindows {
  /** Width of a feature: stride · M. */
  readonly featureSize: number;
  /** Begins a stream. */
  open(): MelMemory;
  /**
   * Features of the window that begins at `startSample`, a multiple of the hop.
   *
   * @param samples Its samples. // [S]
   * @param options What is remembered of its stream, which is not changed, and its place there.
   */
  read(
    samples: Float32Array,
    options: { readonly memory: MelMemory; readonly startSample: number },
  ): WindowFeatures;
}

/** Prepares for windows of any number of streams. */
export function createMelWindows(
  config: FbankConfig,
  { normalization = "window", keepsFrames = true }: MelWindowsOptions = {},
): MelWindows {
  const { num_mel_bins: binCount, stride } = config;
  const logMel = logMelOf(config);
  const nothing = noStatistics(binCount);
  const noFrames = { startFrame: 0, frames: new Float32Array(0) };

  /** Frames of a window, those that are kept not computed again. */
  function framesOf(samples: Float32Array, { kept, startFrame }: {
    kept: MelSpan;
    startFrame: number;
  }): Float32Array {
    const at = startFrame - kept.startFrame;
    const known = at < 0
      ? noFrames.frames
      : kept.frames.subarray(at * binCount, (at + melFrameCount(samples.length)) * binCount);
    const knownSamples = known.length / binCount * FBANK_HOP_SAMPLES;
    const fresh = logMel(samples.subarray(knownSamples));
    const frames = new Float32Array(known.length + fresh.length);
    frames.set(known);
    frames.set(fresh, known.length);
    return frames;
  }

  return {
    featureSize: binCount * stride,
    open: () => ({ kept: noFrames, statistics: nothing, heardFrame: 0 }),
    read(samples, { memory, startSample }) {
      const startFrame = startSample / FBANK_HOP_SAMPLES;
      const frames = framesOf(samples, { kept: memory.kept, startFrame });
      const heard = Math.max(0, memory.heardFrame - startFrame);
      const statistics = normalization === "running"
        ? addToStatistics(memory.statistics, frames.subarray(heard * binCount))
        : addToStatistics(nothing, frames);
      const scaled = statistics.frameCount < 2
        ? new Float32Array(frames.length) // one frame has no variance, and is its own mean
        : normalizeMels(frames, statistics);
      return {
        features: stackMels(scaled, config).data,
        memory: {
          kept: keepsFrames ? { startFrame, frames } : noFrames,
          statistics: normalization === "running" ? statistics : nothing,
          heardFrame: Math.max(memory.heardFrame, startFrame + frames.length / binCount),
        },
      };
    },
  };
}
