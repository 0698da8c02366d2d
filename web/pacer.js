// @ts-check
/**
 * How fast a server lets audio come, seen from this side.
 *
 * @module
 */

/** What is left unused of the server's limits, as its clock is not ours. */
const SHARE = 0.9;

/** The server's bucket: `burstSeconds` fill it, `maxSpeed` empties it. */
export class Pacer {
  #filledSeconds = 0;
  /** @type {number | undefined} */
  #atMs;

  /**
   * When so much audio may be sent: 0 for now, and then it counts as sent; else the wait in ms.
   *
   * @param {number} seconds
   * @param {{ maxSpeed: number, burstSeconds: number, nowMs?: number }} limits
   */
  take(seconds, { maxSpeed, burstSeconds, nowMs = performance.now() }) {
    const speed = Math.max(1, maxSpeed * SHARE);
    const emptied = (nowMs - (this.#atMs ?? nowMs)) / 1000 * speed;
    this.#atMs = nowMs;
    this.#filledSeconds = Math.max(0, this.#filledSeconds - emptied);
    const excess = this.#filledSeconds + seconds - burstSeconds * SHARE;
    if (excess > 0 && this.#filledSeconds > 0) return Math.ceil(excess / speed * 1000);
    this.#filledSeconds += seconds;
    return 0;
  }
}
