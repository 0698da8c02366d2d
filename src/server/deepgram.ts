/**
 * Deepgram's live protocol, `/v1/listen`: its clients caption with this server as they are.
 *
 * @module
 */
import { createHash } from "node:crypto";
import type { CaptionEvent } from "../event_queue.ts";
import { AudioError, OverloadError } from "../errors.ts";
import { admit, refusal, refuse } from "./admission.ts";
import type { App } from "./app.ts";
import type { ServerContext } from "./context.ts";
import {
  errorJson,
  type ListenInfo,
  type ListenMessage,
  metadataJson,
  parseListenMessage,
  saidJson,
} from "./deepgram_messages.ts";
import { type ListenQuery, parseListenQuery, streamOptionsOf } from "./deepgram_query.ts";
import { SegmentCutter } from "./deepgram_results.ts";
import { type Caller, LimitError, type Permit, type Refusal, TextLimit } from "./limits.ts";
import { log } from "./log.ts";
import { modelName } from "./model_name.ts";
import { CLOSE_CODES } from "./protocol.ts";
import { SpeakerSession } from "./session.ts";
import { closeSocket, isUpgrade, sendText, upgrade } from "./socket.ts";

/** Adds `/v1/listen`. */
export function deepgramRoutes(app: App, context: ServerContext): void {
  app.get("/v1/listen", (c) => listenRoute(context, c.req.raw));
}

function listenRoute(context: ServerContext, request: Request): Response {
  const requestId = crypto.randomUUID();
  const no = (refused: Refusal) => refuseListen(context, refused, requestId);
  const admitted = admit(context, request, { socket: true, speaker: "now" });
  if (admitted.kind === "refused") return no(admitted);
  const { socket: socketPermit, subprotocol, caller } = admitted;
  const leave = (refused: Refusal) => {
    socketPermit[Symbol.dispose]();
    admitted.speaker[Symbol.dispose]();
    return no(refused);
  };
  const query = parseListenQuery(new URL(request.url).searchParams);
  if ("problem" in query) return leave(refusal(400, "bad_request", query.problem));
  if (!isUpgrade(request)) {
    const message = "Cannot answer as this address speaks WebSocket only";
    return leave(refusal(426, "upgrade_required", message));
  }
  const permit = admitChannels(context, { first: admitted.speaker, caller, query });
  if (permit.kind === "refused") return leave(permit);
  let connection: ListenConnection | undefined;
  try {
    connection = new ListenConnection(context, { requestId, query, permit });
    const headers = { "dg-request-id": requestId };
    const options = { permit: socketPermit, subprotocol, headers };
    const { socket, response } = upgrade(request, context.config, options);
    connection.attach(socket);
    return response;
  } catch (error) {
    connection?.close();
    permit[Symbol.dispose]();
    return leave(refusalOf(error));
  }
}

/** Room for every channel that is a stream of its own. */
function admitChannels(
  { gate }: ServerContext,
  { first, caller, query: { format } }: {
    first: Permit;
    caller: Caller;
    query: ListenQuery;
  },
): Permit | Refusal {
  const permits = [first];
  const release = () => permits.forEach((permit) => permit[Symbol.dispose]());
  const count = format.channels === "split" ? format.channelCount : 1;
  while (permits.length < count) {
    const next = gate.admitSpeaker(caller);
    if (next.kind === "refused") {
      release();
      return next;
    }
    permits.push(next);
  }
  return { kind: "admitted", [Symbol.dispose]: release };
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof OverloadError) {
    const { message, retryAfterMs } = error;
    return { ...refusal(503, "overloaded", message), retryAfterMs };
  }
  if (error instanceof RangeError) return refusal(400, "bad_request", error.message);
  if (!(error instanceof TypeError)) throw error;
  return refusal(400, "bad_request", "Cannot make a WebSocket of this request");
}

/** Deepgram's names of refusals. */
const ERROR_CODES: Partial<Record<Refusal["status"], string>> = {
  400: "Bad Request",
  401: "INVALID_AUTH",
  403: "INSUFFICIENT_PERMISSIONS",
  429: "TOO_MANY_REQUESTS",
  503: "SERVICE_UNAVAILABLE",
};

function refuseListen(context: ServerContext, refused: Refusal, requestId: string): Response {
  const { status, code, message } = refused;
  const body = {
    ...{ err_code: ERROR_CODES[status] ?? code, err_msg: message, request_id: requestId },
  };
  const response = refuse(context, refused, body);
  response.headers.set("dg-request-id", requestId);
  // a header holds Latin-1 alone
  response.headers.set("dg-error", message.replaceAll(/[^\x20-\x7e]/g, "?"));
  return response;
}

/** Deepgram ends a connection that says nothing for so long. */
const IDLE_MS = 10_000;

/** How a connection ends that ends well. */
interface Goodbye {
  readonly code: number;
  readonly reason: string;
  /** Said before, where something is amiss. */
  readonly error?: string;
}

/** One connection, and the session that ends with it. */
class ListenConnection {
  readonly #context: ServerContext;
  readonly #info: ListenInfo;
  readonly #speaker: SpeakerSession;
  readonly #cutters: readonly SegmentCutter[];
  readonly #startedAt = new Date();
  readonly #hash = createHash("sha256");
  readonly #texts = new TextLimit();
  #socket: WebSocket | undefined;
  #byteLength = 0;
  #endSample = 0;
  #goodbye: Goodbye = { code: 1000, reason: "" };

  constructor(
    context: ServerContext,
    { requestId, query, permit }: { requestId: string; query: ListenQuery; permit: Permit },
  ) {
    const { idleSeconds } = context.config;
    this.#context = context;
    this.#speaker = new SpeakerSession(context, {
      id: requestId,
      dialect: "deepgram",
      format: query.format,
      permit,
      stream: streamOptionsOf(query),
      idleMs: Math.min(IDLE_MS, 1000 * idleSeconds),
      hooks: {
        onEvent: (event, channel) => this.#tell(event, channel),
        onEnd: (error) => this.#ended(error),
        onTimeout: (code) => this.#timeOut(code),
        onDraining: () =>
          this.#goodbye = { code: CLOSE_CODES.draining, reason: "The server shuts down" },
      },
    });
    const { channels, channelCount } = query.format;
    const { model } = context.engine.engine!;
    this.#info = {
      requestId,
      model: modelName(model.source),
      arch: model.config.model_type,
      sampleRateHz: this.#speaker.modelRateHz,
      channelCount: channels === "split" ? channelCount : 1,
      alternatives: query.alternatives,
    };
    const { interimResults, vadEvents, utteranceEndMs, endpointing } = query;
    const { sampleRateHz } = this.#info;
    const options = { sampleRateHz, interimResults, vadEvents, utteranceEndMs, endpointing };
    this.#cutters = Array.from(
      { length: this.#info.channelCount },
      () => new SegmentCutter(options),
    );
  }

  /** Gives it its socket; before anything is awaited. */
  attach(socket: WebSocket): void {
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#guard(() => this.#receive(data));
    socket.onclose = () => this.close();
    socket.onerror = () => {}; // a close follows
  }

  /** The connection is gone, and with it who would read: what waits is left. Idempotent. */
  close(): void {
    this.#speaker.interrupt();
    this.#speaker.end();
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#speaker.isEnding) return;
    if (typeof data === "string") {
      this.#texts.take();
      return this.#act(parseListenMessage(data, this.#context.config.maxMessageBytes));
    }
    const bytes = new Uint8Array(data);
    this.#speaker.push(bytes);
    this.#hash.update(bytes);
    this.#byteLength += bytes.length;
  }

  #act(message: ListenMessage): void {
    switch (message.kind) {
      case "keepAlive":
      case "configure":
        return this.#speaker.touch();
      case "finalize":
        return this.#speaker.finalize();
      case "closeStream":
        return this.#speaker.end();
      case "unknown":
        this.#speaker.touch();
        return this.#sendError("UNKNOWN_MESSAGE", "Cannot take a message of this type");
      default:
        message satisfies never;
    }
  }

  #tell(event: CaptionEvent, channel: number): void {
    if (event.kind === "end") this.#endSample = Math.max(this.#endSample, event.atSample);
    this.#guard(() => {
      for (const said of this.#cutters[channel]!.take(event)) {
        const isPassing = said.kind === "segment" && !said.isFinal;
        if (!isPassing || !this.#isBehind) this.#send(saidJson(said, channel, this.#info));
      }
    });
  }

  #timeOut(code: "idle" | "session_too_long"): void {
    this.#goodbye = code === "idle"
      ? { code: 1011, reason: "NET-0001", error: "Neither audio nor KeepAlive came for too long" }
      : { code: CLOSE_CODES[code], reason: code, error: "The longest time allowed is over" };
    this.#speaker.end();
  }

  #ended(error: unknown): void {
    const isNothing = this.#byteLength === 0 && error instanceof AudioError;
    if (error instanceof LimitError) return; // told already
    if (error === undefined || isNothing) return this.#guard(() => this.#sayGoodbye());
    if (error instanceof AudioError) {
      this.#sendError("DATA-0000", error.message);
      return this.#finish(1008, "DATA-0000");
    }
    const { requestId } = this.#info;
    log.error("Session {session} failed: {error}", { session: requestId, error: String(error) });
    this.#sendError("NET-0000", "The server failed");
    this.#finish(1011, "NET-0000");
  }

  #sayGoodbye(): void {
    const { code, reason, error } = this.#goodbye;
    if (error !== undefined) this.#sendError(reason, error);
    this.#send(metadataJson(this.#info, {
      endSample: this.#endSample,
      sha256: this.#hash.digest("hex"),
      startedAt: this.#startedAt,
    }));
    this.#finish(code, reason);
  }

  /** Limits end the session; messages that cannot be understood do not. */
  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      if (!(error instanceof LimitError)) return this.#speaker.abort(error);
      this.#sendError(error.code, error.message);
      if (error.code === "bad_message") return;
      this.#speaker.abort(error);
      this.#finish(CLOSE_CODES[error.code], error.code);
    }
  }

  #send(text: string): void {
    if (this.#socket !== undefined) sendText(this.#socket, text, this.#context.config);
  }

  #sendError(variant: string, description: string): void {
    this.#context.metrics.errorSent(variant);
    const text = errorJson(variant, description, this.#info.requestId);
    if (!this.#isBehind && this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  #finish(code: number, reason: string): void {
    if (this.#socket !== undefined) closeSocket(this.#socket, { code, reason });
  }

  /** Whether the reader leaves much unread: then guesses are left out. */
  get #isBehind(): boolean {
    return (this.#socket?.bufferedAmount ?? 0) > this.#context.config.maxBufferedBytes / 4;
  }
}
