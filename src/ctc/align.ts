/**
 * Forced alignment: where in the emissions a known text lies.
 *
 * @module
 */
import type { TokenSpan } from "./decoder.ts";
import type { Emissions } from "./emissions.ts";
import { requireBlank } from "./greedy.ts";

/** A text's place in the emissions. */
export interface Alignment {
  /** Its tokens, one for each id, in order. */
  readonly tokens: TokenSpan[];
  /** Log-probability of the alignment. */
  readonly logProb: number;
}

/**
 * The likeliest CTC alignment of a text (Viterbi). Takes a byte of memory for each frame
 * times twice the tokens.
 *
 * @param ids The text, without blanks.
 * @param emissions Where to find it; all frames are used.
 * @param options `blankId` stands for no token.
 * @throws {RangeError} If an id is not a token of the vocabulary, the text needs more frames than there are, or every alignment has probability 0.
 *
 * @example
 * ```ts
 * import { alignTokens } from "./align.ts";
 * import { emissionsFromLogits } from "./emissions.ts";
 * import { assertEquals } from "@std/assert";
 *
 * // Four frames over [blank, "a", "b"]: blank, a, a, b.
 * const logits = new Float32Array([9, 0, 0, 0, 9, 0, 0, 9, 0, 0, 0, 9]);
 * const emissions = emissionsFromLogits(logits, { vocabularySize: 3 });
 * const { tokens } = alignTokens([1, 2], emissions, { blankId: 0 });
 * assertEquals(tokens.map(({ startFrame, endFrame }) => [startFrame, endFrame]), [[1, 3], [3, 4]]);
 * ```
 */
export function alignTokens(
  ids: readonly number[],
  emissions: Emissions,
  options: { blankId: number },
): Alignment {
  const { blankId } = options;
  const { frameCount, vocabularySize } = emissions;
  requireBlank(blankId, vocabularySize);
  requireAlignable(ids, emissions, blankId);
  // States 0 … 2N: a blank before, between and after the tokens, as in CTC's loss.
  const labels = [blankId, ...ids.flatMap((id) => [id, blankId])];
  const { steps, scores } = viterbi(labels, emissions, blankId);
  const last = labels.length - 1;
  let label = last > 0 && scores[last - 1]! >= scores[last]! ? last - 1 : last;
  const logProb = scores[label]!;
  if (!(logProb > -Infinity)) {
    throw new RangeError(
      `Cannot align as no alignment is possible: its log-probability is ${logProb}`,
    );
  }
  const spans: { startFrame: number; endFrame: number; sum: number }[] = [];
  for (let frame = frameCount - 1; frame >= 0; frame--) {
    if (label % 2 === 1) {
      const span = spans[(label - 1) / 2] ??= { startFrame: 0, endFrame: frame + 1, sum: 0 };
      span.startFrame = frame;
      span.sum += Math.exp(emissions.logProbs[frame * vocabularySize + labels[label]!]!);
    }
    label -= steps[frame * labels.length + label]!;
  }
  const tokens = spans.map(({ startFrame, endFrame, sum }, i) => ({
    id: ids[i]!,
    startFrame: emissions.startFrame + startFrame,
    endFrame: emissions.startFrame + endFrame,
    probability: Math.min(1, sum / (endFrame - startFrame)),
  }));
  return { tokens, logProb };
}

/**
 * The best score of each label after the last frame, and for each frame and label by how
 * many labels its best way there advanced: 0, 1 or 2.
 */
function viterbi(
  labels: readonly number[],
  emissions: Emissions,
  blankId: number,
): { steps: Uint8Array; scores: Float64Array } {
  const { frameCount, vocabularySize, logProbs } = emissions;
  const steps = new Uint8Array(frameCount * labels.length); // [T, 2N + 1]
  let scores = new Float64Array(labels.length).fill(-Infinity);
  let next = new Float64Array(labels.length);
  for (let frame = 0; frame < frameCount; frame++) {
    for (let label = 0; label < labels.length; label++) {
      const id = labels[label]!;
      let step = 0;
      let best = frame === 0 ? (label < 2 ? 0 : -Infinity) : scores[label]!;
      if (label >= 1 && scores[label - 1]! > best) {
        step = 1;
        best = scores[label - 1]!;
      }
      const maySkip = label >= 2 && id !== blankId && id !== labels[label - 2];
      if (maySkip && scores[label - 2]! > best) {
        step = 2;
        best = scores[label - 2]!;
      }
      next[label] = best + logProbs[frame * vocabularySize + id]!;
      steps[frame * labels.length + label] = step;
    }
    [scores, next] = [next, scores];
  }
  if (frameCount === 0) scores[0] = 0;
  return { steps, scores };
}

function requireAlignable(ids: readonly number[], emissions: Emissions, blankId: number): void {
  const { frameCount, vocabularySize } = emissions;
  const stray = ids.find((id) =>
    !Number.isInteger(id) || id < 0 || id >= vocabularySize || id === blankId
  );
  if (stray !== undefined) {
    throw new RangeError(
      `Cannot align as every id must be a token of the vocabulary of ${vocabularySize} ` +
        `other than the blank ${blankId}: ${stray}`,
    );
  }
  const repeats = ids.filter((id, i) => id === ids[i - 1]).length;
  if (ids.length + repeats > frameCount) {
    throw new RangeError(
      `Cannot align ${ids.length} tokens as they need at least ${ids.length + repeats} frames ` +
        `(equal neighbours need a blank between them): ${frameCount}`,
    );
  }
}
