/**
 * A form on its way in: not too long, not too slow, and not too many at once.
 *
 * @module
 */
import type { ServerConfig } from "./config.ts";
import { readForm } from "./multipart.ts";
import { OpenAiError } from "./openai_error.ts";

/** Longest time of an upload, ms: what clients wait for an answer by default. */
const MAX_UPLOAD_MS = 600_000;

/** Bytes a second that an upload must have, counted from when it may first be idle for too long. */
const MIN_BYTES_PER_SECOND = 2000;

/** Bytes of all uploads that are held. */
export class UploadRoom {
  readonly #maxBytes: number;
  #heldBytes = 0;

  /** @param maxBytes Most bytes held. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are held. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Takes bytes in, unless there is no room for them. */
  take(byteLength: number): boolean {
    if (this.#heldBytes + byteLength > this.#maxBytes) return false;
    this.#heldBytes += byteLength;
    return true;
  }

  /** Gives room back. */
  give(byteLength: number): void {
    this.#heldBytes -= byteLength;
  }
}

/** A form that was read. Dispose it when its files are used no more. */
export interface Upload extends Disposable {
  readonly form: FormData;
}

/**
 * Reads a form.
 *
 * @param request The request; its body is read.
 * @param config How long it may be, and how long nothing may come.
 * @param room Where its bytes are counted.
 * @throws {OpenAiError} If it is no form, too long, too slow, or there is no room.
 */
export async function readUpload(
  request: Request,
  config: Pick<ServerConfig, "maxUploadBytes" | "idleSeconds">,
  room: UploadRoom,
): Promise<Upload> {
  const contentType = request.headers.get("content-type") ?? "";
  if (!/^multipart\/form-data\b/i.test(contentType) || request.body === null) {
    throw new OpenAiError(400, "Cannot read the request as it must be multipart/form-data");
  }
  const { maxUploadBytes } = config;
  if (Number(request.headers.get("content-length") ?? 0) > maxUploadBytes) throw tooLong(config);
  const counted = new CountedBody(config, room);
  try {
    const body = request.body.pipeThrough(counted.transform, { signal: counted.signal });
    const form = await readForm(body, contentType);
    return { form, [Symbol.dispose]: () => counted.giveBack() };
  } catch (error) {
    counted.giveBack();
    const reason = counted.signal.reason ?? error;
    if (reason instanceof OpenAiError) throw reason;
    const why = reason instanceof SyntaxError ? `: ${reason.message}` : "";
    throw new OpenAiError(400, `Cannot read the request as its form is damaged${why}`);
  } finally {
    counted.stopTimers();
  }
}

function tooLong({ maxUploadBytes }: Pick<ServerConfig, "maxUploadBytes">): OpenAiError {
  const message = `Cannot take the upload as it is longer than ${maxUploadBytes} bytes`;
  return new OpenAiError(413, message, { code: "content_too_large", param: "file" });
}

/** Counts a body's bytes, and watches the clock. */
class CountedBody {
  readonly transform: TransformStream<Uint8Array, Uint8Array>;
  readonly #stop = new AbortController();
  readonly #room: UploadRoom;
  readonly #idleMs: number;
  #byteLength = 0;
  readonly #startMs = performance.now();
  #idleTimer: ReturnType<typeof setTimeout>;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(
    config: Pick<ServerConfig, "maxUploadBytes" | "idleSeconds">,
    room: UploadRoom,
  ) {
    this.#room = room;
    this.#idleMs = 1000 * config.idleSeconds;
    this.#idleTimer = this.#timeOut(this.#idleMs);
    this.#timer = this.#timeOut(MAX_UPLOAD_MS);
    this.transform = new TransformStream({
      transform: (bytes, controller) => {
        clearTimeout(this.#idleTimer);
        this.#idleTimer = this.#timeOut(Math.min(this.#idleMs, this.#leftMs(bytes.length)));
        if (this.#byteLength + bytes.length > config.maxUploadBytes) {
          return this.#stop.abort(tooLong(config));
        }
        if (!room.take(bytes.length)) {
          const message = "Cannot take the upload as there are too many: try again";
          return this.#stop.abort(new OpenAiError(503, message, { code: "overloaded" }));
        }
        this.#byteLength += bytes.length;
        controller.enqueue(bytes);
      },
    });
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  stopTimers(): void {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#timer);
  }

  /** How long bytes may still be on their way, or dribble in, after so many more. */
  #leftMs(moreBytes: number): number {
    const earnedMs = 1000 * (this.#byteLength + moreBytes) / MIN_BYTES_PER_SECOND;
    return Math.max(0, this.#startMs + this.#idleMs + earnedMs - performance.now());
  }

  /** Idempotent. */
  giveBack(): void {
    this.#room.give(this.#byteLength);
    this.#byteLength = 0;
  }

  #timeOut(ms: number): ReturnType<typeof setTimeout> {
    const message = "Cannot wait longer for the upload";
    const late = () => this.#stop.abort(new OpenAiError(408, message, { code: "timeout" }));
    return setTimeout(late, Math.min(ms, 1 << 30));
  }
}
