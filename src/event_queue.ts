/**
 * Events on their way to a reader. What an unread caption says is taken over by
 * the next one, so a reader that stops reading costs the memory of the words
 * alone.
 *
 * @module
 */
import type { EndpointEvent } from "./caption/endpoint.ts";
import type { Word } from "./caption/word.ts";
import type { OverloadStep } from "./schedule/overload.ts";

/** New words: final ones, and the guess at what follows. */
export interface Caption {
  /** What kind of event it is. */
  readonly kind: "caption";
  /** Words that are final now and were not before. They never change. */
  readonly committed: readonly Word[];
  /** Words after them, as far as they can be seen; they replace all earlier tentative ones. */
  readonly tentative: readonly Word[];
  /** Every sample before this one is settled: no later word starts there. */
  readonly settledSample: number;
}

/** What a stream tells. */
export type CaptionEvent =
  | Caption
  /** Speech began, or an utterance ended by a rule. */
  | EndpointEvent
  /** Everything up to this sample is committed, as was asked. */
  | { readonly kind: "finalize"; readonly atSample: number }
  /** The engine went to this step of its overload policy. */
  | { readonly kind: "overload"; readonly step: OverloadStep }
  /** All is committed. Nothing follows. */
  | { readonly kind: "end"; readonly atSample: number };

/** A queue with one reader. */
export class EventQueue implements AsyncIterableIterator<CaptionEvent> {
  readonly #events: CaptionEvent[] = [];
  #waiting: PromiseWithResolvers<void> | undefined;
  #state: { readonly kind: "open" | "closed" } | {
    readonly kind: "failed";
    readonly error: unknown;
  } = { kind: "open" };

  /** Adds an event; one that comes after the end is dropped. */
  push(event: CaptionEvent): void {
    if (this.#state.kind !== "open") return;
    const last = this.#events.at(-1);
    if (event.kind === "caption" && last?.kind === "caption") {
      const committed = [...last.committed, ...event.committed];
      this.#events[this.#events.length - 1] = { ...event, committed };
    } else {
      this.#events.push(event);
    }
    this.#wake();
  }

  /** Says that nothing follows. What is unread can still be read. */
  close(): void {
    if (this.#state.kind === "open") this.#state = { kind: "closed" };
    this.#wake();
  }

  /** Says that nothing follows because of an error, which the reader gets after what is unread. */
  fail(error: unknown): void {
    if (this.#state.kind === "open") this.#state = { kind: "failed", error };
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  /** The next event. */
  async next(): Promise<IteratorResult<CaptionEvent, undefined>> {
    while (true) {
      const event = this.#events.shift();
      if (event !== undefined) return { done: false, value: event };
      if (this.#state.kind === "closed") return { done: true, value: undefined };
      if (this.#state.kind === "failed") throw this.#state.error;
      this.#waiting ??= Promise.withResolvers();
      await this.#waiting.promise;
    }
  }

  /** The queue itself: it has one reader. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}
