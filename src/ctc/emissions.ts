/**
 * Log-probabilities of a span of frames, on the frame grid of the stream.
 *
 * @module
 */

/** Log-probabilities of consecutive frames, and where in the stream they lie. */
export interface Emissions {
  /** First frame, counted from stream start. */
  readonly startFrame: number;
  /** Frames held. */
  readonly frameCount: number;
  /** Log-probabilities a frame has. */
  readonly vocabularySize: number;
  /** Natural logarithms; each frame's exponentials sum to 1. */
  readonly logProbs: Float32Array; // [T, V]
}

/** Frames that do not follow the ones before them: a bug in whoever made the windows. */
export class FrameGridError extends Error {
  /** The class. */
  override name = "FrameGridError";
  /** Frames are missing, or come twice. */
  readonly kind: "gap" | "overlap";
  /** The frame that had to come next. */
  readonly expectedFrame: number;
  /** The frame that came. */
  readonly actualFrame: number;

  /**
   * Says which frame was due and which came.
   *
   * @param action What could not be done.
   * @param expectedFrame Frame due.
   * @param actualFrame Frame that came.
   */
  constructor(action: string, expectedFrame: number, actualFrame: number) {
    const kind = actualFrame > expectedFrame ? "gap" : "overlap";
    super(
      `Cannot ${action} because of ${kind === "gap" ? "a gap" : "an overlap"}: ` +
        `the next frame is ${expectedFrame}, given were frames from ${actualFrame}`,
    );
    this.kind = kind;
    this.expectedFrame = expectedFrame;
    this.actualFrame = actualFrame;
  }
}

/**
 * Turns the scores of each frame into log-probabilities.
 *
 * @param logits Scores, any scale. // [T, V]
 * @param vocabularySize Scores a frame has.
 * @returns A new array. // [T, V]
 * @throws {RangeError} If the scores are not whole frames.
 */
export function logSoftmax(logits: Float32Array, vocabularySize: number): Float32Array {
  frameCountOf(logits, vocabularySize);
  const logProbs = new Float32Array(logits.length);
  for (let row = 0; row < logits.length; row += vocabularySize) {
    const end = row + vocabularySize;
    let max = -Infinity;
    for (let i = row; i < end; i++) max = Math.max(max, logits[i]!);
    let sum = 0;
    for (let i = row; i < end; i++) sum += Math.exp(logits[i]! - max);
    const logSum = max + Math.log(sum);
    for (let i = row; i < end; i++) logProbs[i] = logits[i]! - logSum;
  }
  return logProbs;
}

/** Where logits lie and how they are laid out. */
export interface EmissionsOptions {
  /** First frame, counted from stream start. @default {0} */
  startFrame?: number;
  /** Scores a frame has. */
  vocabularySize: number;
}

/**
 * Emissions from a model's logits.
 *
 * @param logits Scores of consecutive frames. // [T, V]
 * @param options Where they lie, and how they are laid out.
 * @throws {RangeError} If the scores are not whole frames.
 *
 * @example
 * ```ts
 * import { emissionsFromLogits } from "./emissions.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const logits = new Float32Array([0, 0, 5, 5]);
 * const emissions = emissionsFromLogits(logits, { vocabularySize: 2, startFrame: 7 });
 * assertEquals(emissions.frameCount, 2);
 * assertEquals(Math.exp(emissions.logProbs[3]!).toFixed(6), "0.500000");
 * ```
 */
export function emissionsFromLogits(logits: Float32Array, options: EmissionsOptions): Emissions {
  const { startFrame = 0, vocabularySize } = options;
  return {
    startFrame,
    frameCount: frameCountOf(logits, vocabularySize),
    vocabularySize,
    logProbs: logSoftmax(logits, vocabularySize),
  };
}

/** One past the last frame held. */
export function endFrameOf(emissions: Emissions): number {
  return emissions.startFrame + emissions.frameCount;
}

/**
 * The frames of `[startFrame, endFrame)`, counted from stream start.
 *
 * @returns A view of the same memory.
 * @throws {RangeError} If the span is not held.
 */
export function sliceEmissions(
  emissions: Emissions,
  span: { startFrame: number; endFrame: number },
): Emissions {
  const { startFrame, endFrame } = span;
  const { startFrame: origin, vocabularySize } = emissions;
  if (!(origin <= startFrame && startFrame <= endFrame && endFrame <= endFrameOf(emissions))) {
    throw new RangeError(
      `Cannot take frames [${startFrame}, ${endFrame}) as held are ` +
        `[${origin}, ${endFrameOf(emissions)})`,
    );
  }
  return {
    startFrame,
    frameCount: endFrame - startFrame,
    vocabularySize,
    logProbs: emissions.logProbs.subarray(
      (startFrame - origin) * vocabularySize,
      (endFrame - origin) * vocabularySize,
    ),
  };
}

/**
 * Joins spans that follow each other.
 *
 * @param parts At least one, in order.
 * @returns A copy of all frames.
 * @throws {FrameGridError} If a part does not start where the one before ends.
 * @throws {RangeError} If there are none, or their vocabularies differ.
 */
export function joinEmissions(parts: readonly Emissions[]): Emissions {
  const [first] = parts;
  if (first === undefined) throw new RangeError("Cannot join emissions as there are none: 0 parts");
  const { startFrame, vocabularySize } = first;
  let endFrame = startFrame;
  for (const part of parts) {
    requireNextFrame("join emissions", endFrame, part);
    if (part.vocabularySize !== vocabularySize) {
      throw new RangeError(
        `Cannot join emissions as their vocabularies must be equal: ${vocabularySize} and ${part.vocabularySize}`,
      );
    }
    endFrame += part.frameCount;
  }
  const logProbs = new Float32Array((endFrame - startFrame) * vocabularySize);
  for (const part of parts) {
    logProbs.set(part.logProbs, (part.startFrame - startFrame) * vocabularySize);
  }
  return { startFrame, frameCount: endFrame - startFrame, vocabularySize, logProbs };
}

/**
 * Checks that emissions start where they must.
 *
 * @throws {FrameGridError} If they do not.
 */
export function requireNextFrame(action: string, nextFrame: number, emissions: Emissions): void {
  if (emissions.startFrame !== nextFrame) {
    throw new FrameGridError(action, nextFrame, emissions.startFrame);
  }
}

function frameCountOf(logits: Float32Array, vocabularySize: number): number {
  const frameCount = logits.length / vocabularySize;
  if (!Number.isSafeInteger(vocabularySize) || vocabularySize < 1 || frameCount % 1 !== 0) {
    throw new RangeError(
      `Cannot lay out ${logits.length} scores as whole frames of vocabularySize: ${vocabularySize}`,
    );
  }
  return frameCount;
}
