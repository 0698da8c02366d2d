/**
 * Cues to subtitle files: WebVTT and SubRip (SRT), whole or cue by cue.
 *
 * @module
 */
import { samplesToMs } from "../units.ts";
import type { Cue } from "./cue.ts";

/** Options of the subtitle writers. */
export interface SubtitleOptions {
  /** Rate of the cues' samples, Hz. @default {16000} */
  sampleRateHz?: number;
}

/** What a WebVTT file starts with; cues of {@linkcode webVttCue} follow. */
export const WEBVTT_HEADER = "WEBVTT\n\n";

/**
 * Writes a WebVTT file.
 *
 * @param cues In order.
 * @returns The text of the file.
 *
 * @example
 * ```ts
 * import { toCues } from "./cue.ts";
 * import { toWebVtt } from "./subtitles.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const cues = toCues([{ text: "R&B", startSample: 0, endSample: 16000, confidence: 1 }]);
 * assertEquals(toWebVtt(cues), "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nR&amp;B\n\n");
 * ```
 */
export function toWebVtt(cues: Iterable<Cue>, options: SubtitleOptions = {}): string {
  let file = WEBVTT_HEADER;
  for (const cue of cues) file += webVttCue(cue, options);
  return file;
}

/**
 * Writes an SRT file.
 *
 * @param cues In order.
 * @returns The text of the file.
 */
export function toSrt(cues: Iterable<Cue>, options: SubtitleOptions = {}): string {
  let file = "";
  let number = 1;
  for (const cue of cues) file += srtCue(cue, { ...options, number: number++ });
  return file;
}

/** One cue of a WebVTT file, with the blank line after it. */
export function webVttCue(cue: Cue, options: SubtitleOptions = {}): string {
  return `${timing(cue, ".", options)}\n${cue.lines.map(escapeWebVtt).join("\n")}\n\n`;
}

/** Options of {@linkcode srtCue}. */
export interface SrtCueOptions extends SubtitleOptions {
  /** The cue's number in the file, from 1. */
  number: number;
}

/** One cue of an SRT file, with the blank line after it. */
export function srtCue(cue: Cue, options: SrtCueOptions): string {
  const lines = cue.lines.map(cleanSrt).join("\n");
  return `${options.number}\n${timing(cue, ",", options)}\n${lines}\n\n`;
}

function timing(cue: Cue, decimalMark: string, options: SubtitleOptions): string {
  const { sampleRateHz = 16_000 } = options;
  const startMs = Math.round(samplesToMs(cue.startSample, sampleRateHz));
  // A cue that rounds to nothing would be dropped by players.
  const endMs = Math.max(Math.round(samplesToMs(cue.endSample, sampleRateHz)), startMs + 1);
  return `${timestamp(startMs, decimalMark)} --> ${timestamp(endMs, decimalMark)}`;
}

/** `hh:mm:ss.mmm`; hours take as many digits as they need. */
function timestamp(ms: number, decimalMark: string): string {
  const [hours, minutes, seconds] = [
    Math.floor(ms / 3_600_000),
    Math.floor(ms / 60_000) % 60,
    Math.floor(ms / 1000) % 60,
  ].map((part) => String(part).padStart(2, "0"));
  return `${hours}:${minutes}:${seconds}${decimalMark}${String(ms % 1000).padStart(3, "0")}`;
}

/** WebVTT's own escapes; they cover `-->` too. */
function escapeWebVtt(text: string): string {
  return cleanLine(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}

/** SRT has no escapes: an arrow that parsers would take for a timing line is pulled apart. */
function cleanSrt(text: string): string {
  return cleanLine(text).replaceAll("-->", "-- >");
}

/** Without line ends and other control characters, which would end the cue or the file. */
function cleanLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
}
