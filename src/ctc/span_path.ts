/**
 * Alignments that share their past: lists of token spans, linked from the last to the
 * first, never changed.
 *
 * @module
 */
import type { Agreement, TokenSpan } from "./decoder.ts";

/** The last token of an alignment, and those before it. `undefined` stands for no token. */
export interface SpanPath {
  /** The tokens before. */
  readonly previous: SpanPath | undefined;
  /** Index in the vocabulary. */
  readonly id: number;
  /** First frame. */
  readonly startFrame: number;
  /** One past the last frame. */
  readonly endFrame: number;
  /** Sum of its posterior probability over its frames. */
  readonly probabilitySum: number;
}

/** The path with one more token, of one frame. */
export function spanOf(
  { id, logProb, frame }: { id: number; logProb: number; frame: number },
  previous: SpanPath | undefined,
): SpanPath {
  const probabilitySum = Math.exp(logProb);
  return { previous, id, startFrame: frame, endFrame: frame + 1, probabilitySum };
}

/** The path with one more frame in its last token. */
export function lengthen(path: SpanPath | undefined, logProb: number): SpanPath | undefined {
  return path && {
    ...path,
    endFrame: path.endFrame + 1,
    probabilitySum: path.probabilitySum + Math.exp(logProb),
  };
}

/** The tokens of a path, in order. */
export function spansOf(path: SpanPath | undefined): TokenSpan[] {
  const spans: TokenSpan[] = [];
  for (let at = path; at !== undefined; at = at.previous) {
    const { id, startFrame, endFrame, probabilitySum } = at;
    const probability = Math.min(1, probabilitySum / (endFrame - startFrame));
    spans.push({ id, startFrame, endFrame, probability });
  }
  return spans.reverse();
}

/** The first token of a path. */
export function firstOf(path: SpanPath | undefined): SpanPath | undefined {
  let at = path;
  while (at?.previous !== undefined) at = at.previous;
  return at;
}

/** The longest past that all paths share. */
export function commonPast(paths: readonly (SpanPath | undefined)[]): SpanPath | undefined {
  let [common] = paths;
  const past = new Set<SpanPath | undefined>();
  for (let at = common; at !== undefined; at = at.previous) past.add(at);
  for (const path of paths) {
    if (common === undefined) return undefined;
    let met = path;
    while (met !== undefined && !past.has(met)) met = met.previous;
    while (common !== met) {
      past.delete(common);
      common = common?.previous;
    }
  }
  return common;
}

/** The latest token that ended at `frame` or before. */
export function lastEndedBy(path: SpanPath | undefined, frame: number): SpanPath | undefined {
  let at = path;
  while (at !== undefined && at.endFrame > frame) at = at.previous;
  return at;
}

/** Whether a path has the tokens agreed on, and no others that start before `untilFrame`; one that lasts until then may go on. */
export function follows(
  path: SpanPath | undefined,
  { tokens, untilFrame }: Agreement,
): boolean {
  let at = path;
  while (at !== undefined && at.startFrame >= untilFrame) at = at.previous;
  for (let i = tokens.length - 1; i >= 0; i--, at = at.previous) {
    const { id, startFrame, endFrame } = tokens[i]!;
    if (at?.id !== id || at.startFrame !== startFrame) return false;
    if (endFrame < untilFrame && at.endFrame !== endFrame) return false;
  }
  return at === undefined;
}

/** Copies of paths without the past up to `end`; what they share stays shared. */
export function pathCutter(end: SpanPath): (path: SpanPath | undefined) => SpanPath | undefined {
  const copies = new Map<SpanPath | undefined, SpanPath | undefined>([
    [end, undefined],
    [undefined, undefined],
  ]);
  return (path) => {
    const kept: SpanPath[] = [];
    let at = path;
    for (; at !== undefined && !copies.has(at); at = at.previous) kept.push(at);
    let copy = copies.get(at);
    for (const token of kept.reverse()) {
      copy = { ...token, previous: copy };
      copies.set(token, copy);
    }
    return copy;
  };
}
