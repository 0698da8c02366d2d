// @ts-check
/// <reference lib="dom" />
/**
 * A speaker's connection: audio goes up, is kept until the server has it, and is sent again after
 * a break; events come down.
 *
 * @module
 */
import { AudioLog } from "./audio_log.js";
import { Pacer } from "./pacer.js";
import { backoffMs, openSocket, whyRefused } from "./server.js";

/** @import { ClientMessage, HelloMessage, ServerMessage } from "../src/server/protocol.ts" */
/** @import { Refusal } from "./server.js" */

/**
 * @typedef {{ kind: "connecting" }
 *   | { kind: "live" }
 *   | { kind: "waiting", refusal: Refusal, retryMs: number, hasSession: boolean }
 *   | { kind: "finishing" }
 *   | { kind: "ended" }
 *   | { kind: "failed", refusal: Refusal }} SpeakerState
 */

/**
 * @typedef {object} SpeakerOptions
 * @property {number} sampleRateHz
 * @property {(state: SpeakerState) => void} onState
 * @property {(message: ServerMessage) => void} onMessage
 */

/** Audio sent at once at most. */
const MESSAGE_SECONDS = 0.5;
/** Bytes on their way at most, though the server may allow more. */
const MAX_IN_FLIGHT_BYTES = 1 << 20;
/** A server that is silent for so long while audio waits is taken for gone. */
const SILENCE_MS = 12_000;
/** Refusals that no waiting changes. */
const FINAL_CODES = [
  ...["unauthorized", "forbidden_origin", "not_found", "bad_token", "replaced", "bad_message"],
];
/** Audio kept for a server that does not come back, at most. */
const MAX_KEPT_SECONDS = 900;

/** One session, over as many sockets as it takes. */
export class Speaker {
  #options;
  #log = new AudioLog();
  #pacer = new Pacer();
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {HelloMessage | undefined} */
  #hello;
  #wasOpen = false;
  #isGreeted = false;
  #isEnding = false;
  #isEndSent = false;
  #isOver = false;
  #sent = 0;
  #accepted = 0;
  #lastSeq = 0;
  #attempt = 0;
  #lastMessageMs = 0;
  /** @type {Refusal | undefined} */
  #error;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pumpTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  #watchTimer;
  #onOnline = () => this.retryNow();

  /** @param {SpeakerOptions} options */
  constructor(options) {
    this.#options = options;
    this.#watchTimer = setInterval(() => this.#watch(), 1000);
    addEventListener("online", this.#onOnline);
    this.#connect();
  }

  /** The session's id, once the server has given it. */
  get session() {
    return this.#hello?.session;
  }

  /** Audio that the server has not taken in yet. */
  get backlogSeconds() {
    return (this.#log.endSample - this.#accepted) / this.#options.sampleRateHz;
  }

  /** @param {Int16Array} samples */
  push(samples) {
    if (this.#isEnding || this.#isOver) return;
    this.#log.append(samples);
    if (this.backlogSeconds > MAX_KEPT_SECONDS) {
      const message = "The server was away for so long that no more sound can be kept";
      return this.#finish({ kind: "failed", refusal: { code: "away", message } });
    }
    this.#pump();
  }

  /** Says that no audio follows: what is there is still sent, and the last words come. */
  end() {
    if (this.#isEnding || this.#isOver) return;
    this.#isEnding = true;
    const isUnheard = this.#hello === undefined && this.#log.endSample === 0;
    if (isUnheard) return this.#finish({ kind: "ended" });
    if (this.#isGreeted) this.#options.onState({ kind: "finishing" });
    this.#pump();
  }

  /** Tries again at once, if it waits to. */
  retryNow() {
    if (this.#retryTimer === undefined) return;
    clearTimeout(this.#retryTimer);
    this.#connect();
  }

  /** Gives up the connection; the server ends the session after a while. Idempotent. */
  close() {
    this.#isOver = true;
    this.#tidy();
  }

  #connect() {
    this.#retryTimer = undefined;
    this.#isGreeted = false;
    this.#isEndSent = false;
    this.#error = undefined;
    if (this.#hello === undefined) this.#options.onState({ kind: "connecting" });
    this.#wasOpen = false;
    const socket = openSocket(this.#path);
    this.#socket = socket;
    this.#lastMessageMs = performance.now();
    socket.onopen = () => {
      this.#wasOpen = true;
      this.#send(this.#firstMessage());
    };
    socket.onmessage = ({ data }) => {
      if (this.#socket === socket) this.#receive(JSON.parse(data));
    };
    socket.onclose = () => {
      if (this.#socket === socket) void this.#broken();
    };
  }

  get #path() {
    const { session } = this;
    return session === undefined ? "v1/captions" : `v1/captions/${session}`;
  }

  /** @returns {ClientMessage} */
  #firstMessage() {
    const { token } = this.#hello ?? {};
    const { sampleRateHz } = this.#options;
    return token === undefined
      ? { type: "start", version: 1, audio: { encoding: "s16le", sampleRateHz, channelCount: 1 } }
      : { type: "resume", version: 1, token, lastSeq: this.#lastSeq };
  }

  /** @param {ClientMessage} message */
  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    this.#lastMessageMs = performance.now();
    switch (message.type) {
      case "hello":
        this.#greet(message);
        break;
      case "accepted":
        this.#accept(message.samples);
        break;
      case "error":
        this.#error = message;
        break;
      default:
        if ("seq" in message) this.#lastSeq = Math.max(this.#lastSeq, message.seq);
    }
    this.#options.onMessage(message);
    if (message.type === "end") this.#finish({ kind: "ended" });
    else this.#pump();
  }

  /** @param {HelloMessage} hello */
  #greet(hello) {
    this.#hello = hello;
    this.#isGreeted = true;
    this.#attempt = 0;
    this.#sent = hello.acceptedSamples;
    this.#accept(hello.acceptedSamples);
    this.#options.onState({ kind: this.#isEnding ? "finishing" : "live" });
  }

  /** @param {number} samples */
  #accept(samples) {
    this.#accepted = Math.max(this.#accepted, samples);
    this.#log.dropBefore(this.#accepted);
  }

  /** Sends what may be sent now. */
  #pump() {
    clearTimeout(this.#pumpTimer);
    const socket = this.#socket;
    const limits = this.#hello?.limits;
    if (!this.#isGreeted || socket?.readyState !== WebSocket.OPEN || limits === undefined) return;
    const { sampleRateHz } = this.#options;
    const room = Math.min(MAX_IN_FLIGHT_BYTES, limits.maxQueuedBytes / 2);
    const most = Math.min(Math.round(MESSAGE_SECONDS * sampleRateHz), limits.maxMessageBytes >> 1);
    while (this.#sent < this.#log.endSample) {
      if (2 * (this.#sent - this.#accepted) > room) return; // until more is accepted
      const samples = this.#log.read(this.#sent, most);
      const waitMs = this.#pacer.take(samples.length / sampleRateHz, limits);
      if (waitMs > 0) {
        this.#pumpTimer = setTimeout(() => this.#pump(), waitMs);
        return;
      }
      socket.send(samples);
      this.#sent += samples.length;
    }
    if (!this.#isEnding || this.#isEndSent) return;
    this.#isEndSent = true;
    this.#send({ type: "end" });
  }

  /** Looks for a server that has gone without a word, and keeps a quiet session open. */
  #watch() {
    const silentMs = performance.now() - this.#lastMessageMs;
    const socket = this.#socket;
    if (socket === undefined || silentMs < SILENCE_MS) return;
    if (socket.readyState === WebSocket.CONNECTING || this.#sent > this.#accepted) {
      socket.onclose = null;
      socket.close();
      void this.#broken();
      return;
    }
    this.#lastMessageMs = performance.now();
    this.#send({ type: "keepalive" });
  }

  async #broken() {
    this.#socket = undefined;
    this.#isGreeted = false;
    clearTimeout(this.#pumpTimer);
    if (this.#isOver) return;
    const hasSession = this.#hello !== undefined;
    const asked = this.#error === undefined && !this.#wasOpen
      ? await whyRefused(this.#path)
      : this.#error;
    const refusal = asked ?? { code: "cut", message: "The connection broke" };
    if (this.#isOver || this.#socket !== undefined) return;
    const isFinal = FINAL_CODES.includes(refusal.code) ||
      (this.#error !== undefined && hasSession && !this.#canResume(refusal));
    if (isFinal) return this.#finish({ kind: "failed", refusal });
    const retryMs = refusal.retryAfterMs ?? backoffMs(this.#attempt++);
    this.#options.onState({ kind: "waiting", refusal, retryMs, hasSession });
    this.#retryTimer = setTimeout(() => this.#connect(), retryMs);
  }

  /** @param {object} error */
  #canResume(error) {
    return "canResume" in error && error.canResume === true;
  }

  /** @param {SpeakerState} state */
  #finish(state) {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#tidy();
    this.#options.onState(state);
  }

  #tidy() {
    clearTimeout(this.#pumpTimer);
    clearTimeout(this.#retryTimer);
    clearInterval(this.#watchTimer);
    removeEventListener("online", this.#onOnline);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(1000);
  }
}
