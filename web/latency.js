// @ts-check
/**
 * How long words take from mouth to screen.
 *
 * @module
 */

/** @import { CaptionMessage } from "../src/server/protocol.ts" */

/** How many words the display looks back on. */
const WORDS = 15;

/** Measures words as they are first shown and as they become final. */
export class LatencyMeter {
  #originMs = Infinity;
  #seenUntilMs = 0;
  /** @type {number[]} */
  #shown = [];
  /** @type {number[]} */
  #final = [];

  /**
   * Says that audio was heard.
   *
   * @param {number} audioMs Its end, from the session's first sample.
   * @param {number} nowMs
   */
  heard(audioMs, nowMs) {
    this.#originMs = Math.min(this.#originMs, nowMs - audioMs);
  }

  /**
   * Says that words came.
   *
   * @param {CaptionMessage} caption
   * @param {number} nowMs
   */
  received({ committed, tentative }, nowMs) {
    if (this.#originMs === Infinity) return;
    const audioMs = nowMs - this.#originMs;
    for (const { endMs } of committed) push(this.#final, audioMs - endMs);
    for (const { endMs } of [...committed, ...tentative]) {
      if (endMs <= this.#seenUntilMs) continue;
      this.#seenUntilMs = endMs;
      push(this.#shown, audioMs - endMs);
    }
  }

  /** Medians of the last words, ms; `undefined` before the first. */
  get medians() {
    return { shownMs: median(this.#shown), finalMs: median(this.#final) };
  }
}

/**
 * @param {number[]} list
 * @param {number} value
 */
function push(list, value) {
  list.push(Math.max(0, value));
  if (list.length > WORDS) list.shift();
}

/** @param {readonly number[]} values */
function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
