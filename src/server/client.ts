/**
 * The other end of the native protocol: a speaker that comes back when the connection breaks, with
 * nothing lost and nothing doubled.
 *
 * @module
 */
import { SpeedLimit } from "./limits.ts";
import {
  type AudioDescription,
  type CaptionSettings,
  type ClientMessage,
  type ErrorMessage,
  type HelloMessage,
  KEY_SUBPROTOCOL_PREFIX,
  PROTOCOL_VERSION,
  type ServerMessage,
  SUBPROTOCOL,
} from "./protocol.ts";
import { UnacceptedAudio } from "./unaccepted_audio.ts";

/** Options of {@linkcode CaptionClient}. */
export interface CaptionClientOptions {
  /** The server's `/v1/captions`, as `ws://`, `wss://`, `http://` or `https://`. */
  readonly url: string;
  /** What the bytes hold; whole samples of all channels in every write. */
  readonly audio: AudioDescription;
  /** Bytes of one sample of all channels. */
  readonly bytesPerSample: number;
  /** An API key. */
  readonly key?: string | undefined;
  /** How captions are made. */
  readonly settings?: CaptionSettings;
  /** Everything the server says, once. */
  readonly onMessage?: (message: ServerMessage) => void;
  /** The connection is gone, and is tried again. */
  readonly onReconnect?: (why: string) => void;
  /** Time to keep trying; the server's `resumeSeconds` where that is known. @default {20} */
  readonly retrySeconds?: number;
  /** Ends everything. */
  readonly signal?: AbortSignal | undefined;
}

/** The server refuses the client, or the session is lost. */
export class CaptionClientError extends Error {
  /** Its name. */
  override name = "CaptionClientError";
  /** The server's code for it, if it gave one. */
  readonly code: string | undefined;

  /**
   * Says what happened.
   *
   * @param message What happened.
   * @param code The server's code.
   */
  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** Share of what the server allows that is used, as clocks differ. */
const SPEED_SHARE = 0.9;
/** Most audio that is on its way. */
const MAX_UNACCEPTED_BYTES = 256 * 1024;
const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 5000;

/** A speaker's client. */
export class CaptionClient implements AsyncDisposable {
  readonly #options: CaptionClientOptions;
  readonly #audio: UnacceptedAudio;
  readonly #finished = Promise.withResolvers<void>();
  readonly #onAbort = (): void => this.#fail(this.#options.signal?.reason);
  #socket: WebSocket | undefined;
  #hello: HelloMessage | undefined;
  #speed: SpeedLimit | undefined;
  #lastSeq = 0;
  #isReady = false;
  #isEnding = false;
  #isOver = false;
  #retryMs = FIRST_RETRY_MS;
  #lostAtMs: number | undefined;
  #lastError: ErrorMessage | undefined;
  #change = Promise.withResolvers<void>();
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #keepaliveTimer: ReturnType<typeof setInterval> | undefined;

  /** Connects. @param options The server and the audio. */
  constructor(options: CaptionClientOptions) {
    this.#options = options;
    this.#audio = new UnacceptedAudio(options.bytesPerSample);
    this.#finished.promise.catch(() => {}); // told by every method
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (options.signal?.aborted) this.#onAbort();
    else this.#connect();
  }

  /** The session's id, once there is one. */
  get session(): string | undefined {
    return this.#hello?.session;
  }

  /** Whether the session is over, or lost. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when the session is over; rejects when it is lost. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /**
   * Sends audio, as fast as the server takes it. Kept until the server has accepted it; forgotten
   * when the session is over.
   */
  async write(bytes: Uint8Array): Promise<void> {
    const { maxMessageBytes = 64 * 1024 } = this.#hello?.limits ?? {};
    const { bytesPerSample, audio } = this.#options;
    const pieceBytes = Math.floor(Math.min(maxMessageBytes, 64 * 1024) / bytesPerSample) *
      bytesPerSample;
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.slice(at, at + pieceBytes);
      await this.#room(piece.length / bytesPerSample / audio.sampleRateHz);
      this.#audio.push(piece);
      if (this.#isReady) this.#socket!.send(piece);
    }
  }

  /** Asks for what was sent to become final. Forgotten if the connection is down. */
  finalize(): void {
    if (this.#isReady) this.#say({ type: "finalize" });
  }

  /** Says that no audio follows; resolves when the last event is there. */
  end(): Promise<void> {
    this.#isEnding = true;
    if (this.#isReady) this.#say({ type: "end" });
    return this.#finished.promise;
  }

  /** Breaks the connection, as a bad network does. For tests. */
  breakConnection(): void {
    this.#socket?.close(4999);
  }

  async #room(seconds: number): Promise<void> {
    while (
      !this.#isOver &&
      (!this.#isReady || this.#audio.byteLength >= MAX_UNACCEPTED_BYTES)
    ) await this.#change.promise;
    while (!this.#isOver && this.#speed?.take(seconds) === false) await sleep(50);
    if (this.#isOver) await this.#finished.promise;
  }

  #connect(): void {
    const { url, key } = this.#options;
    const address = new URL(url.replace(/^http/, "ws"));
    if (this.#hello !== undefined) address.pathname += `/${this.#hello.session}`;
    const protocols = key === undefined ? [] : [SUBPROTOCOL, KEY_SUBPROTOCOL_PREFIX + key];
    const socket = new WebSocket(address, protocols);
    this.#socket = socket;
    socket.onopen = () => this.#introduce();
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#receive(JSON.parse(data));
    };
    socket.onerror = () => {}; // a close follows
    socket.onclose = ({ code, reason }) => {
      if (this.#socket === socket) void this.#lost(code, reason);
    };
  }

  #introduce(): void {
    const { audio, settings } = this.#options;
    const version = PROTOCOL_VERSION;
    if (this.#hello?.token === undefined) {
      this.#say({ type: "start", version, audio, ...(settings ? { settings } : {}) });
    } else {
      const { token } = this.#hello;
      this.#say({ type: "resume", version, token, lastSeq: this.#lastSeq });
    }
  }

  #receive(message: ServerMessage): void {
    if (message.type === "hello") this.#welcome(message);
    if (message.type === "error") this.#lastError = message;
    if (message.type === "accepted") this.#audio.accept(message.samples);
    if ("seq" in message) this.#lastSeq = message.seq;
    this.#options.onMessage?.(message);
    if (message.type === "end") this.#finish();
    this.#wake();
  }

  #welcome(hello: HelloMessage): void {
    const { limits, acceptedSamples } = hello;
    this.#hello = hello;
    this.#speed ??= new SpeedLimit({
      maxSpeed: SPEED_SHARE * limits.maxSpeed,
      burstSeconds: SPEED_SHARE * limits.burstSeconds,
    });
    this.#lostAtMs = undefined;
    this.#retryMs = FIRST_RETRY_MS;
    this.#lastError = undefined;
    this.#isReady = true;
    this.#audio.accept(acceptedSamples);
    for (const piece of this.#audio.pieces()) this.#socket!.send(piece);
    if (this.#isEnding) this.#say({ type: "end" });
    clearInterval(this.#keepaliveTimer);
    this.#keepaliveTimer = setInterval(
      () => this.#say({ type: "keepalive" }),
      1000 * limits.idleSeconds / 3,
    );
  }

  /** The connection is gone: tries again, for as long as the session waits. */
  async #lost(code: number, reason: string): Promise<void> {
    if (this.#isOver) return;
    const wasReady = this.#isReady;
    this.#isReady = false;
    clearInterval(this.#keepaliveTimer);
    const error = this.#lastError;
    if (error !== undefined && !error.canResume && error.retryAfterMs === undefined) {
      return this.#fail(new CaptionClientError(error.message, error.code));
    }
    if (code === 1000 && this.#hello !== undefined) return this.#finish();
    const refused = wasReady ? undefined : await this.#refusal();
    if (refused !== undefined && !refused.canRetry) return this.#fail(refused.error);
    this.#lostAtMs ??= performance.now();
    const { retrySeconds = this.#hello?.limits.resumeSeconds ?? 20 } = this.#options;
    if (performance.now() - this.#lostAtMs > 1000 * retrySeconds) {
      const why = refused?.error.message ?? `Cannot reach the server: ${reason || code}`;
      return this.#fail(new CaptionClientError(why, refused?.error.code));
    }
    this.#options.onReconnect?.(
      refused?.error.message ?? error?.message ??
        (wasReady ? "the connection is lost" : "the server cannot be reached"),
    );
    const waitMs = Math.max(error?.retryAfterMs ?? 0, this.#retryMs * (0.5 + Math.random() / 2));
    this.#retryMs = Math.min(MAX_RETRY_MS, 2 * this.#retryMs);
    this.#lastError = undefined;
    if (!this.#isOver) this.#retryTimer = setTimeout(() => this.#connect(), waitMs);
  }

  /** Why the server refuses: a WebSocket does not say, the same address asked without one does. */
  async #refusal(): Promise<{ error: CaptionClientError; canRetry: boolean } | undefined> {
    const { url, key } = this.#options;
    const address = new URL(url.replace(/^ws/, "http"));
    if (this.#hello !== undefined) address.pathname += `/${this.#hello.session}`;
    try {
      const response = await fetch(address, {
        headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
        signal: AbortSignal.timeout(5000),
      });
      const { error } = await response.json() as { error?: { code: string; message: string } };
      if (response.status === 426 || error === undefined) return undefined;
      const canRetry = response.status === 429 || response.status >= 500;
      return { error: new CaptionClientError(error.message, error.code), canRetry };
    } catch {
      return undefined; // it cannot be reached at all, or is no server of ours
    }
  }

  #say(message: ClientMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #finish(): void {
    this.#close();
    this.#finished.resolve();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#close();
    this.#finished.reject(error);
  }

  #close(): void {
    this.#isOver = true;
    this.#isReady = false;
    clearTimeout(this.#retryTimer);
    clearInterval(this.#keepaliveTimer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    const socket = this.#socket;
    if (socket !== undefined && socket.readyState <= WebSocket.OPEN) socket.close(1000);
    this.#wake();
  }

  #wake(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers();
    resolve();
  }

  /** Gives the session up, unless it is over. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#fail(new DOMException("The client was closed", "AbortError"));
    return Promise.resolve();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
