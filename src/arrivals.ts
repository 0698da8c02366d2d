/**
 * When a stream's samples came: what deadlines and latencies are counted from.
 *
 * @module
 */

/** Samples that come within this time are taken to come together. */
const STEP_MS = 5;

/** When samples came, as far as anybody may still ask. */
export class Arrivals {
  readonly #arrivals: { endSample: number; readonly atMs: number }[] = [];

  /** Notes that all samples before `endSample` are there now. */
  note(endSample: number, atMs: number): void {
    const last = this.#arrivals.at(-1);
    if (last !== undefined && atMs - last.atMs < STEP_MS) last.endSample = endSample;
    else this.#arrivals.push({ endSample, atMs });
  }

  /**
   * When the last sample before `endSample` came. Silence after the last sample came with it.
   *
   * @throws {RangeError} If nothing has come.
   */
  atMs(endSample: number): number {
    const arrival = this.#arrivals.find((arrival) => arrival.endSample >= endSample) ??
      this.#arrivals.at(-1);
    if (arrival !== undefined) return arrival.atMs;
    throw new RangeError(`Cannot say when samples came as none has: asked for ${endSample}`);
  }

  /** Forgets about samples before `endSample`, except that of the last of all. */
  forgetBefore(endSample: number): void {
    const kept = this.#arrivals.findIndex((arrival) => arrival.endSample > endSample);
    this.#arrivals.splice(0, kept < 0 ? this.#arrivals.length - 1 : kept);
  }
}
