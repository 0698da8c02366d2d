/**
 * Overlapping windows to one stream of emissions: each window gives the frames it
 * commits, in order and once, and the tentative rest.
 *
 * @module
 */
import { type Emissions, endFrameOf, requireNextFrame, sliceEmissions } from "../ctc/emissions.ts";

/** Which frames a window holds and which of them it commits, counted from stream start. */
export interface WindowFrames {
  /** First frame. */
  readonly startFrame: number;
  /** One past the last frame. */
  readonly endFrame: number;
  /** First frame to commit. */
  readonly commitStartFrame: number;
  /** One past the last frame to commit in any case. */
  readonly commitEndFrame: number;
  /** One past the last letter that is certain where the window before has it, too. @default {`commitEndFrame`} */
  readonly agreedEndFrame?: number;
  /** One past the last frame that may be committed with a word's end. @default {`commitEndFrame`} */
  readonly commitLimitFrame?: number;
}

/** A window's emissions, cut, and how many more of them a word's end makes final. */
export interface CutWindow {
  /** Frames that are final in any case. They follow those of the window before. */
  readonly committed: Emissions;
  /** Frames after them, to be replaced by a later window. */
  readonly tentative: Emissions;
  /** One past the last letter of these that is certain where the window before has it, too. @default {none is} */
  readonly agreedEndFrame?: number;
  /** One past the last of these that may be committed with a word's end. @default {none may} */
  readonly commitLimitFrame?: number;
}

/**
 * Cuts a window's emissions into what is committed and what is tentative.
 *
 * @param nextFrame The frame to be committed next: all before it are.
 * @param emissions The window's, from its first frame on; frames past its end (padding of a batch) are dropped.
 * @param window Its frames.
 * @returns Views of the same memory.
 * @throws {FrameGridError} If the window leaves a gap to what is committed, or commits a frame again.
 * @throws {RangeError} If the emissions are not the window's.
 *
 * @example
 * ```ts
 * import { emissionsFromLogits } from "../ctc/emissions.ts";
 * import { cutWindow } from "./seam.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const emissions = emissionsFromLogits(new Float32Array(20), { vocabularySize: 2 });
 * const window = { startFrame: 0, endFrame: 10, commitStartFrame: 4, commitEndFrame: 7 };
 * const { committed, tentative } = cutWindow(4, emissions, window);
 * assertEquals([committed.startFrame, committed.frameCount], [4, 3]);
 * assertEquals([tentative.startFrame, tentative.frameCount], [7, 3]);
 * ```
 */
export function cutWindow(
  nextFrame: number,
  emissions: Emissions,
  window: WindowFrames,
): CutWindow {
  const { startFrame, endFrame, commitStartFrame, commitEndFrame } = window;
  if (emissions.startFrame !== startFrame || endFrameOf(emissions) < endFrame) {
    throw new RangeError(
      `Cannot cut a window of frames [${startFrame}, ${endFrame}) as its emissions are of ` +
        `[${emissions.startFrame}, ${endFrameOf(emissions)})`,
    );
  }
  const committed = sliceEmissions(emissions, {
    startFrame: commitStartFrame,
    endFrame: commitEndFrame,
  });
  requireNextFrame("stitch a window", nextFrame, committed);
  const tentative = sliceEmissions(emissions, { startFrame: commitEndFrame, endFrame });
  const { agreedEndFrame = commitEndFrame, commitLimitFrame = commitEndFrame } = window;
  return { committed, tentative, agreedEndFrame, commitLimitFrame };
}
