/**
 * How many windows share a run, as failures have shown.
 *
 * @module
 */
import type { BatchPolicy } from "./schedule/batcher.ts";

/** Runs that must succeed before batches become larger again. */
const RUNS_TO_GROW = 50;

/** Batches that shrink when a run fails, and grow when many succeed. */
export class BatchLimit {
  readonly #policy: BatchPolicy;
  #limit = Infinity;
  #goodRuns = 0;

  /** @param policy What the device takes at once when nothing fails. */
  constructor(policy: BatchPolicy) {
    this.#policy = policy;
  }

  /** What the device takes at once. */
  get policy(): BatchPolicy {
    return { ...this.#policy, maxBatch: Math.min(this.#policy.maxBatch, this.#limit) };
  }

  /** A run succeeded. */
  succeeded(): void {
    if (this.#limit === Infinity || ++this.#goodRuns < RUNS_TO_GROW) return;
    this.#goodRuns = 0;
    this.#limit *= 2;
    if (this.#limit >= this.#policy.maxBatch) this.#limit = Infinity;
  }

  /** A run of so many windows failed on a device that works. */
  failed(windowCount: number): void {
    this.#goodRuns = 0;
    if (windowCount > 1) this.#limit = Math.floor(windowCount / 2);
  }
}
