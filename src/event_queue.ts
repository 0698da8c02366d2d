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
import type { AnnotationEvent } from "./stream_annotations.ts";

/** New words: final ones, and the guess at what follows. */
export interface Caption {
  /** What kind of event it is. */
  readonly kind: "caption";
  /** Words that are final now and were not before. They never change. */
  readonly committed: readonly Word[];
  /** Words after them, as far as they can be seen; they replace all earlier tentative ones. */
  readonly tentative: readonly Word[];
  /** Every word that starts before this sample is committed. */
  readonly settledSample: number;
}

/** What a stream tells. */
export type CaptionEvent =
  | Caption
  /** Speech began, or an utterance ended by a rule. */
  | EndpointEvent
  /** An annotator said something. */
  | AnnotationEvent
  /** Everything up to this sample is committed, as was asked. */
  | { readonly kind: "finalize"; readonly atSample: number }
  /** The engine went to this step of its overload policy. */
  | { readonly kind: "overload"; readonly step: OverloadStep }
  /** All is committed. Nothing follows. */
  | { readonly kind: "end"; readonly atSample: number };

/** A caption that waits to be read, and takes over what the next ones say. */
interface UnreadCaption extends Caption {
  readonly committed: Word[];
}

/** A queue with one reader, who may leave a loop and come back. */
export class EventQueue implements AsyncIterableIterator<CaptionEvent> {
  readonly #events: (Exclude<CaptionEvent, Caption> | UnreadCaption)[] = [];
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
      for (const word of event.committed) last.committed.push(word);
      this.#events[this.#events.length - 1] = { ...event, committed: last.committed };
    } else if (event.kind === "overload" && last?.kind === "overload") {
      this.#events[this.#events.length - 1] = event;
    } else {
      const isCaption = event.kind === "caption";
      this.#events.push(isCaption ? { ...event, committed: [...event.committed] } : event);
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
