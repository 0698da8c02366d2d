/**
 * Words to cues: what stands on the screen together, from when to when.
 *
 * The defaults follow broadcast practice (the Netflix and BBC subtitle guides): two
 * lines of 42 characters, 1 to 7 seconds, 17 characters a second where the speaker
 * leaves time for it, no flicker between cues.
 *
 * @module
 */
import { msToSamples } from "../units.ts";
import { breakLines, lineCountOf, textLength } from "./line_break.ts";
import type { Word } from "./word.ts";

const SENTENCE_END = /[.?!…]["')\]]?$/;
const CLAUSE_END = /[,;:–—]$/;

/** Text that stands on the screen together. */
export interface Cue {
  /** When it appears: the start of its first word. */
  startSample: number;
  /** When it goes; at most the start of the next cue. */
  endSample: number;
  /** The text, from top to bottom. */
  lines: string[];
  /** The words in it. */
  words: Word[];
}

/** How words are cut into cues. Times are in milliseconds, lengths in characters. */
export interface CueOptions {
  /** Rate of the words' samples, Hz. @default {16000} */
  sampleRateHz?: number;
  /** Most characters in a line; only a longer single word breaks this. @default {42} */
  maxLineLength?: number;
  /** Most lines in a cue. @default {2} */
  maxLines?: number;
  /** Reading speed to leave time for, as far as the next cue allows, characters a second. @default {17} */
  maxCharactersPerSecond?: number;
  /** Shortest time a cue stands, as far as the next one allows, ms. @default {1000} */
  minDurationMs?: number;
  /** Longest time a cue stands, ms. @default {7000} */
  maxDurationMs?: number;
  /** Silence between words that ends a cue, ms. @default {700} */
  pauseMs?: number;
  /** Time without text between two cues, taken from silence only, ms. @default {80} */
  gapMs?: number;
  /** A longer gap than `gapMs` but shorter than this is closed to `gapMs`, ms. @default {500} */
  chainMs?: number;
}

/** What is carried from one call of {@linkcode nextCues} to the next. A plain record. */
export interface CueState {
  /** Words that are in no cue yet. */
  pending: readonly Word[];
  /** Where the next word may start at the earliest. */
  endSample: number;
}

/** How far a call of {@linkcode nextCues} may go. */
export interface NextCuesOptions extends CueOptions {
  /**
   * All words that start before this sample have been given. Lets a cue end after a pause without
   * waiting for the next word; `Infinity` at the end of the stream.
   * @default {0}
   */
  horizonSample?: number;
}

/** Options in samples, checked. */
interface CueRules {
  maxLineLength: number;
  maxLines: number;
  samplesPerCharacter: number;
  minDuration: number;
  maxDuration: number;
  pause: number;
  gap: number;
  chain: number;
}

/** The state before the first word. */
export function startCues(): CueState {
  return { pending: [], endSample: 0 };
}

/**
 * Takes the next words of a stream and returns the cues that they complete.
 *
 * A cue is returned once nothing to come can change it, so the cues of a stream are the same
 * however its words are handed over. Each word is in exactly one cue; words without text in none.
 *
 * @param state The state returned by the call before, or {@linkcode startCues}; not changed.
 * @param words The next words, in order.
 * @returns The cues, and the state for the next call.
 * @throws {RangeError} If words overlap or go back, or an option is out of range.
 *
 * @example
 * ```ts
 * import { nextCues, startCues } from "./cue.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const words = [{ text: "hello", startSample: 0, endSample: 8000, confidence: 1 }];
 * const waiting = nextCues(startCues(), words);
 * assertEquals(waiting.cues, []); // Another word may follow.
 * const { cues } = nextCues(waiting.state, [], { horizonSample: Infinity });
 * assertEquals(cues.map(({ lines, endSample }) => [lines, endSample]), [[["hello"], 16000]]);
 * ```
 */
export function nextCues(
  state: CueState,
  words: readonly Word[],
  options: NextCuesOptions = {},
): { cues: Cue[]; state: CueState } {
  const { horizonSample = 0 } = options;
  const rules = rulesFrom(options);
  const endSample = checkOrder(words, state.endSample);
  const pending = [...state.pending, ...words.filter(({ text }) => text.trim() !== "")];
  const mostWords = rules.maxLines * rules.maxLineLength + 1; // one of them is too many for a cue
  const cues: Cue[] = [];
  for (let taken = 0;;) {
    const cue = firstCue(pending.slice(taken, taken + mostWords), horizonSample, rules);
    if (cue === undefined) {
      const next = { pending: pending.slice(taken), endSample: Math.max(endSample, horizonSample) };
      return { cues, state: next };
    }
    cues.push(cue);
    taken += cue.words.length;
  }
}

/**
 * Cuts all words of a recording into cues.
 *
 * @param words In order.
 * @returns The cues, in order, none overlapping.
 * @throws {RangeError} As {@linkcode nextCues}.
 */
export function toCues(words: readonly Word[], options: CueOptions = {}): Cue[] {
  return nextCues(startCues(), words, { ...options, horizonSample: Infinity }).cues;
}

/** The cue that `words` starts with, or `undefined` while it may still change. */
function firstCue(
  words: readonly Word[],
  horizonSample: number,
  rules: CueRules,
): Cue | undefined {
  if (words.length === 0) return undefined;
  const count = cueLength(words, horizonSample, rules);
  if (count === undefined) return undefined;
  const own = words.slice(0, count);
  const next = words[count];
  const { startSample } = own[0]!;
  const spoken = own[count - 1]!.endSample;
  const lines = breakLines(own.map(textOf), rules.maxLineLength);
  const characters = lines.reduce((sum, line) => sum + textLength(line), 0);
  const wanted = startSample + Math.min(
    rules.maxDuration,
    Math.max(
      spoken - startSample,
      rules.minDuration,
      Math.ceil(characters * rules.samplesPerCharacter),
    ),
  );
  if (next === undefined && horizonSample < wanted + Math.max(rules.gap, rules.chain)) {
    return undefined; // The next word may cut it short or draw it out.
  }
  const endSample = endBefore(
    next?.startSample ?? Infinity,
    { wanted, spoken, startSample },
    rules,
  );
  return { startSample, endSample, lines, words: own };
}

/** Where a cue ends that would like to end at `wanted`, given when the next one starts. */
function endBefore(
  nextSample: number,
  cue: { wanted: number; spoken: number; startSample: number },
  rules: CueRules,
): number {
  const latest = cue.startSample + rules.maxDuration;
  const end = nextSample - cue.wanted < Math.max(rules.gap, rules.chain)
    ? Math.max(Math.min(cue.spoken, nextSample), nextSample - rules.gap)
    : cue.wanted;
  return Math.min(end, latest);
}

/** How many words the first cue takes, or `undefined` while that is open. */
function cueLength(
  words: readonly Word[],
  horizonSample: number,
  rules: CueRules,
): number | undefined {
  const { startSample } = words[0]!;
  for (let count = 1; count < words.length; count++) {
    const last = words[count - 1]!;
    const next = words[count]!;
    if (next.startSample >= joinLimit(last, startSample, rules)) return count;
    if (isOver(words.slice(0, count + 1), rules)) {
      return bestBreak(words.slice(0, count + 1), rules);
    }
  }
  return horizonSample >= joinLimit(words.at(-1)!, startSample, rules) ? words.length : undefined;
}

/** From when on a word no longer joins a cue that ends in `last`. */
function joinLimit(last: Word, cueStartSample: number, rules: CueRules): number {
  const pause = SENTENCE_END.test(last.text) ? 0 : rules.pause;
  return Math.max(last.endSample + pause, cueStartSample + rules.minDuration + rules.gap);
}

/** Whether words are too many for one cue. */
function isOver(words: readonly Word[], rules: CueRules): boolean {
  return words.at(-1)!.endSample - words[0]!.startSample > rules.maxDuration ||
    lineCountOf(words.map(textOf), rules.maxLineLength) > rules.maxLines;
}

/**
 * Where to cut words of which all but the last make a full cue: at the best mark or the longest
 * silence in the latter half.
 */
function bestBreak(words: readonly Word[], rules: CueRules): number {
  let best = words.length - 1;
  let bestScore = -Infinity;
  for (let count = words.length - 1; count >= Math.ceil((words.length - 1) / 2); count--) {
    const last = words[count - 1]!;
    const silence = (words[count]!.startSample - last.endSample) / rules.pause;
    const mark = SENTENCE_END.test(last.text) ? 2 : CLAUSE_END.test(last.text) ? 1 : 0;
    const score = mark + silence + 0.5 * count / words.length; // a fuller cue where all is equal
    if (score > bestScore) [best, bestScore] = [count, score];
  }
  return best;
}

/** A word's text on one line. */
function textOf({ text }: Word): string {
  return text.trim().replaceAll(/\s+/g, " ");
}

/** @returns The end of the last word. */
function checkOrder(words: readonly Word[], endSample: number): number {
  for (const word of words) {
    if (!(word.startSample >= endSample && word.endSample > word.startSample)) {
      throw new RangeError(
        `Cannot make cues as words must follow each other without overlap: "${word.text}" is at ` +
          `[${word.startSample}, ${word.endSample}) after ${endSample}`,
      );
    }
    endSample = word.endSample;
  }
  return endSample;
}

function rulesFrom(options: CueOptions): CueRules {
  const {
    sampleRateHz = 16_000,
    maxLineLength = 42,
    maxLines = 2,
    maxCharactersPerSecond = 17,
    minDurationMs = 1000,
    maxDurationMs = 7000,
    pauseMs = 700,
    gapMs = 80,
    chainMs = 500,
  } = options;
  const positive = { sampleRateHz, maxLineLength, maxLines, maxCharactersPerSecond, maxDurationMs };
  const checked = { ...positive, minDurationMs, pauseMs, gapMs, chainMs };
  for (const [name, value] of Object.entries(checked)) {
    if (!(value >= 0) || (name in positive && value === 0)) {
      throw new RangeError(`Cannot make cues as ${name} is out of range: ${value}`);
    }
  }
  if (minDurationMs > maxDurationMs) {
    throw new RangeError(
      `Cannot make cues as minDurationMs must be at most maxDurationMs (${maxDurationMs}): ${minDurationMs}`,
    );
  }
  return {
    maxLineLength,
    maxLines,
    samplesPerCharacter: sampleRateHz / maxCharactersPerSecond,
    minDuration: msToSamples(minDurationMs, sampleRateHz),
    maxDuration: msToSamples(maxDurationMs, sampleRateHz),
    pause: Math.max(1, msToSamples(pauseMs, sampleRateHz)),
    gap: msToSamples(gapMs, sampleRateHz),
    chain: msToSamples(chainMs, sampleRateHz),
  };
}
