/**
 * How long after its last sample came a word is shown, and final.
 *
 * @module
 */
import type { Caption } from "../event_queue.ts";
import type { ServerMetrics } from "./metrics.ts";

/** Entries kept through a long silence. */
const MAX_ARRIVALS = 4096;

/** Measures the words of one stream. */
export class WordClock {
  readonly #metrics: ServerMetrics;
  /** When samples came, in order. */
  #arrivals: { readonly endSample: number; readonly atMs: number }[] = [];
  #endSample = 0;
  /** Words that start before this sample have been shown. */
  #shownSample = 0;

  /** @param metrics Where latencies go. */
  constructor(metrics: ServerMetrics) {
    this.#metrics = metrics;
  }

  /** Samples came. */
  arrived(sampleCount: number): void {
    this.#endSample += sampleCount;
    const atMs = performance.now();
    const last = this.#arrivals.at(-1);
    // samples of one moment are one entry
    if (last !== undefined && atMs - last.atMs < 1) this.#arrivals.pop();
    this.#arrivals.push({ endSample: this.#endSample, atMs });
  }

  /** A caption is on its way to readers. */
  shown({ committed, tentative }: Caption): void {
    const nowMs = performance.now();
    for (const [kind, words] of [["final", committed], ["first", tentative]] as const) {
      for (const { startSample, endSample } of words) {
        if (kind === "first" && startSample < this.#shownSample) continue;
        this.#emit(kind, endSample, nowMs);
        if (startSample >= this.#shownSample) {
          this.#shownSample = startSample + 1;
          if (kind === "final") this.#emit("first", endSample, nowMs);
        }
      }
    }
    // words come in order, so what lies before the last final one is done with
    const endSample = committed.at(-1)?.endSample ?? 0;
    const done = this.#arrivals.findIndex((arrival) => arrival.endSample > endSample);
    this.#arrivals.splice(0, Math.max(done, this.#arrivals.length - MAX_ARRIVALS, 0));
  }

  #emit(kind: "first" | "final", endSample: number, nowMs: number): void {
    const arrival = this.#arrivals.find((arrival) => arrival.endSample >= endSample);
    if (arrival !== undefined) this.#metrics.wordEmitted(kind, (nowMs - arrival.atMs) / 1000);
  }
}
