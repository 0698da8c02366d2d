/**
 * What else a word may be: a search among the frames between the tokens beside it.
 *
 * @module
 */
import { distinct } from "../caption/alternatives.ts";
import type { Alternative } from "../caption/word.ts";
import { decodeBeam, hypothesesOf, startBeam } from "../ctc/beam.ts";
import { type Emissions, endFrameOf, joinEmissions, sliceEmissions } from "../ctc/emissions.ts";
import type { TokenSpan } from "../ctc/decoder.ts";
import { endsWord, spells, splitTokens, wordOf, type WordRules } from "./words.ts";

/** A letter that is farther away than this, in frames, belongs to no word. */
const REACH_FRAMES = 10;

/** What is remembered for words to come. A plain record. */
export interface HeardFrames {
  /** Frames in which the next words lie. */
  readonly emissions: Emissions;
  /** One past the last frame of the token before the first of these words. */
  readonly tokenEndFrame: number;
}

/** What a word lies among. */
export interface Neighbours {
  /** Tokens in order, those of the word among them. */
  readonly tokens: readonly TokenSpan[];
  /** Where the next token starts at the earliest. */
  readonly settledFrame: number;
  /** How tokens become words. */
  readonly rules: WordRules;
}

/** Takes in frames that follow. */
export function hear(heard: HeardFrames | undefined, emissions: Emissions): HeardFrames {
  if (heard === undefined) return { emissions, tokenEndFrame: emissions.startFrame };
  return { ...heard, emissions: joinEmissions([heard.emissions, emissions]) };
}

/**
 * Forgets what is behind.
 *
 * @param heard What was heard; not changed.
 * @param neighbours Every word to come starts at `settledFrame` or later.
 */
export function forget(
  heard: HeardFrames,
  { settledFrame, tokens, rules }: Neighbours,
): HeardFrames {
  const { emissions } = heard;
  const endFrame = endFrameOf(emissions);
  const wanted = Math.max(emissions.startFrame, settledFrame - REACH_FRAMES);
  const before = divisions(tokens, rules).findLast(({ endFrame }) => endFrame <= settledFrame);
  return {
    emissions: sliceEmissions(emissions, { startFrame: Math.min(wanted, endFrame), endFrame }),
    tokenEndFrame: before?.endFrame ?? heard.tokenEndFrame,
  };
}

/**
 * The readings of a word's frames, by the emissions alone.
 *
 * @param word The frames of the word's own tokens.
 * @param heard What was heard.
 * @param neighbours What it lies among; `count` is the most to give.
 * @returns Likeliest first. The word itself is among them unless it is unlikely.
 */
export function alternativesOf(
  word: { startFrame: number; endFrame: number },
  heard: HeardFrames,
  neighbours: Neighbours & { readonly count: number },
): Alternative[] {
  const { settledFrame, count, rules } = neighbours;
  const tokens = divisions(neighbours.tokens, rules);
  const before = tokens.findLast(({ endFrame }) => endFrame <= word.startFrame);
  const after = tokens.find(({ startFrame }) => startFrame >= word.endFrame);
  const frames = sliceEmissions(heard.emissions, {
    startFrame: Math.max(
      heard.emissions.startFrame,
      before?.endFrame ?? heard.tokenEndFrame,
      word.startFrame - REACH_FRAMES,
    ),
    endFrame: Math.min(
      after?.startFrame ?? settledFrame,
      word.endFrame + Math.min(REACH_FRAMES, rules.pauseFrames),
    ),
  });
  const { blankId, wordDelimiterId: delimiterId } = rules.vocabulary;
  const search = { blankId, delimiterId, beamWidth: 10 + 4 * count };
  const { state } = decodeBeam(startBeam({ ...search, ...frames }), frames, search);
  const readings = hypothesesOf(state).map((hypothesis) => {
    const { words, openTokens } = splitTokens(hypothesis.tokens, rules);
    const all = openTokens.length === 0 ? words : [...words, wordOf(openTokens, rules)];
    return {
      text: all.map(({ text }) => text).join(" "),
      confidence: hypothesis.probability,
    };
  });
  return distinct(readings.filter(({ text }) => text !== "")).slice(0, count);
}

/** Tokens that are part of words, or between them. */
function divisions(tokens: readonly TokenSpan[], { vocabulary }: WordRules): TokenSpan[] {
  return tokens.filter(({ id }) => endsWord(id, vocabulary) || spells(id, vocabulary));
}
