/**
 * Which window of a stream is to be encoded next: a pure function of how far the
 * stream has come.
 *
 * Every window starts on a multiple of the stride, so its frames are frames of the
 * whole recording. It commits only its inner frames; the ones before are context, the
 * ones after are context and may be shown as tentative. Where a word's end is heard among
 * these, the frames up to it may be committed, too: what the window says decides. From window to window the
 * inner frames follow each other without a gap, so that over the whole stream frames
 * `0 … frameCount(samples) − 1` are committed, each exactly once.
 *
 * A finalize commits the frames that lie wholly before its sample. A frame that sees
 * samples on both sides of it is not lost and not doubled: it is the next frame of the
 * grid, and is committed with the audio that follows.
 *
 * @module
 */
import type { WindowPolicy } from "./window_policy.ts";

/** How far a stream has come. A plain record. */
export interface StreamProgress {
  /** Samples received since stream start. */
  readonly samplesReceived: number;
  /** Frames committed: all before this one. */
  readonly framesCommitted: number;
  /** One past the last frame of the latest window; the frames from `framesCommitted` on are tentative. */
  readonly framesSeen: number;
  /** Whether no samples will follow. */
  readonly isEnded: boolean;
  /**
   * Samples received when a finalize was last asked for. It is served once
   * `framesCommitted` is at least the frame count of that many samples.
   */
  readonly finalizeAtSample?: number | undefined;
}

/** A span of samples and its frames. */
export interface WindowSpan {
  /** First sample: a multiple of the stride. Samples before the stream, which are negative, are silence. */
  readonly startSample: number;
  /** One past the last sample. Samples beyond the end of the stream are silence. */
  readonly endSample: number;
  /** First frame. */
  readonly startFrame: number;
  /** One past the last frame. */
  readonly endFrame: number;
}

/** A span worth encoding, and the frames of it to commit. */
export interface Window extends WindowSpan {
  /** First frame to commit: the one after the last committed. */
  readonly commitStartFrame: number;
  /** One past the last frame to commit in any case; the rest is tentative. */
  readonly commitEndFrame: number;
  /** One past the last letter that is certain where the window before has it, too. */
  readonly agreedEndFrame: number;
  /** One past the last frame that may be committed with a word's end. */
  readonly commitLimitFrame: number;
  /** What is complete with this window: what was asked to be finalized, or the stream. */
  readonly completes: "nothing" | "finalize" | "stream";
}

/** What a stream is to do next. */
export type Plan =
  | { readonly kind: "window"; readonly window: Window }
  /** Nothing, until this many samples are received, or a finalize or the end comes. */
  | { readonly kind: "wait"; readonly untilSample: number }
  /** All is committed. */
  | { readonly kind: "done" };

/** The progress of a stream that has not begun. */
export const STREAM_START: StreamProgress = {
  samplesReceived: 0,
  framesCommitted: 0,
  framesSeen: 0,
  isEnded: false,
};

/**
 * Says what a stream is to do next.
 *
 * @param progress How far the stream has come.
 * @param policy How long windows are. May differ from call to call in its hop.
 * @throws {RangeError} If a finalize is asked for at a sample that was not received.
 *
 * @example
 * ```ts
 * import { convGeometry } from "../geometry.ts";
 * import { afterWindow, planNext, STREAM_START } from "./planner.ts";
 * import { OFFLINE_WINDOWS, windowPolicy } from "./window_policy.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const geometry = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);
 * const policy = windowPolicy(geometry, OFFLINE_WINDOWS);
 * let progress = { ...STREAM_START, samplesReceived: 960_000, isEnded: true };
 * const committed: number[][] = [];
 * for (let plan = planNext(progress, policy); plan.kind === "window";) {
 *   committed.push([plan.window.commitStartFrame, plan.window.commitEndFrame]);
 *   progress = afterWindow(progress, plan.window);
 *   plan = planNext(progress, policy);
 * }
 * assertEquals(committed, [[0, 1399], [1399, 2598], [2598, 2999]]);
 * ```
 */
export function planNext(progress: StreamProgress, policy: WindowPolicy): Plan {
  const flush = pendingFlush(progress, policy);
  const availableFrames = policy.geometry.frameCount(progress.samplesReceived);
  if (flush !== undefined) {
    const dueFrame = nextDueFrame(progress, policy);
    if (!policy.catchUp && dueFrame <= Math.min(flush.endFrame, availableFrames)) {
      return { kind: "window", window: hopWindow(progress, policy, dueFrame) };
    }
    return { kind: "window", window: flushWindow(progress, policy, flush) };
  }
  if (progress.isEnded) return { kind: "done" };
  const dueFrame = nextDueFrame(progress, policy);
  if (availableFrames < dueFrame) {
    return { kind: "wait", untilSample: policy.geometry.sampleCount(dueFrame) };
  }
  const lastFrame = Math.min(availableFrames, windowLimitFrame(progress, policy));
  const endFrame = policy.catchUp ? lastFrame : dueFrame;
  return { kind: "window", window: hopWindow(progress, policy, endFrame) };
}

/** One past the last frame that a window had to wait for. */
export function dueFrameOf(
  progress: StreamProgress,
  policy: WindowPolicy,
  { endFrame }: WindowSpan,
): number {
  return Math.min(endFrame, nextDueFrame(progress, policy));
}

/**
 * The progress once a window's frames are committed and its rest is seen.
 *
 * @param progress Before it.
 * @param window The window.
 * @param framesCommitted One past the last frame that was committed, from `commitEndFrame` to `commitLimitFrame`.
 */
export function afterWindow(
  progress: StreamProgress,
  window: Window,
  framesCommitted = window.commitEndFrame,
): StreamProgress {
  return { ...progress, framesCommitted, framesSeen: window.endFrame };
}

/** First sample that a later window can still ask for; earlier ones may be forgotten. */
export function firstNeededSample(progress: StreamProgress, policy: WindowPolicy): number {
  return firstNeededFrame(progress, policy) * policy.geometry.strideSamples;
}

/** Everything up to here is to be committed without waiting for more. */
interface Flush {
  endSample: number;
  endFrame: number;
  completes: "finalize" | "stream";
}

/** The earliest flush that still has frames to commit. */
function pendingFlush(progress: StreamProgress, policy: WindowPolicy): Flush | undefined {
  const { samplesReceived, finalizeAtSample = 0, isEnded, framesCommitted } = progress;
  if (finalizeAtSample > samplesReceived) {
    throw new RangeError(
      `Cannot finalize at sample ${finalizeAtSample} as it was not received: received are ${samplesReceived}`,
    );
  }
  const flushes: Flush[] = [{
    endSample: finalizeAtSample,
    endFrame: policy.geometry.frameCount(finalizeAtSample),
    completes: "finalize",
  }];
  if (isEnded && samplesReceived > 0) {
    const endSample = samplesReceived + policy.tailPaddingSamples;
    const endFrame = policy.geometry.frameCount(endSample);
    flushes.push({ endSample, endFrame, completes: "stream" });
  }
  return flushes.find(({ endFrame }) => framesCommitted < endFrame);
}

/** First frame of a window up to `endFrame`: in a young stream one of the silence before it. */
function windowStartFrame(
  progress: StreamProgress,
  policy: WindowPolicy,
  endFrame: number,
): number {
  const leadFrame = Math.min(0, endFrame - policy.leadFrames);
  return Math.max(leadFrame, progress.framesCommitted - policy.leftFrames);
}

/** First frame of the stream that the next window can hold. */
function firstNeededFrame(progress: StreamProgress, policy: WindowPolicy): number {
  return Math.max(0, progress.framesCommitted - policy.leftFrames);
}

/** One past the last frame that the next window can hold. */
function windowLimitFrame(progress: StreamProgress, policy: WindowPolicy): number {
  return firstNeededFrame(progress, policy) + policy.maxWindowFrames;
}

/** One past the last frame of the next window, when nothing is flushed. */
function nextDueFrame(progress: StreamProgress, policy: WindowPolicy): number {
  const dueFrame = progress.framesSeen === 0
    ? policy.firstWindowFrames
    : progress.framesSeen + policy.hopFrames;
  return Math.min(dueFrame, windowLimitFrame(progress, policy));
}

/** A window up to `endFrame` that keeps its right context. */
function hopWindow(progress: StreamProgress, policy: WindowPolicy, endFrame: number): Window {
  const { geometry, rightFrames, agreeRightFrames, wordEndRightFrames } = policy;
  const startFrame = windowStartFrame(progress, policy, endFrame);
  const startSample = startFrame * geometry.strideSamples;
  const commitEndFrame = Math.max(progress.framesCommitted, endFrame - rightFrames);
  return {
    startSample,
    endSample: startSample + geometry.sampleCount(endFrame - startFrame),
    startFrame,
    endFrame,
    commitStartFrame: progress.framesCommitted,
    commitEndFrame,
    agreedEndFrame: Math.max(commitEndFrame, endFrame - agreeRightFrames),
    commitLimitFrame: Math.max(commitEndFrame, endFrame - wordEndRightFrames),
    completes: "nothing",
  };
}

/**
 * A window that commits all of a flush, or as much of it as fits. Samples after the
 * last whole frame are taken along as far as they fit, and no silence is put before a stream that
 * is committed at once, so that a recording in one window is encoded as it is offline.
 */
function flushWindow(progress: StreamProgress, policy: WindowPolicy, flush: Flush): Window {
  if (flush.endFrame > windowLimitFrame(progress, policy)) {
    return hopWindow(progress, policy, windowLimitFrame(progress, policy));
  }
  const isAllThereIs = progress.framesCommitted === 0;
  const startFrame = isAllThereIs ? 0 : windowStartFrame(progress, policy, flush.endFrame);
  const startSample = startFrame * policy.geometry.strideSamples;
  return {
    startSample,
    endSample: Math.min(flush.endSample, startSample + policy.maxWindowSamples),
    startFrame,
    endFrame: flush.endFrame,
    commitStartFrame: progress.framesCommitted,
    commitEndFrame: flush.endFrame,
    agreedEndFrame: flush.endFrame,
    commitLimitFrame: flush.endFrame,
    completes: flush.completes,
  };
}
