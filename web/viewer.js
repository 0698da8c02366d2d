// @ts-check
/// <reference lib="dom" />
/**
 * A viewer's connection: the events of somebody else's session, from the first on.
 *
 * @module
 */
import { backoffMs, openSocket, whyRefused } from "./server.js";

/** @import { ServerMessage } from "../src/server/protocol.ts" */
/** @import { SpeakerState } from "./speaker.js" */

/**
 * @typedef {object} ViewerOptions
 * @property {string} session
 * @property {(state: SpeakerState) => void} onState
 * @property {(message: ServerMessage) => void} onMessage
 */

const FINAL_CODES = ["unauthorized", "forbidden_origin", "not_found"];

/** Follows one session, over as many sockets as it takes. */
export class Viewer {
  #options;
  #path;
  #lastSeq = 0;
  #attempt = 0;
  #isOver = false;
  #hasBegun = false;
  /** @type {WebSocket | undefined} */
  #socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  #onOnline = () => this.retryNow();

  /** @param {ViewerOptions} options */
  constructor(options) {
    this.#options = options;
    this.#path = `v1/captions/${encodeURIComponent(options.session)}/events`;
    addEventListener("online", this.#onOnline);
    options.onState({ kind: "connecting" });
    this.#connect();
  }

  /** Tries again at once, if it waits to. */
  retryNow() {
    if (this.#retryTimer === undefined) return;
    clearTimeout(this.#retryTimer);
    this.#connect();
  }

  /** Idempotent. */
  close() {
    this.#isOver = true;
    clearTimeout(this.#retryTimer);
    removeEventListener("online", this.#onOnline);
    this.#socket?.close(1000);
  }

  #connect() {
    this.#retryTimer = undefined;
    const socket = openSocket(`${this.#path}?after=${this.#lastSeq}`);
    this.#socket = socket;
    /** @type {import("./server.js").Refusal | undefined} */
    let error;
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
    };
    socket.onmessage = ({ data }) => {
      /** @type {ServerMessage} */
      const message = JSON.parse(data);
      if (message.type === "hello") this.#begin();
      if (message.type === "error") error = message;
      if ("seq" in message) this.#lastSeq = Math.max(this.#lastSeq, message.seq);
      this.#options.onMessage(message);
      if (message.type === "end") this.#finish({ kind: "ended" });
    };
    socket.onclose = () => void this.#broken(error, wasOpen);
  }

  #begin() {
    this.#hasBegun = true;
    this.#attempt = 0;
    this.#options.onState({ kind: "live" });
  }

  /**
   * @param {import("./server.js").Refusal | undefined} error
   * @param {boolean} wasOpen
   */
  async #broken(error, wasOpen) {
    if (this.#isOver) return;
    const asked = error === undefined && !wasOpen ? await whyRefused(this.#path) : error;
    const refusal = asked ?? { code: "cut", message: "The connection broke" };
    if (this.#isOver) return;
    if (FINAL_CODES.includes(refusal.code)) return this.#finish({ kind: "failed", refusal });
    const retryMs = refusal.retryAfterMs ?? backoffMs(this.#attempt++);
    this.#options.onState({ kind: "waiting", refusal, retryMs, hasSession: this.#hasBegun });
    this.#retryTimer = setTimeout(() => this.#connect(), retryMs);
  }

  /** @param {SpeakerState} state */
  #finish(state) {
    this.close();
    this.#options.onState(state);
  }
}
