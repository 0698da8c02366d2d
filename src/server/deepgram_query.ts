/**
 * The query of Deepgram's `/v1/listen`: what is understood is checked, all else is let through.
 *
 * @module
 */
import { MAX_RATE_HZ, MIN_RATE_HZ } from "../audio/resample.ts";
import { ENDPOINT_RULES } from "../caption/endpoint.ts";
import type { StreamOptions } from "../stream.ts";
import { MAX_READINGS } from "./readings.ts";
import type { AudioFormat } from "./session.ts";

/** What a client of `/v1/listen` wants. */
export interface ListenQuery {
  /** What the bytes hold. */
  readonly format: AudioFormat;
  /** Results that may still change are sent too. */
  readonly interimResults: boolean;
  /** Silence after words that ends an utterance; `false` if no utterance is to end. */
  readonly endpointing: number | false;
  /** Time without words after which `UtteranceEnd` is sent. */
  readonly utteranceEndMs: number | undefined;
  /** `SpeechStarted` is sent. */
  readonly vadEvents: boolean;
  /** Most readings of a final result. */
  readonly alternatives: number;
}

/** A query that cannot be used. */
export interface InvalidQuery {
  /** What is wrong, and what is accepted. */
  readonly problem: string;
}

/**
 * Words as a CTC model says them are as far apart in fluent speech, so that shorter endpointing,
 * Deepgram's default of 10 ms included, would end an utterance after every other word.
 */
export const MIN_ENDPOINTING_MS = 300;

/** Every channel is a stream of its own, and takes the room of one. */
const MAX_SPLIT_CHANNELS = 8;

const MAX_MIXED_CHANNELS = 20;

/** Silence after which a word has ended, unless the tokens say so before. */
const WORD_PAUSE_MS = 400;

/** Deepgram's names. `linear32` is floating-point; `flac` and `ogg-opus` are read as containers. */
const ENCODINGS: Readonly<Record<string, AudioFormat["encoding"]>> = {
  linear16: "s16le",
  linear32: "f32le",
  mulaw: "mulaw",
  alaw: "alaw",
  flac: "container",
  "ogg-opus": "container",
};

/** What is accepted, in words. */
const ACCEPTED = "encoding may be linear16, linear32, mulaw or alaw with sample_rate, flac, or " +
  "ogg-opus; without encoding, audio is taken as WAV, FLAC, MP3, Ogg, WebM, Matroska, or AAC";

/** A problem on its way out of the readers below. */
class QueryError extends Error {}

/**
 * Reads the query. Parameters that are not known, and those that this server has no use for
 * (`model`, `language`, `keyterm`, `smart_format`, …), may be anything.
 *
 * @param query As the client wrote it.
 */
export function parseListenQuery(query: URLSearchParams): ListenQuery | InvalidQuery {
  try {
    return {
      format: formatOf(query),
      interimResults: flagOf(query, "interim_results"),
      endpointing: endpointingOf(query),
      utteranceEndMs: utteranceEndOf(query),
      vadEvents: flagOf(query, "vad_events"),
      alternatives: numberOf(query, "alternatives", { min: 1, max: MAX_READINGS, byDefault: 1 }),
    };
  } catch (error) {
    if (error instanceof QueryError) return { problem: error.message };
    throw error;
  }
}

/** How captions are made for a query. */
export function streamOptionsOf({ endpointing, alternatives }: ListenQuery): StreamOptions {
  if (endpointing === false) return { nBest: alternatives };
  return {
    nBest: alternatives,
    wordPauseMs: Math.min(WORD_PAUSE_MS, endpointing),
    // the pauses between words are the client's own, see SegmentCutter
    rules: ENDPOINT_RULES.map((rule) => {
      const { minTrailingSilenceMs } = rule;
      if (minTrailingSilenceMs === 0) return rule;
      return { ...rule, minTrailingSilenceMs: Math.max(minTrailingSilenceMs, endpointing) };
    }),
  };
}

function formatOf(query: URLSearchParams): AudioFormat {
  const name = query.get("encoding") || undefined;
  const encoding = name === undefined ? "container" : ENCODINGS[name.toLowerCase()];
  if (encoding === undefined) {
    throw new QueryError(
      `Cannot take audio as encoding '${short(name!)}' is not read: ${ACCEPTED}`,
    );
  }
  const isContainer = encoding === "container";
  if (!isContainer && !query.get("sample_rate")) {
    throw new QueryError(`Cannot take '${short(name!)}' as it needs a sample_rate`);
  }
  const range = { min: MIN_RATE_HZ, max: MAX_RATE_HZ, byDefault: MIN_RATE_HZ };
  const sampleRateHz = isContainer ? MIN_RATE_HZ : numberOf(query, "sample_rate", range);
  return { encoding, sampleRateHz, ...channelsOf(query, isContainer) };
}

function channelsOf(
  query: URLSearchParams,
  isContainer: boolean,
): Pick<AudioFormat, "channelCount" | "channels"> {
  const isSplit = flagOf(query, "multichannel");
  if (isSplit && isContainer && !query.get("channels")) {
    throw new QueryError(
      "Cannot split a container into its channels as their number is not known: say channels",
    );
  }
  const max = isSplit ? MAX_SPLIT_CHANNELS : MAX_MIXED_CHANNELS;
  const channelCount = numberOf(query, "channels", { min: 1, max, byDefault: 1 });
  return { channelCount, channels: isSplit ? "split" : "mix" };
}

function endpointingOf(query: URLSearchParams): number | false {
  const text = query.get("endpointing");
  if (text === "false") return false;
  if (text === null || text === "" || text === "true") return MIN_ENDPOINTING_MS;
  const ms = numberOf(query, "endpointing", { min: 0, max: 60_000, byDefault: 0 });
  return Math.max(MIN_ENDPOINTING_MS, ms);
}

function utteranceEndOf(query: URLSearchParams): number | undefined {
  const text = query.get("utterance_end_ms");
  if (text === null || text === "" || text === "false") return undefined;
  return numberOf(query, "utterance_end_ms", { min: 1, max: 60_000, byDefault: 0 });
}

function flagOf(query: URLSearchParams, name: string): boolean {
  return /^(true|1)$/i.test(query.get(name) ?? "");
}

function numberOf(
  query: URLSearchParams,
  name: string,
  { min, max, byDefault }: { min: number; max: number; byDefault: number },
): number {
  const text = query.get(name);
  if (text === null || text === "") return byDefault;
  const value = Number(text);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new QueryError(
    `Cannot use ${name} as it must be a whole number from ${min} to ${max}: ${short(text)}`,
  );
}

/** A client's own words, of a length that can be told back. */
function short(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}
