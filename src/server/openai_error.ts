/**
 * Errors as OpenAI's clients read them.
 *
 * @module
 */
import { AudioError, OverloadError } from "../errors.ts";
import { refuse } from "./admission.ts";
import type { ServerContext } from "./context.ts";
import type { Refusal } from "./limits.ts";
import { log } from "./log.ts";

/** A request that cannot be done as it is. */
export class OpenAiError extends Error {
  override name = "OpenAiError";
  /** HTTP status. */
  readonly status: number;
  /** Short name of what is wrong. */
  readonly code: string | null;
  /** The field at fault. */
  readonly param: string | null;

  /** @param status HTTP status. @param message What is wrong. */
  constructor(
    status: number,
    message: string,
    { code = null, param = null }: { code?: string | null; param?: string | null } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

/** What a client is told of an error: its own faults as they are, others without detail. */
export function openAiErrorOf(error: unknown): OpenAiError {
  if (error instanceof OpenAiError) return error;
  if (error instanceof AudioError) {
    return new OpenAiError(400, error.message, { code: "invalid_file", param: "file" });
  }
  if (error instanceof OverloadError) {
    return new OpenAiError(503, error.message, { code: "overloaded" });
  }
  return new OpenAiError(500, "The server failed", { code: "internal" });
}

/** The body of an error. */
export function errorBody({ status, message, code, param }: OpenAiError): object {
  return { error: { message, type: typeOf(status), param, code } };
}

/** The answer to a request that failed. */
export function errorResponse(context: ServerContext, error: unknown): Response {
  const told = openAiErrorOf(error);
  if (told.status === 500) log.error("A transcription failed: {error}", { error: String(error) });
  context.metrics.errorSent(told.code ?? "bad_request");
  const headers = new Headers({ "content-type": "application/json", "cache-control": "no-store" });
  if (error instanceof OverloadError) {
    headers.set("retry-after", String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
  }
  return new Response(JSON.stringify(errorBody(told)), { status: told.status, headers });
}

/** The answer to a request that was not let in. */
export function refuseOpenAi(context: ServerContext, refused: Refusal): Response {
  const { status, message } = refused;
  const code = status === 401
    ? "invalid_api_key"
    : status === 429
    ? "rate_limit_exceeded"
    : refused.code;
  return refuse(context, refused, errorBody(new OpenAiError(status, message, { code })));
}

function typeOf(status: number): string {
  if (status === 429) return "requests";
  return status >= 500 ? "server_error" : "invalid_request_error";
}
