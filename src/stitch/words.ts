/**
 * Token spans to words.
 *
 * A word ends at a word delimiter, before a token that begins a word ("▁"), and at a
 * pause. All three are properties of the tokens alone, so words come out the same
 * however the tokens arrive.
 *
 * @module
 */
import type { Word } from "../caption/word.ts";
import type { TokenSpan } from "../ctc/decoder.ts";
import type { FrameGeometry } from "../geometry.ts";
import { msToSamples } from "../units.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** How tokens become words. */
export interface WordRules {
  /** The tokenizer. */
  readonly vocabulary: Vocabulary;
  /** Samples from one frame to the next. */
  readonly strideSamples: number;
  /** Frames without a token after which a word has ended; at least 1. */
  readonly pauseFrames: number;
}

/** How words are told apart where the tokens do not say it. */
export interface WordOptions {
  /** Time without a token after which a word has ended; at least one frame. @default {400} */
  wordPauseMs?: number;
  /** Rate of the samples, Hz. @default {16000} */
  sampleRateHz?: number;
}

/**
 * Rules from a tokenizer, a frame grid and a pause in milliseconds.
 *
 * @throws {RangeError} If the pause is negative or no number.
 */
export function wordRules(
  vocabulary: Vocabulary,
  geometry: FrameGeometry,
  options: WordOptions = {},
): WordRules {
  const { wordPauseMs = 400, sampleRateHz = 16_000 } = options;
  if (!(wordPauseMs >= 0)) {
    throw new RangeError(
      `Cannot tell words apart as wordPauseMs must be a number of at least 0: ${wordPauseMs}`,
    );
  }
  const { strideSamples } = geometry;
  const pauseFrames = Math.ceil(msToSamples(wordPauseMs, sampleRateHz) / strideSamples);
  return { vocabulary, strideSamples, pauseFrames: Math.max(1, pauseFrames) };
}

/** Tokens cut into words. */
export interface SplitTokens {
  /** Words whose end is known. */
  readonly words: Word[];
  /** Tokens of the last word, whose end is not. */
  readonly openTokens: readonly TokenSpan[];
}

const WORD_START = /^[▁ ]/;

/**
 * Cuts tokens into words.
 *
 * @param tokens In order, beginning with those of an open word.
 * @param rules How.
 */
export function splitTokens(tokens: readonly TokenSpan[], rules: WordRules): SplitTokens {
  const { vocabulary, pauseFrames } = rules;
  const words: Word[] = [];
  let openTokens: TokenSpan[] = [];
  const endWord = () => {
    if (openTokens.length > 0) words.push(wordOf(openTokens, rules));
    openTokens = [];
  };
  for (const token of tokens) {
    const lastToken = openTokens.at(-1);
    if (lastToken !== undefined && token.startFrame - lastToken.endFrame >= pauseFrames) endWord();
    if (endsWord(token.id, vocabulary)) endWord();
    if (spells(token.id, vocabulary)) openTokens.push(token);
  }
  return { words, openTokens };
}

/** Whether a token is part of a word. */
export function spells(id: number, vocabulary: Vocabulary): boolean {
  if (id === vocabulary.wordDelimiterId) return false;
  return vocabulary.tokenText(id).replace(WORD_START, "") !== "";
}

/** Whether a token ends the word before it. */
export function endsWord(id: number, vocabulary: Vocabulary): boolean {
  return id === vocabulary.wordDelimiterId || WORD_START.test(vocabulary.tokenText(id));
}

/**
 * The word that tokens spell.
 *
 * Its confidence is the least of its tokens' mean posteriors, because a word is right
 * only if all its tokens are. A minimum over the word without its blanks is also what
 * NVIDIA Riva gives for greedy CTC; for means, products and entropies see Laptev and
 * Ginsburg, "Fast Entropy-Based Methods of Word-Level Confidence Estimation",
 * arXiv 2212.08703.
 *
 * @param tokens At least one, in order.
 */
export function wordOf(tokens: readonly TokenSpan[], rules: WordRules): Word {
  const { vocabulary, strideSamples } = rules;
  return {
    text: tokens.map(({ id }) => vocabulary.tokenText(id)).join("").replace(WORD_START, ""),
    startSample: tokens[0]!.startFrame * strideSamples,
    endSample: tokens.at(-1)!.endFrame * strideSamples,
    confidence: Math.min(...tokens.map(({ probability }) => probability)),
  };
}
