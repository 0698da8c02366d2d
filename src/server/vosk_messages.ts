/**
 * The messages of vosk-server's WebSocket, as its clients read and write them.
 *
 * @module
 */
import { z } from "zod";
import { MAX_RATE_HZ, MIN_RATE_HZ } from "../audio/resample.ts";
import type { Word } from "../caption/word.ts";
import { samplesToSeconds } from "../units.ts";
import { LimitError } from "./limits.ts";
import { MAX_READINGS, readingsOf, textOf } from "./readings.ts";
import { jsonOf } from "./text_message.ts";

/** How a client wants its results; all may be left out. */
export interface VoskConfig {
  readonly sampleRateHz: number | undefined;
  /** Results list their words. */
  readonly words: boolean | undefined;
  /** Above 0, results are lists of alternatives. */
  readonly maxAlternatives: number | undefined;
}

/** What a client says in text. */
export type VoskMessage =
  | { readonly kind: "config"; readonly config: VoskConfig }
  | { readonly kind: "eof" | "reset" };

const SCHEMA = z.union([
  z.looseObject({
    config: z.looseObject({
      sample_rate: z.coerce.number().int().min(MIN_RATE_HZ).max(MAX_RATE_HZ).optional(),
      words: z.union([z.boolean(), z.number().transform(Boolean)]).optional(),
      max_alternatives: z.coerce.number().int().min(0).max(1000).optional(),
    }),
  }),
  z.looseObject({ eof: z.unknown() }).refine((message) => "eof" in message),
  z.looseObject({ reset: z.unknown() }).refine((message) => "reset" in message),
]);

/**
 * Reads a text message.
 *
 * @throws {LimitError} If it is too long, or none of the protocol's.
 */
export function parseVoskMessage(text: string, maxBytes: number): VoskMessage {
  const parsed = SCHEMA.safeParse(jsonOf(text, maxBytes));
  if (!parsed.success) {
    throw new LimitError(
      "bad_message",
      `Cannot understand the message: config (sample_rate ${MIN_RATE_HZ} to ${MAX_RATE_HZ}), eof and reset are known`,
    );
  }
  const message = parsed.data;
  if (!("config" in message)) return { kind: "eof" in message ? "eof" : "reset" };
  const { sample_rate, words, max_alternatives } = message.config as {
    sample_rate?: number;
    words?: boolean;
    max_alternatives?: number;
  };
  return {
    kind: "config",
    config: { sampleRateHz: sample_rate, words, maxAlternatives: max_alternatives },
  };
}

/** How results are written. */
export interface VoskResultOptions {
  /** Rate of the words' samples, Hz. */
  readonly sampleRateHz: number;
  /** Results list their words. */
  readonly words: boolean;
  /** Above 0, a result is a list of at most so many readings. */
  readonly maxAlternatives: number;
}

/** The guess at what is said, as JSON. */
export function partialJson(words: readonly Word[]): string {
  return JSON.stringify({ partial: textOf(words) }, null, 2);
}

/** What was said, as JSON. */
export function resultJson(said: readonly Word[], options: VoskResultOptions): string {
  const { words: hasWords, maxAlternatives } = options;
  const list = (words: readonly Word[]) =>
    hasWords && words.length > 0 ? { result: words.map((word) => wordOf(word, options)) } : {};
  if (maxAlternatives === 0) {
    return JSON.stringify({ ...list(said), text: textOf(said) }, null, 2);
  }
  const readings = readingsOf(said, Math.min(maxAlternatives, MAX_READINGS));
  const alternatives = readings.map((words) => {
    const result = list(words).result?.map(({ start, end, word }) => ({ end, start, word }));
    return {
      confidence: logLikelihood(words),
      ...(result === undefined ? {} : { result }),
      text: textOf(words),
    };
  });
  return JSON.stringify({ alternatives }, null, 2);
}

/** A score as Vosk has it: no probability, and larger is better. */
function logLikelihood(words: readonly Word[]): number {
  return words.reduce((sum, { confidence }) => sum + Math.log(Math.max(1e-9, confidence)), 0);
}

function wordOf(
  { text, startSample, endSample, confidence }: Word,
  { sampleRateHz }: VoskResultOptions,
): { conf: number; end: number; start: number; word: string } {
  return {
    conf: confidence,
    end: samplesToSeconds(endSample, sampleRateHz),
    start: samplesToSeconds(startSample, sampleRateHz),
    word: text,
  };
}
