/**
 * Features of overlapping windows: those kept from the last one joined with the
 * fresh, and several windows' side by side in one block.
 *
 * Shapes: B windows, T frames, C channels.
 *
 * @module
 */

/** A span of a stream's frames, such as a window. */
interface FrameSpan {
  readonly startFrame: number;
  /** One past the last. */
  readonly endFrame: number;
}

/** Front-end frames of a span of a stream. A plain record. */
export interface FeatureSpan extends FrameSpan {
  /** [endFrame − startFrame, C] */
  readonly data: Float32Array;
}

/** No frames. */
export const NO_FEATURES: FeatureSpan = { startFrame: 0, endFrame: 0, data: new Float32Array(0) };

/** Rows of one run: padded to the longest, with the frames that count. */
export interface PaddedRows {
  /** [B, T, C] */
  readonly data: Float32Array;
  readonly frameCounts: readonly number[];
  readonly frameCount: number;
}

/** The frames of a window that come after those kept. */
export function freshFrames(
  window: FrameSpan,
  { startFrame, endFrame }: FeatureSpan,
): { start: number; frameCount: number } {
  const reaches = startFrame <= window.startFrame && window.startFrame < endFrame;
  const start = reaches ? Math.min(endFrame, window.endFrame) : window.startFrame;
  return { start, frameCount: window.endFrame - start };
}

/** Kept and fresh frames of a window, those before it forgotten. */
export function joinSpan(
  window: FrameSpan,
  kept: FeatureSpan,
  fresh: Float32Array, // [T', C]
): FeatureSpan {
  const { start, frameCount } = freshFrames(window, kept);
  const channels = frameCount === 0
    ? kept.data.length / (kept.endFrame - kept.startFrame)
    : fresh.length / frameCount;
  const data = new Float32Array((window.endFrame - window.startFrame) * channels);
  const keptFrom = (window.startFrame - kept.startFrame) * channels;
  const keptLength = (start - window.startFrame) * channels;
  if (keptLength > 0) data.set(kept.data.subarray(keptFrom, keptFrom + keptLength));
  data.set(fresh, keptLength);
  return { startFrame: window.startFrame, endFrame: window.endFrame, data };
}

/** Rows of different lengths in one block, zeros after each. */
export function padRows(
  rows: readonly Float32Array[],
  { frameCounts, frameCount, channels }: {
    frameCounts: readonly number[];
    frameCount: number;
    channels: number;
  },
): PaddedRows {
  const data = new Float32Array(rows.length * frameCount * channels);
  rows.forEach((row, index) => data.set(row, index * frameCount * channels));
  return { data, frameCounts, frameCount };
}
