/**
 * The messages of Deepgram's `/v1/listen`, as its clients read and write them.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { Word } from "../caption/word.ts";
import { samplesToSeconds } from "../units.ts";
import type { Said, Segment } from "./deepgram_results.ts";
import { LimitError } from "./limits.ts";
import { readingsOf, textOf } from "./readings.ts";
import { jsonOf } from "./text_message.ts";

/** What a client says in text. */
export type ListenMessage =
  | { readonly kind: "keepAlive" | "finalize" | "closeStream" | "configure" }
  | { readonly kind: "unknown"; readonly type: string };

const SCHEMA = z.looseObject({ type: z.string().max(100) });

const KINDS: Readonly<Record<string, Exclude<ListenMessage["kind"], "unknown">>> = {
  KeepAlive: "keepAlive",
  Finalize: "finalize",
  CloseStream: "closeStream",
  Configure: "configure",
};

/**
 * Reads a text message.
 *
 * @throws {LimitError} If it is too long, or no JSON object with a `type`.
 */
export function parseListenMessage(text: string, maxBytes: number): ListenMessage {
  const parsed = SCHEMA.safeParse(jsonOf(text, maxBytes));
  if (!parsed.success) {
    throw new LimitError(
      "bad_message",
      "Cannot understand the message as it is no JSON object with a type",
    );
  }
  const { type } = parsed.data;
  const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
  return kind === undefined ? { kind: "unknown", type } : { kind };
}

/** What all messages of a connection say. */
export interface ListenInfo {
  readonly requestId: string;
  /** The model's name. */
  readonly model: string;
  /** Its architecture. */
  readonly arch: string;
  /** The model's rate, Hz: that of samples. */
  readonly sampleRateHz: number;
  /** Channels that have results of their own. */
  readonly channelCount: number;
  /** Most readings of a final result. */
  readonly alternatives: number;
}

/** What is told of a stream, as JSON. */
export function saidJson(said: Said, channel: number, info: ListenInfo): string {
  const { sampleRateHz, channelCount } = info;
  const channelIndex = [channel, channelCount];
  if (said.kind === "segment") return resultsJson(said, channel, info);
  if (said.kind === "speechStarted") {
    const timestamp = secondsOf(said.atSample, sampleRateHz);
    return JSON.stringify({ type: "SpeechStarted", channel: channelIndex, timestamp });
  }
  const lastWordEnd = secondsOf(said.lastWordEndSample, sampleRateHz);
  return JSON.stringify({
    type: "UtteranceEnd",
    channel: channelIndex,
    last_word_end: lastWordEnd,
  });
}

function resultsJson(segment: Segment, channel: number, info: ListenInfo): string {
  const { startSample, endSample, words, isFinal } = segment;
  const { sampleRateHz, channelCount, requestId, model, arch, alternatives } = info;
  const readings = readingsOf(words, isFinal ? alternatives : 1);
  return JSON.stringify({
    type: "Results",
    channel_index: [channel, channelCount],
    duration: secondsOf(endSample - startSample, sampleRateHz),
    start: secondsOf(startSample, sampleRateHz),
    is_final: segment.isFinal,
    speech_final: segment.isSpeechFinal,
    channel: { alternatives: readings.map((reading) => alternativeOf(reading, sampleRateHz)) },
    metadata: {
      request_id: requestId,
      model_info: { name: model, version: "1", arch },
      model_uuid: modelUuid(model),
    },
    from_finalize: segment.isFromFinalize,
  });
}

function alternativeOf(words: readonly Word[], sampleRateHz: number): object {
  const sum = words.reduce((sum, word) => sum + word.confidence, 0);
  return {
    transcript: textOf(words),
    confidence: rounded(sum / Math.max(1, words.length)),
    words: words.map((word) => wordOf(word, sampleRateHz)),
  };
}

function wordOf({ text, startSample, endSample, confidence }: Word, sampleRateHz: number): object {
  return {
    word: text,
    start: secondsOf(startSample, sampleRateHz),
    end: secondsOf(endSample, sampleRateHz),
    confidence: rounded(confidence),
    punctuated_word: text,
  };
}

/** The last message, as JSON. */
export function metadataJson(
  info: ListenInfo,
  { endSample, sha256, startedAt }: { endSample: number; sha256: string; startedAt: Date },
): string {
  const { requestId, model, arch, channelCount, sampleRateHz } = info;
  const uuid = modelUuid(model);
  return JSON.stringify({
    type: "Metadata",
    transaction_key: "deprecated",
    request_id: requestId,
    sha256,
    created: startedAt.toISOString(),
    duration: secondsOf(endSample, sampleRateHz),
    channels: channelCount,
    models: [uuid],
    model_info: { [uuid]: { name: model, version: "1", arch } },
  });
}

/** An error, as JSON. */
export function errorJson(variant: string, description: string, requestId: string): string {
  return JSON.stringify({
    type: "Error",
    ...{ variant, description, message: description, request_id: requestId },
  });
}

/** The same UUID for the same name. */
function modelUuid(model: string): string {
  const hex = createHash("sha256").update(model).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`, // version 8: the name's own
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

/** Microseconds are enough for any sample to be told from the next. */
function secondsOf(samples: number, sampleRateHz: number): number {
  return Math.round(1e6 * samplesToSeconds(samples, sampleRateHz)) / 1e6;
}

function rounded(confidence: number): number {
  return Math.round(confidence * 1e4) / 1e4;
}
