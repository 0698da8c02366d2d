/**
 * Transcripts in the forms of OpenAI's answers.
 *
 * @module
 */
import { deflateSync } from "node:zlib";
import { toCues } from "../caption/cue.ts";
import { toSrt, toWebVtt } from "../caption/subtitles.ts";
import type { Word } from "../caption/word.ts";
import type { Transcript } from "../transcribe.ts";
import { samplesToSeconds } from "../units.ts";
import type { TranscriptionRequest } from "./openai_request.ts";

/** A transcript, and where its utterances end. */
export interface FileTranscript extends Transcript {
  /** Words before the end of each utterance. */
  readonly utteranceEnds: readonly number[];
}

/** An answer's body, and what it is. */
export interface Answer {
  readonly body: string;
  readonly contentType: string;
}

/** Writes a transcript as it was asked for. */
export function answerOf(transcript: FileTranscript, request: TranscriptionRequest): Answer {
  const { words, sampleRateHz, text } = transcript;
  switch (request.format) {
    case "json":
      return json({
        text,
        ...(request.hasLogprobs ? { logprobs: logprobsOf(words) } : {}),
        usage: usageOf(transcript),
      });
    case "verbose_json":
      return json(verboseOf(transcript, request));
    case "text":
      return { body: `${text}\n`, contentType: "text/plain; charset=utf-8" };
    case "srt":
      return {
        body: toSrt(toCues(words, { sampleRateHz }), { sampleRateHz }),
        contentType: "text/plain; charset=utf-8",
      };
    case "vtt":
      return {
        body: toWebVtt(toCues(words, { sampleRateHz }), { sampleRateHz }),
        contentType: "text/vtt; charset=utf-8",
      };
    default:
      return request.format satisfies never;
  }
}

function json(value: object): Answer {
  return { body: JSON.stringify(value), contentType: "application/json" };
}

function usageOf({ seconds }: Transcript): object {
  return { type: "duration", seconds: Math.ceil(seconds) };
}

/** How likely each word is, in the place of tokens; `isFirst` if no words come before. */
export function logprobsOf(words: readonly Word[], { isFirst = true } = {}): object[] {
  return words.map(({ text, confidence }, index) => {
    const token = isFirst && index === 0 ? text : ` ${text}`;
    const bytes = [...new TextEncoder().encode(token)];
    return { token, bytes, logprob: Math.log(confidence) };
  });
}

function verboseOf(transcript: FileTranscript, request: TranscriptionRequest): object {
  const { text, words, seconds, sampleRateHz } = transcript;
  const { granularities, language = "unknown" } = request;
  const hasSegments = granularities.length === 0 || granularities.includes("segment");
  const timed = ({ text, startSample, endSample }: Word) => ({
    word: text,
    start: samplesToSeconds(startSample, sampleRateHz),
    end: samplesToSeconds(endSample, sampleRateHz),
  });
  return {
    task: "transcribe",
    language,
    duration: seconds,
    text,
    ...(hasSegments ? { segments: segmentsOf(transcript) } : {}),
    ...(granularities.includes("word") ? { words: words.map(timed) } : {}),
    usage: usageOf(transcript),
  };
}

/** A segment for each utterance that has words. */
function segmentsOf({ words, utteranceEnds, sampleRateHz }: FileTranscript): object[] {
  let start = 0;
  const utterances = [...utteranceEnds, words.length].map((end) => {
    const utterance = words.slice(start, end);
    start = Math.max(start, end);
    return utterance;
  });
  return utterances.filter((utterance) => utterance.length > 0).map((utterance, id) => {
    const text = utterance.map((word) => word.text).join(" ");
    const logprobs = utterance.map(({ confidence }) => Math.log(confidence));
    return {
      id,
      seek: 0,
      start: samplesToSeconds(utterance[0]!.startSample, sampleRateHz),
      end: samplesToSeconds(utterance.at(-1)!.endSample, sampleRateHz),
      text,
      tokens: [],
      temperature: 0,
      avg_logprob: logprobs.reduce((sum, logprob) => sum + logprob, 0) / logprobs.length,
      compression_ratio: compressionRatio(text),
      no_speech_prob: 0,
    };
  });
}

/** As Whisper has it: far above 1 where a text repeats itself. */
function compressionRatio(text: string): number {
  const bytes = new TextEncoder().encode(text);
  return bytes.length / deflateSync(bytes).length;
}
