/**
 * The native sessions: live, waiting for a speaker who was cut off, or over and still readable.
 *
 * @module
 */
import { ENDPOINT_RULES } from "../caption/endpoint.ts";
import type { StreamOptions } from "../stream.ts";
import { isSameSecret } from "./auth.ts";
import type { ServerContext } from "./context.ts";
import { EventLog } from "./event_log.ts";
import type { Permit } from "./limits.ts";
import { log } from "./log.ts";
import type { CaptionSettings, OverloadMessage, StartMessage } from "./protocol.ts";
import { SpeakerSession } from "./session.ts";

/** The speaker's end of a connection, as a session sees it. */
export interface SpeakerConnection {
  /** More audio was taken in. */
  accepted(): void;
  /** The engine's load has changed. */
  overload(step: OverloadMessage["step"]): void;
  /** The server shuts down. */
  draining(): void;
  /** The session goes on elsewhere, or is over because of this. */
  drop(code: "replaced" | "idle" | "session_too_long" | "internal" | "bad_audio"): void;
}

/** Where a session stands. */
export type CaptionSessionState = "live" | "held" | "ended";

/** A session of the native protocol. */
export class CaptionSession {
  /** Its name, which viewers need. */
  readonly id: string = crypto.randomUUID();
  /** Proves that a client that resumes is the speaker. */
  readonly token: string = crypto.randomUUID();
  /** What was said. */
  readonly log: EventLog;
  /** The audio's side. */
  readonly speaker: SpeakerSession;
  /** When it began. */
  readonly startedAt: Date = new Date();
  readonly #context: ServerContext;
  #connection: SpeakerConnection | undefined;
  #holdTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param context The server.
   * @param start The speaker's first message.
   * @param options Room for the speaker; what is told when the session is over.
   */
  constructor(
    context: ServerContext,
    start: StartMessage,
    options: { permit: Permit; onEnd: (session: CaptionSession) => void },
  ) {
    const { audio, settings = {} } = start;
    this.#context = context;
    this.speaker = new SpeakerSession(context, {
      id: this.id,
      dialect: "native",
      permit: options.permit,
      format: { channelCount: 1, ...audio, channels: "mix" },
      stream: { ...streamOptionsOf(settings), annotators: context.engine.annotators },
      hooks: {
        onEvent: (event) => {
          if (event.kind === "overload") this.#connection?.overload(event.step);
          else this.log.append(event);
        },
        onEnd: (error) => {
          clearTimeout(this.#holdTimer);
          this.log.close();
          if (error !== undefined) this.#failed(error);
          options.onEnd(this);
        },
        onAccepted: () => this.#connection?.accepted(),
        onTimeout: (code) => this.#timeOut(code),
        onDraining: () => this.#connection?.draining(),
      },
    });
    const { maxWords } = context.config;
    this.log = new EventLog({ sampleRateHz: this.speaker.modelRateHz, maxWords });
  }

  /** Where it stands. */
  get state(): CaptionSessionState {
    if (this.speaker.isOver) return "ended";
    return this.#connection === undefined ? "held" : "live";
  }

  /** Whether this is the speaker's token. */
  isToken(token: string): boolean {
    return isSameSecret(token, this.token);
  }

  /** Gives the session a connection; the one before is dropped. */
  attach(connection: SpeakerConnection): void {
    clearTimeout(this.#holdTimer);
    const before = this.#connection;
    this.#connection = connection;
    if (before === undefined) return this.speaker.touch();
    this.speaker.interrupt();
    before.drop("replaced");
  }

  /** The connection is gone: the session waits for the speaker, then ends. */
  detach(connection: SpeakerConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = undefined;
    if (this.speaker.isEnding) return;
    this.speaker.interrupt();
    const { resumeSeconds } = this.#context.config;
    log.info("Session {session} waits {resumeSeconds} s for its speaker", {
      session: this.id,
      resumeSeconds,
    });
    this.#holdTimer = setTimeout(() => this.speaker.end(), 1000 * resumeSeconds);
  }

  #timeOut(code: "idle" | "session_too_long"): void {
    if (code === "idle" && this.#connection === undefined) return; // the hold timer decides
    const connection = this.#connection;
    this.speaker.end();
    connection?.drop(code);
  }

  #failed(error: unknown): void {
    const isAudio = error instanceof Error && error.name === "AudioError";
    if (!isAudio) {
      log.error("Session {session} failed: {error}", { session: this.id, error: String(error) });
    }
    this.#connection?.drop(isAudio ? "bad_audio" : "internal");
  }
}

/** All native sessions of a server. */
export class CaptionSessions implements Disposable {
  readonly #sessions = new Map<string, CaptionSession>();
  /** Sessions that ended, oldest first, with the timers that forget them. */
  readonly #ended = new Map<CaptionSession, ReturnType<typeof setTimeout>>();
  #retainedWords = 0;

  /** Sessions by their state. */
  get counts(): Record<CaptionSessionState, number> {
    const counts = { live: 0, held: 0, ended: 0 };
    for (const { state } of this.#sessions.values()) counts[state]++;
    return counts;
  }

  /** A session that can still be read. */
  get(id: string): CaptionSession | undefined {
    return this.#sessions.get(id);
  }

  /**
   * Opens a session.
   *
   * @throws {OverloadError} If the engine is not ready, or behind.
   * @throws {RangeError} If a setting does not fit.
   */
  open(context: ServerContext, start: StartMessage, permit: Permit): CaptionSession {
    const session = new CaptionSession(context, start, {
      permit,
      onEnd: (ended) => this.#retain(ended, context),
    });
    this.#sessions.set(session.id, session);
    return session;
  }

  #retain(session: CaptionSession, { config }: ServerContext): void {
    this.#retainedWords += session.log.words.length;
    const timer = setTimeout(() => this.#forget(session), 1000 * config.retainSeconds);
    Deno.unrefTimer(timer);
    this.#ended.set(session, timer);
    const { maxRetainedWords, maxRetainedSessions } = config;
    for (const oldest of this.#ended.keys()) {
      const isFull = this.#retainedWords > maxRetainedWords ||
        this.#ended.size > maxRetainedSessions;
      if (!isFull || oldest === session) break;
      this.#forget(oldest);
    }
  }

  #forget(session: CaptionSession): void {
    clearTimeout(this.#ended.get(session));
    if (!this.#ended.delete(session)) return;
    this.#retainedWords -= session.log.words.length;
    this.#sessions.delete(session.id);
  }

  /** Forgets all that ended. */
  [Symbol.dispose](): void {
    for (const session of [...this.#ended.keys()]) this.#forget(session);
  }
}

/** A speaker's wishes as the engine takes them. */
function streamOptionsOf(settings: CaptionSettings): StreamOptions {
  const { hopMs, rightMs, endSilenceMs, alternatives = 1 } = settings;
  return {
    nBest: alternatives,
    ...(hopMs === undefined ? {} : { hopMs }),
    ...(rightMs === undefined ? {} : { rightMs }),
    ...(endSilenceMs === undefined ? {} : {
      rules: ENDPOINT_RULES.map((rule) =>
        rule.minWords > 0 ? { ...rule, minTrailingSilenceMs: endSilenceMs } : rule
      ),
    }),
  };
}
