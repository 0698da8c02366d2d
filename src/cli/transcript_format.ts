/**
 * Transcripts as text, JSON, SRT and WebVTT.
 *
 * @module
 */
import { type Cue, type CueState, nextCues, startCues, toCues } from "../caption/cue.ts";
import { toSrt, toWebVtt } from "../caption/subtitles.ts";
import type { Word } from "../caption/word.ts";
import type { Transcript } from "../transcribe.ts";
import { msToSamples, samplesToMs, samplesToSeconds } from "../units.ts";

/** Every {@linkcode TranscriptFormat}. */
export const TRANSCRIPT_FORMATS = ["text", "json", "srt", "vtt"] as const;

/** What a transcript is written as. */
export type TranscriptFormat = typeof TRANSCRIPT_FORMATS[number];

/** Extensions of files by format. */
export const EXTENSIONS: Readonly<Record<TranscriptFormat, string>> = {
  text: ".txt",
  json: ".json",
  srt: ".srt",
  vtt: ".vtt",
};

/** What JSON says beside the words. */
export interface TranscriptOrigin {
  /** The recording. */
  readonly file: string;
  /** The model's folder or name. */
  readonly model: string;
  /** Where it was computed. */
  readonly backend: string;
  /** How it was computed. */
  readonly dtype: string;
}

/** A transcript as one line of JSON. */
export function transcriptJson(transcript: Transcript, origin: TranscriptOrigin): string {
  const { sampleRateHz, text, seconds } = transcript;
  const words = transcript.words.map((word) => ({
    text: word.text,
    startSeconds: samplesToSeconds(word.startSample, sampleRateHz),
    endSeconds: samplesToSeconds(word.endSample, sampleRateHz),
    confidence: Number(word.confidence.toFixed(4)),
  }));
  return `${JSON.stringify({ ...origin, text, seconds, words })}\n`;
}

/** A transcript as a subtitle file. */
export function subtitleFile(
  { words, sampleRateHz }: Transcript,
  format: "srt" | "vtt",
): string {
  const cues = toCues(words, { sampleRateHz });
  return format === "srt" ? toSrt(cues, { sampleRateHz }) : toWebVtt(cues, { sampleRateHz });
}

/** Options of a {@linkcode TextWriter}. */
export interface TextWriterOptions {
  /** Rate of the words' samples, Hz. */
  readonly sampleRateHz: number;
  /** Whether each cue is a line with its times; otherwise all is one line. @default {false} */
  readonly timestamps?: boolean;
  /** What every line begins with. @default {""} */
  readonly prefix?: string;
}

/** Writes a transcript as text while it grows. */
export class TextWriter {
  readonly #write: (text: string) => void;
  readonly #options: TextWriterOptions;
  #cues: CueState = startCues();
  #hasBegun = false;

  /** @param write Where text goes. @param options Times and prefix. */
  constructor(write: (text: string) => void, options: TextWriterOptions) {
    this.#write = write;
    this.#options = options;
  }

  /** Whether something stands in a line that has not ended. */
  get isInLine(): boolean {
    return this.#hasBegun && !this.#options.timestamps;
  }

  /** Takes words that follow. @param settledSeconds No later word starts before. */
  push(words: readonly Word[], settledSeconds: number): void {
    const { sampleRateHz, timestamps } = this.#options;
    if (timestamps) {
      return this.#writeCues(words, msToSamples(settledSeconds * 1000, sampleRateHz));
    }
    for (const { text } of words) {
      this.#write(this.#hasBegun ? ` ${text}` : `${this.#options.prefix ?? ""}${text}`);
      this.#hasBegun = true;
    }
  }

  /** Ends the text and its line. */
  end(): void {
    const { prefix = "", timestamps } = this.#options;
    if (timestamps) this.#writeCues([], Infinity);
    else this.#write(this.#hasBegun ? "\n" : `${prefix.trimEnd()}\n`);
  }

  #writeCues(words: readonly Word[], horizonSample: number): void {
    const { sampleRateHz, prefix = "" } = this.#options;
    const { cues, state } = nextCues(this.#cues, words, { horizonSample, sampleRateHz });
    this.#cues = state;
    for (const cue of cues) this.#write(`${prefix}${cueLine(cue, sampleRateHz)}\n`);
  }
}

function cueLine({ startSample, endSample, lines }: Cue, sampleRateHz: number): string {
  const [start, end] = [startSample, endSample].map((sample) =>
    clockTime(samplesToMs(sample, sampleRateHz))
  );
  return `[${start} --> ${end}] ${lines.join(" ")}`;
}

/** `hh:mm:ss.mmm` */
function clockTime(ms: number): string {
  const whole = Math.round(ms);
  const parts = [Math.floor(whole / 3_600_000), Math.floor(whole / 60_000) % 60];
  const [hours, minutes] = parts.map((part) => String(part).padStart(2, "0"));
  return `${hours}:${minutes}:${((whole % 60_000) / 1000).toFixed(3).padStart(6, "0")}`;
}
