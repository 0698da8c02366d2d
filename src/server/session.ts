/**
 * One speaker, whatever the dialect: bytes in, caption events out, within the limits. Every
 * protocol of the server is a thin layer over this.
 *
 * @module
 */
import type { CaptionEvent } from "../event_queue.ts";
import type { CaptionStream, StreamOptions } from "../stream.ts";
import { samplesToMs } from "../units.ts";
import { type AudioFormat, type AudioInput, openAudioInput } from "./audio_input.ts";
import type { ServerContext } from "./context.ts";
import { Intake } from "./intake.ts";
import { LimitError, type Permit, SpeedLimit } from "./limits.ts";
import { log } from "./log.ts";
import { WordClock } from "./word_clock.ts";

export type { AudioFormat };

/** What a session tells its dialect. All are called one at a time. */
export interface SessionHooks {
  /** Something was said, in this stream; in order. */
  readonly onEvent: (event: CaptionEvent, channel: number) => void;
  /** All streams are over: by `end`, or with the error that ended them. Called once. */
  readonly onEnd: (error?: unknown) => void;
  /** More audio was taken in. */
  readonly onAccepted?: () => void;
  /** A time is over. The session still runs: the dialect ends or aborts it. */
  readonly onTimeout?: (code: "idle" | "session_too_long") => void;
  /** The server shuts down. The session ends by itself after this. */
  readonly onDraining?: () => void;
}

/** Options of {@linkcode SpeakerSession}. */
export interface SpeakerSessionOptions {
  /** Name of the protocol, for metrics and logs: `native`, `deepgram`, … */
  readonly dialect: string;
  /** What the bytes hold. */
  readonly format: AudioFormat;
  /** What is told. */
  readonly hooks: SessionHooks;
  /** Name of the session in logs. @default {a random UUID} */
  readonly id?: string;
  /** Room for the speaker, given back at the end of the session. */
  readonly permit?: Permit;
  /** How captions are made; over the server's settings. */
  readonly stream?: StreamOptions;
  /** Time without a message. @default {the server's idleSeconds} */
  readonly idleMs?: number;
}

/**
 * A speaker's session. Bytes that came are taken in as the device has room; what was taken in is
 * never lost.
 */
export class SpeakerSession implements AsyncDisposable {
  /** Its name. */
  readonly id: string;
  /** The protocol it speaks. */
  readonly dialect: string;
  /** The model's rate: what the samples in events count. */
  readonly modelRateHz: number;
  readonly #context: ServerContext;
  readonly #options: SpeakerSessionOptions;
  /** Given up at the end: they hold much memory. */
  #streams: readonly CaptionStream[];
  readonly #clocks: readonly WordClock[];
  readonly #input: AudioInput;
  readonly #intake: Intake;
  readonly #speed: SpeedLimit;
  readonly #onDraining = (): void => this.#drain();
  readonly #endsAtMs: number;
  #isEnding = false;
  #isOver = false;
  /** Samples that each stream has taken. */
  readonly #taken: number[];
  #openStreams: number;
  #error: unknown;
  #lastMessageMs = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Opens a session.
   *
   * @param context The server.
   * @param options The dialect, the audio, and what is told.
   * @throws {OverloadError} If the engine is not ready, or behind; the permit is given back.
   * @throws {RangeError} If the format or a stream option is out of range; likewise.
   */
  constructor(context: ServerContext, options: SpeakerSessionOptions) {
    const { id = crypto.randomUUID(), dialect, format } = options;
    const { config, engine } = context;
    this.id = id;
    this.dialect = dialect;
    this.#context = context;
    this.#options = options;
    this.#speed = new SpeedLimit(config);
    this.#endsAtMs = performance.now() + 1000 * config.maxSessionSeconds;
    try {
      this.#streams = this.#openAll(format.channels === "split" ? format.channelCount : 1);
      this.modelRateHz = engine.engine!.model.sampleRateHz;
      this.#input = this.#openInput(format);
    } catch (error) {
      options.permit?.[Symbol.dispose]();
      throw error;
    }
    this.#intake = new Intake(this.#input, {
      onAccepted: () => options.hooks.onAccepted?.(),
      onFinalize: () => this.#streams.forEach((stream) => stream.finalize()),
      onEnd: () => this.#streams.forEach((stream) => stream.end()),
      onError: (error) => this.abort(error),
    });
    this.#clocks = this.#streams.map(() => new WordClock(context.metrics));
    this.#taken = this.#streams.map(() => 0);
    this.#openStreams = this.#streams.length;
    this.#streams.forEach((stream, channel) => void this.#listen(stream, channel));
    context.sessions.add(this);
    context.draining.addEventListener("abort", this.#onDraining, { once: true });
    context.metrics.sessionStarted(dialect);
    log.info("Session {session} started ({dialect}, {encoding}, {sampleRateHz} Hz)", {
      session: id,
      dialect,
      encoding: format.encoding,
      sampleRateHz: format.sampleRateHz,
    });
    this.#watch();
  }

  /**
   * Samples of each channel taken in since the session began: of raw audio at its own rate, of
   * containers at the model's. A client that resumes sends from here on.
   */
  get acceptedSamples(): number {
    return this.#input.acceptedSamples;
  }

  /** Bytes that wait to be taken in. */
  get queuedBytes(): number {
    return this.#intake.byteLength;
  }

  /** Whether no more audio is taken. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Whether all is said. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Takes audio.
   *
   * @throws {LimitError} If it is too much at once, too much waits, or it comes too fast.
   */
  push(bytes: Uint8Array): void {
    const { maxMessageBytes, maxQueuedBytes, maxSpeed, burstSeconds } = this.#context.config;
    this.touch();
    if (this.#isEnding || bytes.length === 0) return;
    if (bytes.length > maxMessageBytes) {
      throw new LimitError(
        "message_too_big",
        `Cannot take a message of ${bytes.length} bytes as the most is ${maxMessageBytes}`,
      );
    }
    if (this.queuedBytes + bytes.length > maxQueuedBytes) {
      throw new LimitError(
        "too_fast",
        `Cannot take more audio as ${this.queuedBytes} bytes wait, the most allowed is ` +
          `${maxQueuedBytes}: wait for what was sent to be accepted`,
      );
    }
    if (!this.#speed.take(bytes.length * this.#input.secondsPerByte)) {
      throw new LimitError(
        "too_fast",
        `Cannot take audio faster than ${maxSpeed} times real time after ${burstSeconds} s`,
      );
    }
    this.#intake.push(bytes);
  }

  /** Asks for all audio so far to become final. */
  finalize(): void {
    this.touch();
    if (!this.#isEnding) this.#intake.ask("finalize");
  }

  /** Says that no audio follows; `onEnd` is called when all is said. Idempotent. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#intake.ask("end");
  }

  /** Ends at once; `onEnd` gets the reason. Idempotent. */
  abort(reason: unknown): void {
    if (this.#isOver) return;
    this.#isEnding = true;
    this.#intake.clear();
    this.#input.abort(reason);
    for (const stream of this.#streams) stream.abort(reason);
  }

  /**
   * Forgets what came and was not taken in: the connection broke, and the client will send it
   * again from `acceptedSamples` on.
   */
  interrupt(): void {
    if (this.#isEnding) return; // all was sent, and the end said
    this.#intake.clear();
    this.#input.cut();
    this.touch();
  }

  /** Says that the client is there. */
  touch(): void {
    this.#lastMessageMs = performance.now();
  }

  #openAll(count: number): CaptionStream[] {
    const { leftMs, hopMs, rightMs, wordEndRightMs, agreeRightMs, maxWindowMs } =
      this.#context.config;
    const early = { wordEndRightMs, agreeRightMs };
    const streams: CaptionStream[] = [];
    try {
      while (streams.length < count) {
        const id = count === 1 ? this.id : `${this.id}/${streams.length}`;
        const windows = { leftMs, hopMs, rightMs, maxWindowMs, ...early };
        streams.push(this.#context.engine.open({ ...windows, ...this.#options.stream, id }));
      }
      return streams;
    } catch (error) {
      for (const stream of streams) stream.abort();
      throw error;
    }
  }

  #openInput(format: AudioFormat): AudioInput {
    try {
      return openAudioInput(format, {
        modelRateHz: this.modelRateHz,
        take: (streams) => this.#take(streams),
        onError: (error) => this.abort(error),
      });
    } catch (error) {
      for (const stream of this.#streams) stream.abort();
      throw error;
    }
  }

  /** Gives samples to their streams; waits only where one has no room. */
  #take(streams: readonly Float32Array[]): Promise<void> | undefined {
    const waits = streams.flatMap((samples, index) => this.#give(samples, index) ?? []);
    if (waits.length === 0) return this.#count(streams);
    return Promise.all(waits).then(() => this.#count(streams));
  }

  #give(samples: Float32Array, index: number): Promise<void> | undefined {
    if (samples.length === 0) return undefined;
    const stream = this.#streams[index]!;
    this.#clocks[index]!.arrived(samples.length);
    if (samples.length > stream.freeSamples) {
      return stream.write(samples).then(() => void (this.#taken[index]! += samples.length));
    }
    stream.push(samples);
    this.#taken[index]! += samples.length;
  }

  #count(streams: readonly Float32Array[]): undefined {
    const { dialect } = this;
    const seconds = samplesToMs(streams[0]?.length ?? 0, this.modelRateHz) / 1000;
    this.#context.metrics.audioAccepted(dialect, seconds);
  }

  async #listen(stream: CaptionStream, channel: number): Promise<void> {
    try {
      for await (const event of stream) {
        if (event.kind === "caption") this.#measure(event, channel);
        if (event.kind === "end") {
          this.#context.metrics.samplesDropped(Math.max(0, this.#taken[channel]! - event.atSample));
        }
        this.#options.hooks.onEvent(event, channel);
      }
    } catch (error) {
      this.#error ??= error;
      this.abort(error); // the other channels have no use without it
    }
    if (--this.#openStreams === 0) this.#close();
  }

  #measure(caption: Extract<CaptionEvent, { kind: "caption" }>, channel: number): void {
    this.#clocks[channel]!.shown(caption);
    if (caption.committed.length > 0) {
      this.#context.metrics.wordsCommitted(this.dialect, caption.committed.length);
    }
  }

  #drain(): void {
    this.#options.hooks.onDraining?.();
    this.end();
  }

  /** Looks at the clock for as long as the session takes audio. */
  #watch(): void {
    if (this.#isEnding) return;
    const { idleMs = 1000 * this.#context.config.idleSeconds } = this.#options;
    const idleAtMs = this.#lastMessageMs + idleMs;
    const nowMs = performance.now();
    if (nowMs >= this.#endsAtMs) return this.#options.hooks.onTimeout?.("session_too_long");
    if (nowMs >= idleAtMs) {
      this.touch();
      this.#options.hooks.onTimeout?.("idle");
    }
    const waitMs = Math.min(this.#endsAtMs, this.#lastMessageMs + idleMs) - performance.now();
    this.#timer = setTimeout(() => this.#watch(), Math.min(Math.max(1, waitMs), 1 << 30));
  }

  #close(): void {
    this.#isOver = true;
    this.#isEnding = true;
    clearTimeout(this.#timer);
    this.#context.draining.removeEventListener("abort", this.#onDraining);
    this.#context.sessions.delete(this);
    this.#streams = [];
    this.#options.permit?.[Symbol.dispose]();
    const outcome = this.#error === undefined
      ? "ended"
      : this.#error instanceof LimitError
      ? this.#error.code
      : "failed";
    this.#context.metrics.sessionEnded(this.dialect, outcome);
    log.info("Session {session} is over: {outcome}, {samples} samples", {
      session: this.id,
      outcome,
      samples: this.acceptedSamples,
    });
    this.#options.hooks.onEnd(this.#error);
  }

  /** Aborts the session, unless all is said. */
  [Symbol.asyncDispose](): Promise<void> {
    this.abort(new DOMException("The session was aborted", "AbortError"));
    return Promise.resolve();
  }
}
