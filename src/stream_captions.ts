/**
 * What the reader of one stream is told: words as they are committed, and the utterances they make.
 *
 * @module
 */
import { likeliestTexts } from "./caption/alternatives.ts";
import {
  advanceEndpoint,
  type EndpointEvent,
  type EndpointPolicy,
  type EndpointState,
  flushEndpoint,
  startEndpoint,
} from "./caption/endpoint.ts";
import type { Word } from "./caption/word.ts";
import type { CaptionEvent } from "./event_queue.ts";
import type { TrackUpdate } from "./track.ts";

/** Who hears of a stream's words and utterances. */
export interface CaptionListener {
  /** Gets every event, in order. */
  readonly tell: (event: CaptionEvent) => void;
  /** Is told of words that became final. */
  readonly committed: (words: readonly Word[]) => void;
  /** Is told of the starts and ends of utterances. */
  readonly heard: (event: EndpointEvent) => void;
}

/** One stream's words and utterances, as events. */
export class StreamCaptions {
  readonly #policy: EndpointPolicy;
  readonly #nBest: number;
  readonly #listener: CaptionListener;
  #endpoint: EndpointState = startEndpoint();
  /** Words of the utterance that has not ended, where its readings are wanted. */
  #utterance: Word[] = [];

  /** @param policy When utterances end. @param options How many readings they get, and who hears of them. */
  constructor(
    policy: EndpointPolicy,
    { nBest, listener }: { nBest: number; listener: CaptionListener },
  ) {
    this.#policy = policy;
    this.#nBest = nBest;
    this.#listener = listener;
  }

  /** Takes in what a window added. An utterance's words come before its end, those of the next one after it. */
  take(update: TrackUpdate): void {
    const { emissions, committed: all, tentative, settledSample } = update;
    const step = advanceEndpoint(this.#endpoint, { emissions, words: all }, this.#policy);
    this.#endpoint = step.state;
    let words = all;
    for (const event of step.events) {
      const atSample = event.kind === "utteranceEnd" ? event.atSample : 0;
      const committed = words.filter(({ startSample }) => startSample < atSample);
      if (committed.length > 0) {
        words = words.slice(committed.length);
        const still = [...words, ...tentative];
        this.#tellWords({
          ...{ committed, tentative: still },
          settledSample: Math.min(atSample, settledSample),
        });
      }
      this.#tellEndpoint(event);
    }
    this.#tellWords({ committed: words, tentative, settledSample });
  }

  /** Ends the utterance that is open, with the words that a flush gave. */
  flush(update: Omit<TrackUpdate, "emissions">): void {
    if (update.committed.length > 0) this.#tellWords(update);
    const { state, events } = flushEndpoint(this.#endpoint, this.#policy);
    this.#endpoint = state;
    events.forEach((event) => this.#tellEndpoint(event));
  }

  #tellWords(words: Omit<TrackUpdate, "emissions">): void {
    const { committed, tentative, settledSample } = words;
    this.#listener.tell({ kind: "caption", committed, tentative, settledSample });
    if (this.#nBest > 1) this.#utterance.push(...committed);
    if (committed.length > 0) this.#listener.committed(committed);
  }

  /** The end of an utterance says what may have been said in it. */
  #tellEndpoint(event: EndpointEvent): void {
    const isEnd = event.kind === "utteranceEnd" && this.#nBest > 1;
    const alternatives = isEnd ? likeliestTexts(this.#utterance, this.#nBest) : [];
    this.#listener.tell(isEnd ? { ...event, alternatives } : event);
    if (isEnd) this.#utterance = [];
    this.#listener.heard(event);
  }
}
