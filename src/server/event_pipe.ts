/**
 * From a session's log to one WebSocket: as fast as its reader reads, no faster.
 *
 * @module
 */
import { OverloadError } from "../errors.ts";
import type { ServerContext } from "./context.ts";
import type { EventLog } from "./event_log.ts";
import type { ErrorMessage, ServerMessage } from "./protocol.ts";
import { CLOSE_CODES } from "./protocol.ts";
import { LimitError } from "./limits.ts";
import { closeSocket, readerReady, sendText } from "./socket.ts";

/** Sends what a session says to one connection. */
export class EventPipe {
  readonly #context: ServerContext;
  readonly #socket: WebSocket;

  /** @param context The server. @param socket The connection, open. */
  constructor(context: ServerContext, socket: WebSocket) {
    this.#context = context;
    this.#socket = socket;
  }

  /** Whether anything can be sent. */
  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Sends a message that is not the session's, unless the reader is behind. */
  send(message: ServerMessage): void {
    if (this.#isBehind) return;
    sendText(this.#socket, JSON.stringify(message), this.#context.config);
  }

  /**
   * Sends all events after `seq`, and those to come, until the log is closed or the socket is.
   *
   * @returns Whether all was sent.
   * @throws {LimitError} If the reader does not read.
   */
  async run(log: EventLog, seq: number): Promise<boolean> {
    let sent = seq;
    while (this.isOpen) {
      const { changed } = log;
      sent = this.flush(log, sent);
      if (this.#isBehind) await readerReady(this.#socket, this.#context.config);
      else if (log.isClosed) return true;
      else await changed;
    }
    return false;
  }

  /** Sends events after `seq` as far as the reader keeps up. Returns the last one's number. */
  flush(log: EventLog, seq: number): number {
    for (const event of log.after(seq)) {
      if (this.#isBehind || !this.isOpen) return seq;
      this.send(event);
      seq = event.seq;
    }
    return seq;
  }

  /** Says what went wrong, and closes. */
  fail(error: Omit<ErrorMessage, "type">): void {
    const { code, message } = error;
    if (!this.isOpen) return;
    this.#context.metrics.errorSent(code);
    this.#socket.send(JSON.stringify({ type: "error", ...error } satisfies ErrorMessage));
    closeSocket(this.#socket, { code: CLOSE_CODES[code], reason: message });
  }

  /** Says goodbye after all was sent. */
  finish(): void {
    const code = this.#context.draining.aborted ? CLOSE_CODES.draining : 1000;
    closeSocket(this.#socket, { code, reason: "The session is over" });
  }

  get #isBehind(): boolean {
    return this.#socket.bufferedAmount > this.#context.config.maxBufferedBytes;
  }
}

/** What a client is told of an error: limits as they are, others without detail. */
export function errorOf(error: unknown): Omit<ErrorMessage, "type" | "canResume"> {
  if (error instanceof OverloadError) {
    const { message, retryAfterMs } = error;
    return { code: "overloaded", message, retryAfterMs };
  }
  if (!(error instanceof LimitError)) return { code: "internal", message: "The server failed" };
  const { code, message, retryAfterMs } = error;
  return { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}
