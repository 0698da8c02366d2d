/**
 * The WebSocket of vosk-server: 16-bit samples up, one answer for each message of them down.
 *
 * Its clients connect to any path; here they find it at `/`, where their addresses lead as they
 * are, and at `/vosk`.
 *
 * @module
 */
import type { Word } from "../caption/word.ts";
import { OverloadError } from "../errors.ts";
import type { CaptionEvent } from "../event_queue.ts";
import { samplesToSeconds } from "../units.ts";
import { admit, refuse } from "./admission.ts";
import type { App } from "./app.ts";
import type { ServerContext } from "./context.ts";
import { LimitError, type Permit, TextLimit } from "./limits.ts";
import { log } from "./log.ts";
import { CLOSE_CODES, type ErrorCode } from "./protocol.ts";
import { MAX_READINGS } from "./readings.ts";
import { SpeakerSession } from "./session.ts";
import { closeSocket, isUpgrade, sendText, upgrade } from "./socket.ts";
import {
  parseVoskMessage,
  partialJson,
  resultJson,
  type VoskConfig,
  type VoskMessage,
} from "./vosk_messages.ts";

/** Adds `/vosk`, and `/` for WebSockets. */
export function voskRoutes(app: App, context: ServerContext): void {
  for (const path of ["/", "/vosk"]) {
    app.get(path, (c, next) => isUpgrade(c.req.raw) ? voskRoute(context, c.req.raw) : next());
  }
}

function voskRoute(context: ServerContext, request: Request): Response {
  const admitted = admit(context, request, { socket: true, speaker: "now" });
  if (admitted.kind === "refused") return refuse(context, admitted);
  const { socket: permit, speaker, subprotocol } = admitted;
  try {
    const { socket, response } = upgrade(request, context.config, { permit, subprotocol });
    new VoskConnection(context, socket, speaker);
    return response;
  } catch (error) {
    speaker[Symbol.dispose]();
    throw error;
  }
}

/** The reference's rate, where none is said. */
const DEFAULT_RATE_HZ = 8000;

/** How far audio may run ahead of its captions before answers wait, beside what is by design. */
const AHEAD_SECONDS = 2;

/** How long an answer waits for captions at most. */
const MAX_WAIT_MS = 1000;

/** How soon audio is tried again that came too fast, ms. */
const RETRY_MS = 50;

/** What waits to be answered. */
type Item = VoskMessage | { readonly kind: "audio"; readonly bytes: Uint8Array };

/**
 * One connection. Messages are taken one after the other: a client that waits for answers, as
 * Vosk's do, is slowed down to what the device carries.
 */
class VoskConnection {
  readonly #context: ServerContext;
  readonly #socket: WebSocket;
  readonly #permit: Permit;
  readonly #texts = new TextLimit();
  readonly #items: Item[] = [];
  #waitingBytes = 0;
  #isBusy = false;
  #isClosed = false;
  #format = { sampleRateHz: DEFAULT_RATE_HZ, words: true, maxAlternatives: 0 };
  #speaker: SpeakerSession | undefined;
  #isOver = false;
  /** Words that are final and in no result yet. */
  #words: Word[] = [];
  #tentative: readonly Word[] = [];
  /** Utterances that are over and not told yet. */
  #results: Word[][] = [];
  #settledSample = 0;
  #finalizedCount = 0;
  #goodbye: { code: number; reason: string } = { code: 1000, reason: "" };
  #changed = Promise.withResolvers<void>();
  readonly #startTimer: ReturnType<typeof setTimeout>;

  constructor(context: ServerContext, socket: WebSocket, permit: Permit) {
    this.#context = context;
    this.#socket = socket;
    this.#permit = permit;
    const idle = () => this.#fail(new LimitError("idle", "Nothing came for too long"));
    this.#startTimer = setTimeout(idle, 1000 * context.config.idleSeconds);
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#closed();
    socket.onerror = () => {}; // a close follows
  }

  #receive(data: string | ArrayBuffer): void {
    if (this.#isClosed) return;
    const { maxMessageBytes, maxQueuedBytes } = this.#context.config;
    try {
      if (typeof data === "string") {
        this.#texts.take();
        this.#items.push(parseVoskMessage(data, maxMessageBytes));
      } else {
        this.#waitingBytes += data.byteLength;
        if (this.#waitingBytes > maxQueuedBytes) {
          throw new LimitError(
            "too_fast",
            "Cannot take more audio as too much waits: wait for answers",
          );
        }
        this.#items.push({ kind: "audio", bytes: new Uint8Array(data) });
      }
    } catch (error) {
      return this.#fail(error);
    }
    if (!this.#isBusy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    try {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
        if (this.#isClosed) return;
        await this.#answer(item);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isBusy = false;
    }
    if (this.#isOver) this.#finish();
  }

  async #answer(item: Item): Promise<void> {
    switch (item.kind) {
      case "config":
        return this.#configure(item.config);
      case "audio":
        return await this.#takeAudio(item.bytes);
      case "reset": {
        const count = this.#finalizedCount;
        this.#speaker?.finalize();
        await this.#until(() => this.#speaker === undefined || this.#finalizedCount > count);
        return this.#sendRest();
      }
      case "eof":
        this.#speaker?.end();
        await this.#until(() => this.#speaker === undefined);
        this.#sendRest();
        return this.#finish();
      default:
        item satisfies never;
    }
  }

  #configure({ sampleRateHz, words, maxAlternatives }: VoskConfig): void {
    const before = this.#format;
    this.#format = {
      // audio that has begun goes on as it is
      sampleRateHz: this.#speaker === undefined && sampleRateHz || before.sampleRateHz,
      words: words ?? before.words,
      maxAlternatives: maxAlternatives ?? before.maxAlternatives,
    };
  }

  async #takeAudio(bytes: Uint8Array): Promise<void> {
    const speaker = this.#speaker ??= this.#open();
    while (!this.#isOver && !isTaken(speaker, bytes)) await sleep(RETRY_MS);
    await this.#until(() => speaker.queuedBytes === 0);
    await this.#catchUp(speaker);
    this.#waitingBytes -= bytes.length;
    if (this.#isOver) return this.#sendRest();
    const result = this.#results.shift();
    if (result !== undefined) return this.#sendResult(result);
    this.#send(partialJson([...this.#words, ...this.#tentative]));
  }

  /** Waits for captions that are behind; not for ever, as the device may be busy with others. */
  async #catchUp(speaker: SpeakerSession): Promise<void> {
    const deadlineMs = performance.now() + MAX_WAIT_MS;
    const isLate = () => performance.now() >= deadlineMs;
    if (!this.#isAhead(speaker)) return;
    const timer = setTimeout(() => this.#wake(), MAX_WAIT_MS + 1);
    await this.#until(() => isLate() || !this.#isAhead(speaker));
    clearTimeout(timer);
  }

  /** Whether captions are further behind than they have to be. */
  #isAhead(speaker: SpeakerSession): boolean {
    const { hopMs, rightMs } = this.#context.config;
    const accepted = samplesToSeconds(speaker.acceptedSamples, this.#format.sampleRateHz);
    const settled = samplesToSeconds(this.#settledSample, speaker.modelRateHz);
    return accepted - settled > (hopMs + rightMs) / 1000 + AHEAD_SECONDS;
  }

  #open(): SpeakerSession {
    clearTimeout(this.#startTimer);
    const { sampleRateHz, maxAlternatives } = this.#format;
    return new SpeakerSession(this.#context, {
      dialect: "vosk",
      format: { encoding: "s16le", sampleRateHz, channelCount: 1, channels: "mix" },
      permit: this.#permit,
      stream: { nBest: Math.min(MAX_READINGS, Math.max(1, maxAlternatives)) },
      hooks: {
        onEvent: (event) => this.#take(event),
        onEnd: (error) => this.#ended(error),
        onAccepted: () => this.#wake(),
        onTimeout: (code) => {
          this.#goodbye = { code: CLOSE_CODES[code], reason: code };
          this.#speaker?.end();
        },
        onDraining: () =>
          this.#goodbye = { code: CLOSE_CODES.draining, reason: "The server shuts down" },
      },
    });
  }

  #take(event: CaptionEvent): void {
    if (event.kind === "caption") {
      this.#words.push(...event.committed);
      this.#tentative = event.tentative;
      this.#settledSample = event.settledSample;
    } else if (event.kind === "utteranceEnd" && this.#words.length > 0) {
      this.#results.push(this.#words);
      this.#words = [];
    } else if (event.kind === "finalize") {
      this.#finalizedCount++;
    }
    this.#wake();
  }

  #ended(error: unknown): void {
    this.#isOver = true;
    this.#wake();
    if (error !== undefined) return this.#fail(error);
    if (this.#isBusy || this.#isClosed) return; // who waits for the end has the last word
    this.#sendRest();
    this.#finish();
  }

  /** All that was said and not told. */
  #sendRest(): void {
    const rest = [...this.#results.flat(), ...this.#words];
    this.#results = [];
    this.#words = [];
    this.#tentative = [];
    this.#sendResult(rest);
  }

  #sendResult(words: readonly Word[]): void {
    const sampleRateHz = this.#speaker?.modelRateHz ?? DEFAULT_RATE_HZ;
    this.#send(resultJson(words, { ...this.#format, sampleRateHz }));
  }

  #send(text: string): void {
    try {
      sendText(this.#socket, text, this.#context.config);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Waits until something holds, or the session is over. */
  async #until(holds: () => boolean): Promise<void> {
    while (!this.#isOver && !this.#isClosed && !holds()) await this.#changed.promise;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Ends with an error; the protocol has no message for it. */
  #fail(error: unknown): void {
    const code: ErrorCode = error instanceof LimitError
      ? error.code
      : error instanceof OverloadError
      ? "overloaded"
      : "internal";
    if (code === "internal") log.error("A session failed: {error}", { error: String(error) });
    this.#context.metrics.errorSent(code);
    this.#goodbye = { code: CLOSE_CODES[code], reason: code };
    this.#finish();
  }

  #finish(): void {
    closeSocket(this.#socket, this.#goodbye);
    this.#closed();
  }

  /** Idempotent. */
  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#startTimer);
    this.#items.length = 0;
    this.#wake();
    if (this.#speaker === undefined) return this.#permit[Symbol.dispose]();
    this.#speaker.interrupt();
    this.#speaker.end();
  }
}

/** Whether a session took the audio; not now if it came too fast. */
function isTaken(speaker: SpeakerSession, bytes: Uint8Array): boolean {
  try {
    speaker.push(bytes);
    return true;
  } catch (error) {
    if (error instanceof LimitError && error.code === "too_fast") return false;
    throw error;
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
