/**
 * The native protocol over WebSocket: speakers who start and resume. See `protocol.ts`.
 *
 * @module
 */
import { admit, refusal, refuse } from "./admission.ts";
import type { CaptionSession, SpeakerConnection } from "./caption_sessions.ts";
import { parseClientMessage } from "./client_message.ts";
import type { ServerContext } from "./context.ts";
import { errorOf, EventPipe } from "./event_pipe.ts";
import { type Caller, LimitError, type Refusal, TextLimit } from "./limits.ts";
import { log } from "./log.ts";
import {
  type ClientMessage,
  type ErrorCode,
  type ErrorMessage,
  type HelloMessage,
  PROTOCOL_VERSION,
  type ResumeMessage,
  type StartMessage,
} from "./protocol.ts";
import { isUpgrade, upgrade } from "./socket.ts";

/** Answers `/v1/captions`: a speaker who begins. */
export function startRoute(context: ServerContext, request: Request): Response {
  return speakerRoute(context, request, undefined);
}

/** Answers `/v1/captions/{session}` as a WebSocket: a speaker who comes back. */
export function resumeRoute(
  context: ServerContext,
  request: Request,
  session: CaptionSession,
): Response {
  return speakerRoute(context, request, session);
}

function speakerRoute(
  context: ServerContext,
  request: Request,
  session: CaptionSession | undefined,
): Response {
  const admitted = admit(context, request, {
    socket: true,
    speaker: session === undefined ? "later" : "no",
  });
  if (admitted.kind === "refused") return refuse(context, admitted);
  const { subprotocol, socket: permit, caller } = admitted;
  if (!isUpgrade(request)) { // from pages that ask why a WebSocket was refused, too
    permit[Symbol.dispose]();
    const message = "Cannot answer as this address speaks WebSocket only";
    return refuse(context, refusal(426, "upgrade_required", message));
  }
  const { socket, response } = upgrade(request, context.config, { permit, subprotocol });
  new SpeakerSocket(context, socket, { caller, session });
  return response;
}

/** How often a speaker is told how much was accepted, ms: each time takes as long as a message of audio. */
const ACCEPTED_MS = 500;

/** Errors after which there is no use in coming back with the same session. */
const FINAL_ERRORS: readonly ErrorCode[] = ["replaced", "bad_token"];

/** One connection of a speaker. */
class SpeakerSocket implements SpeakerConnection {
  readonly #context: ServerContext;
  readonly #socket: WebSocket;
  readonly #pipe: EventPipe;
  readonly #caller: Caller;
  readonly #texts = new TextLimit();
  /** The session to resume, as the address names it. */
  readonly #wanted: CaptionSession | undefined;
  #session: CaptionSession | undefined;
  #startTimer: ReturnType<typeof setTimeout> | undefined;
  #acceptedTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    context: ServerContext,
    socket: WebSocket,
    options: { caller: Caller; session: CaptionSession | undefined },
  ) {
    this.#context = context;
    this.#socket = socket;
    this.#pipe = new EventPipe(context, socket);
    this.#caller = options.caller;
    this.#wanted = options.session;
    const { startSeconds } = context.config;
    this.#startTimer = setTimeout(() => {
      const message = `No start or resume came in ${startSeconds} s`;
      this.#fail({ code: "start_timeout", message });
    }, 1000 * startSeconds);
    socket.onmessage = ({ data }) => this.#guard(() => this.#receive(data));
    socket.onclose = () => this.#closed();
    socket.onerror = (event) => {
      const { message } = event as ErrorEvent;
      log.info("A connection of session {session} broke: {message}", {
        session: this.#session?.id,
        message,
      });
    };
  }

  accepted(): void {
    this.#acceptedTimer ??= setTimeout(() => {
      this.#acceptedTimer = undefined;
      this.#sendAccepted();
    }, ACCEPTED_MS);
  }

  overload(step: "admit" | "coalesce" | "degrade" | "refuse"): void {
    this.#pipe.send({ type: "overload", step });
  }

  draining(): void {
    this.#pipe.send({ type: "draining" });
  }

  drop(code: ErrorCode): void {
    this.#fail({ code, message: DROPS[code] ?? "The session is over" });
  }

  #sendAccepted(): void {
    const samples = this.#session?.speaker.acceptedSamples;
    if (samples !== undefined) this.#pipe.send({ type: "accepted", samples });
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      const told = errorOf(error);
      if (told.code === "internal") {
        log.error("A message failed: {error}", { error: String(error) });
      }
      this.#fail(told);
    }
  }

  #receive(data: string | ArrayBuffer): void {
    if (!this.#pipe.isOpen) return; // an error was told already
    if (typeof data === "string") {
      this.#texts.take();
      return this.#act(parseClientMessage(data, this.#context.config.maxMessageBytes));
    }
    if (this.#session === undefined) {
      throw new LimitError("not_started", "Cannot take audio before 'start' or 'resume'");
    }
    this.#session.speaker.push(new Uint8Array(data));
  }

  #act(message: ClientMessage): void {
    if (message.type === "start") return this.#start(message);
    if (message.type === "resume") return this.#resume(message);
    if (this.#session === undefined) {
      throw new LimitError(
        "not_started",
        `Cannot take '${message.type}' before 'start' or 'resume'`,
      );
    }
    const { speaker } = this.#session;
    switch (message.type) {
      case "finalize":
        return speaker.finalize();
      case "keepalive":
        return speaker.touch();
      case "end":
        return speaker.end();
      default:
        message satisfies never;
    }
  }

  #start(message: StartMessage): void {
    if (this.#wanted !== undefined || this.#session !== undefined) {
      throw new LimitError("bad_message", "Cannot take 'start' as there is a session already");
    }
    const permit = this.#context.gate.admitSpeaker(this.#caller);
    if (permit.kind === "refused") throw refusedLater(permit);
    try {
      const session = this.#context.captions.open(this.#context, message, permit);
      this.#begin(session, 0);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new LimitError("bad_message", error.message);
    }
  }

  #resume({ token, lastSeq }: ResumeMessage): void {
    const session = this.#wanted;
    if (session === undefined || this.#session !== undefined) {
      throw new LimitError(
        "bad_message",
        "Cannot resume here: connect to /v1/captions/{session}, and say so once",
      );
    }
    if (!session.isToken(token)) {
      throw new LimitError("bad_token", "Cannot resume as the token is not the session's");
    }
    if (lastSeq > session.log.lastSeq) {
      throw new LimitError(
        "bad_message",
        `Cannot resume after event ${lastSeq} as the last one was ${session.log.lastSeq}`,
      );
    }
    this.#context.metrics.resumed();
    log.info("Session {session} is resumed", { session: session.id });
    this.#begin(session, lastSeq);
  }

  #begin(session: CaptionSession, lastSeq: number): void {
    clearTimeout(this.#startTimer);
    session.attach(this);
    this.#session = session;
    this.#pipe.send({ ...helloOf(session, this.#context), role: "speaker", token: session.token });
    this.#pipe.run(session.log, lastSeq).then((isComplete) => {
      if (!isComplete) return;
      this.#sendAccepted();
      this.#pipe.finish();
    }, (error) => this.#fail(errorOf(error)));
  }

  #fail(error: Omit<ErrorMessage, "type" | "canResume">): void {
    const canResume = this.#session !== undefined && !FINAL_ERRORS.includes(error.code);
    this.#pipe.fail({ ...error, canResume });
    this.#closed();
  }

  /** Idempotent. */
  #closed(): void {
    clearTimeout(this.#startTimer);
    clearTimeout(this.#acceptedTimer);
    this.#acceptedTimer = undefined;
    this.#session?.detach(this);
  }
}

/** There was room when the connection was made: idle ones take none. */
function refusedLater({ code, message, retryAfterMs = 5000 }: Refusal): LimitError {
  const isShare = code === "too_many_sessions" || code === "too_many_from_address";
  return new LimitError(isShare ? code : "server_full", message, { retryAfterMs });
}

/** Errors that a session has, in words. */
const DROPS: Partial<Record<ErrorCode, string>> = {
  replaced: "Another connection has resumed the session",
  idle: "Neither audio nor 'keepalive' came for too long",
  session_too_long: "The session has reached the longest time allowed",
  internal: "The server failed",
  bad_audio: "The audio cannot be decoded",
};

/** What a connection is told first. */
export function helloOf(
  session: CaptionSession,
  { config }: ServerContext,
): Omit<HelloMessage, "role" | "token"> {
  const { maxMessageBytes, maxSpeed, burstSeconds, maxQueuedBytes } = config;
  const { idleSeconds, maxSessionSeconds, resumeSeconds } = config;
  return {
    type: "hello",
    version: PROTOCOL_VERSION,
    session: session.id,
    acceptedSamples: session.speaker.acceptedSamples,
    lastSeq: session.log.lastSeq,
    firstWord: session.log.firstWord,
    isEnded: session.log.isClosed,
    limits: {
      ...{ maxMessageBytes, maxSpeed, burstSeconds, maxQueuedBytes },
      ...{ idleSeconds, maxSessionSeconds, resumeSeconds },
    },
  };
}
