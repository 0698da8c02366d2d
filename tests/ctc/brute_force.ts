/**
 * CTC by its definition: every alignment of a few frames, one by one.
 *
 * @module
 */
import type { Emissions } from "../../src/ctc/emissions.ts";

/** A text with all its alignments. */
export interface Text {
  ids: number[];
  /** Probability of all its alignments together. */
  probability: number;
  /** Probability of the likeliest one. */
  bestProbability: number;
  /** The likeliest one: an id for each frame. */
  bestAlignment: number[];
}

/** All texts that `emissions` can be, likeliest first. */
export function everyText(emissions: Emissions, blankId: number): Text[] {
  const texts = new Map<string, Text>();
  for (const alignment of everyAlignment(emissions.frameCount, emissions.vocabularySize)) {
    const ids = collapse(alignment, blankId);
    const probability = probabilityOf(alignment, emissions);
    const text = texts.get(ids.join()) ??
      { ids, probability: 0, bestProbability: 0, bestAlignment: alignment };
    text.probability += probability;
    if (probability > text.bestProbability) {
      text.bestProbability = probability;
      text.bestAlignment = alignment;
    }
    texts.set(ids.join(), text);
  }
  return [...texts.values()].sort((a, b) => b.probability - a.probability);
}

/** Probability of an alignment. */
export function probabilityOf(alignment: readonly number[], emissions: Emissions): number {
  return Math.exp(
    alignment.reduce(
      (sum, id, frame) => sum + emissions.logProbs[frame * emissions.vocabularySize + id]!,
      0,
    ),
  );
}

/** Runs of an alignment as [id, startFrame, endFrame], blanks left out. */
export function runsOf(alignment: readonly number[], blankId: number, startFrame = 0): number[][] {
  const runs: number[][] = [];
  for (const [frame, id] of alignment.entries()) {
    if (id === blankId) continue;
    const last = runs.at(-1);
    if (last !== undefined && alignment[frame - 1] === id) last[2] = startFrame + frame + 1;
    else runs.push([id, startFrame + frame, startFrame + frame + 1]);
  }
  return runs;
}

function collapse(alignment: readonly number[], blankId: number): number[] {
  return alignment.filter((id, frame) => id !== blankId && id !== alignment[frame - 1]);
}

function* everyAlignment(frameCount: number, vocabularySize: number): Generator<number[]> {
  for (let code = 0; code < vocabularySize ** frameCount; code++) {
    yield Array.from(
      { length: frameCount },
      (_, frame) => Math.floor(code / vocabularySize ** frame) % vocabularySize,
    );
  }
}
