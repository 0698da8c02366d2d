/**
 * The form of a transcription, as OpenAI's clients fill it in.
 *
 * @module
 */
import { OpenAiError } from "./openai_error.ts";

/** Forms an answer can have. */
const RESPONSE_FORMATS = ["json", "text", "srt", "vtt", "verbose_json"] as const;

/** What is asked for. */
export interface TranscriptionRequest {
  /** The recording. */
  readonly file: Blob;
  readonly format: (typeof RESPONSE_FORMATS)[number];
  /** Text is sent as it is settled. */
  readonly isStream: boolean;
  /** What a verbose answer lists. */
  readonly granularities: readonly string[];
  /** How likely each word is, is told too. */
  readonly hasLogprobs: boolean;
  /** The language that the client says it is; told back. */
  readonly language: string | undefined;
}

/**
 * Reads a form. Fields that this server has no use for (`prompt`, `temperature`, …) may be
 * anything; any model may be named.
 *
 * @throws {OpenAiError} If a field is missing or not known.
 */
export function parseTranscription(form: FormData): TranscriptionRequest {
  const file = form.get("file");
  if (!(file instanceof Blob)) throw bad("file", "Cannot transcribe as there is no file");
  if (!textOf(form, "model")) throw bad("model", "Cannot transcribe as no model is named");
  const format = textOf(form, "response_format") || "json";
  if (!isFormat(format)) {
    const known = RESPONSE_FORMATS.join(", ");
    throw bad("response_format", `Cannot answer so: response_format may be ${known}`);
  }
  const granularities = listOf(form, "timestamp_granularities");
  if (granularities.some((name) => name !== "word" && name !== "segment")) {
    const message = "Cannot answer so: timestamp_granularities may be word and segment";
    throw bad("timestamp_granularities", message);
  }
  const isStream = /^(true|1)$/i.test(textOf(form, "stream") ?? "");
  if (isStream && format !== "json" && format !== "text") {
    throw bad("stream", `Cannot stream ${format}: json and text can be streamed`);
  }
  return {
    ...{ file, format, isStream, granularities },
    hasLogprobs: listOf(form, "include").includes("logprobs"),
    language: textOf(form, "language") || undefined,
  };
}

function bad(param: string, message: string): OpenAiError {
  return new OpenAiError(400, message, { param, code: "invalid_value" });
}

function isFormat(name: string): name is TranscriptionRequest["format"] {
  return RESPONSE_FORMATS.some((format) => format === name);
}

function textOf(form: FormData, name: string): string | undefined {
  const value = form.get(name);
  return typeof value === "string" ? value : undefined;
}

/** Lists come as `name` or `name[]`, once for each item. */
function listOf(form: FormData, name: string): string[] {
  return [...form.getAll(name), ...form.getAll(`${name}[]`)]
    .filter((value) => typeof value === "string");
}
