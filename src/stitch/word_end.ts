/**
 * Where words end among tokens that may still change.
 *
 * @module
 */
import type { TokenSpan } from "../ctc/decoder.ts";
import { endsWord, spells, type WordRules } from "./words.ts";

/** The end of a word. */
export interface WordEnd {
  /** One past the frame that shows it: a delimiter or another word has begun, or a pause has lasted. */
  readonly untilFrame: number;
  /** Tokens that start before that frame. */
  readonly tokens: readonly TokenSpan[];
}

/** How far tokens can be trusted. */
export interface WordEndLimits {
  /** Letters that end by this frame are certain. */
  readonly letterEndFrame: number;
  /** What ends a word is, if it has begun or lasted by this one. */
  readonly untilFrame: number;
}

/**
 * The last word whose end is certain.
 *
 * @param tokens In order, beginning with those of an open word.
 * @param rules How words are told apart.
 * @param limits How far tokens can be trusted.
 *
 * @example
 * ```ts
 * import { lastWordEnd } from "./word_end.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const vocabulary = { blankId: 0, wordDelimiterId: 1, tokenText: (id: number) => " |hi"[id]! };
 * const rules = { vocabulary, strideSamples: 320, pauseFrames: 30 };
 * const tokens = [2, 3, 1, 2].map((id, i) => {
 *   return { id, startFrame: 4 * i, endFrame: 4 * i + 1, probability: 1 };
 * });
 * const limits = { letterEndFrame: 5, untilFrame: 9 }; // "i" ends at frame 5, "|" begins in 8
 * assertEquals(lastWordEnd(tokens, rules, limits)?.untilFrame, 9);
 * assertEquals(lastWordEnd(tokens, rules, { ...limits, letterEndFrame: 4 }), undefined);
 * ```
 */
export function lastWordEnd(
  tokens: readonly TokenSpan[],
  rules: WordRules,
  limits: WordEndLimits,
): WordEnd | undefined {
  const { vocabulary, pauseFrames } = rules;
  let end: WordEnd | undefined;
  let letter: TokenSpan | undefined;
  const endAt = (untilFrame: number, tokenCount: number) => {
    const isCertain = letter !== undefined && letter.endFrame <= limits.letterEndFrame &&
      untilFrame <= limits.untilFrame;
    if (isCertain) end = { untilFrame, tokens: tokens.slice(0, tokenCount) };
    letter = undefined;
  };
  const pauseEnd = () => (letter?.endFrame ?? Infinity) + pauseFrames;
  for (const [i, token] of tokens.entries()) {
    if (token.startFrame >= pauseEnd()) endAt(pauseEnd(), i);
    if (endsWord(token.id, vocabulary)) endAt(token.startFrame + 1, i + 1);
    if (spells(token.id, vocabulary)) letter = token;
  }
  endAt(pauseEnd(), tokens.length);
  return end;
}

/** Two windows that put a token at most so far apart agree on it. */
const AGREE_FRAMES = 2;

/**
 * Where the last of the tokens ends on which two windows agree: those at the beginning that are the
 * same in both (local agreement: Liu, Spanakis and Niehues, arXiv 2005.11185; Macháček, Dabre and
 * Bojar, arXiv 2307.14743).
 *
 * @param tokens What a window says. @param before What the one before said of the same frames.
 */
export function agreedEndFrame(
  tokens: readonly TokenSpan[],
  before: readonly TokenSpan[],
): number {
  const differing = tokens.findIndex(({ id, startFrame }, i) => {
    const other = before[i];
    return other?.id !== id || Math.abs(other.startFrame - startFrame) > AGREE_FRAMES;
  });
  const agreed = differing < 0 ? tokens : tokens.slice(0, differing);
  return agreed.at(-1)?.endFrame ?? -Infinity;
}
