// @ts-check
/**
 * The transcript as the page holds it: a plain record, changed by pure functions.
 *
 * Words are counted from the session's first, so events that come twice, or merged after a
 * reconnect, change nothing that is there.
 *
 * @module
 */

/** @import { CaptionWord, HelloMessage, SessionEvent } from "../src/server/protocol.ts" */

/**
 * @typedef {object} Transcript
 * @property {readonly CaptionWord[]} words Words that never change.
 * @property {readonly CaptionWord[]} tentative The guess at what follows them.
 * @property {number} firstWord Index in the session of `words[0]`; above 0 if earlier ones are gone.
 * @property {readonly number[]} ends Words of the session before each end of an utterance.
 * @property {number} settledMs How far the audio is settled.
 * @property {number} lastSeq Number of the last event.
 * @property {boolean} isSpeaking Whether speech began and has not ended.
 * @property {boolean} isOver Whether the session has ended.
 */

/** @typedef {{ start: number, end: number, isComplete: boolean }} Paragraph Indices into `words`. */

/** @typedef {"sentence" | "recognised"} LetterCase */

/** @type {Transcript} */
export const EMPTY_TRANSCRIPT = Object.freeze({
  words: [],
  tentative: [],
  firstWord: 0,
  ends: [],
  settledMs: 0,
  lastSeq: 0,
  isSpeaking: false,
  isOver: false,
});

/**
 * What the first message of a connection says of the transcript.
 *
 * @param {Transcript} transcript
 * @param {HelloMessage} hello
 * @returns {Transcript}
 */
export function greet(transcript, hello) {
  if (hello.firstWord <= wordCount(transcript)) return transcript;
  return { ...transcript, words: [], tentative: [], firstWord: hello.firstWord, ends: [] };
}

/**
 * The transcript after an event.
 *
 * @param {Transcript} transcript
 * @param {SessionEvent} event
 * @returns {Transcript}
 */
export function advance(transcript, event) {
  if (event.seq <= transcript.lastSeq) return transcript;
  const next = { ...transcript, lastSeq: event.seq };
  switch (event.type) {
    case "caption": {
      const { firstWord, committed, tentative, settledMs } = event;
      const known = wordCount(transcript) - firstWord;
      const isGap = known < 0;
      return {
        ...next,
        words: isGap ? committed : append(transcript.words, committed.slice(known)),
        firstWord: isGap ? firstWord : transcript.firstWord,
        ends: isGap ? [] : transcript.ends,
        tentative,
        settledMs,
      };
    }
    case "speech_started":
      return { ...next, isSpeaking: true };
    case "utterance_end":
      return { ...next, isSpeaking: false, ends: withEnd(next, event.wordCount) };
    case "finalized":
      return next;
    case "end":
      return { ...next, isSpeaking: false, isOver: true, tentative: [] };
    default:
      return next; // of a later server
  }
}

/**
 * @param {readonly CaptionWord[]} words
 * @param {readonly CaptionWord[]} more
 */
function append(words, more) {
  return more.length === 0 ? words : [...words, ...more];
}

/**
 * @param {Transcript} transcript
 * @param {number} end
 */
function withEnd({ ends, firstWord }, end) {
  return end > (ends.at(-1) ?? firstWord) ? [...ends, end] : ends;
}

/**
 * Words of the session so far, those no longer held included.
 *
 * @param {Transcript} transcript
 */
export function wordCount({ words, firstWord }) {
  return firstWord + words.length;
}

/**
 * One paragraph for each utterance, the last one perhaps still growing.
 *
 * @param {Transcript} transcript
 * @returns {Paragraph[]}
 */
export function paragraphsOf({ words, firstWord, ends }) {
  /** @type {Paragraph[]} */
  const paragraphs = [];
  let start = 0;
  for (const sessionEnd of ends) {
    const end = Math.min(words.length, sessionEnd - firstWord);
    if (end > start) paragraphs.push({ start, end, isComplete: true });
    start = Math.max(start, end);
  }
  if (start < words.length) paragraphs.push({ start, end: words.length, isComplete: false });
  return paragraphs;
}

/**
 * The committed text, a line for each utterance.
 *
 * @param {Transcript} transcript
 * @param {LetterCase} letterCase
 */
export function textOf(transcript, letterCase) {
  return paragraphsOf(transcript).map(({ start, end }) =>
    transcript.words.slice(start, end).map((word, index) =>
      spell(word.text, { letterCase, isFirst: index === 0 })
    ).join(" ")
  ).join("\n");
}

/**
 * A word as it is shown. Most CTC models write capitals only, or none; as a sentence that reads
 * more easily.
 *
 * @param {string} text
 * @param {{ letterCase: LetterCase, isFirst: boolean }} options
 */
export function spell(text, { letterCase, isFirst }) {
  if (letterCase === "recognised") return text;
  const isPlain = text === text.toUpperCase() || text === text.toLowerCase();
  if (!isPlain) return text;
  const lower = text.toLowerCase();
  return isFirst || /^i('|’|$)/.test(lower)
    ? lower.charAt(0).toUpperCase() + lower.slice(1)
    : lower;
}

/**
 * A confidence in words, as it is drawn.
 *
 * @param {number} confidence 0 to 1.
 * @returns {"sure" | "fair" | "unsure"}
 */
export function confidenceBand(confidence) {
  return confidence >= 0.85 ? "sure" : confidence >= 0.6 ? "fair" : "unsure";
}

/**
 * Time since the beginning, as `1:02` or `1:00:02`.
 *
 * @param {number} ms
 */
export function clock(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const rest = String(seconds % 60).padStart(2, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}
