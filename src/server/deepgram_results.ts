/**
 * What a stream says, in the terms of Deepgram's results: segments that follow each other without
 * gap, each final once, and guesses at the one that is open.
 *
 * @module
 */
import type { Word } from "../caption/word.ts";
import type { Caption, CaptionEvent } from "../event_queue.ts";
import { msToSamples } from "../units.ts";

/** A segment. */
export interface Segment {
  readonly kind: "segment";
  /** Where the final segment before it ends. */
  readonly startSample: number;
  readonly endSample: number;
  /** All that was said in it. */
  readonly words: readonly Word[];
  /** It never changes; otherwise the next one begins where it does. */
  readonly isFinal: boolean;
  /** An utterance ends with it. */
  readonly isSpeechFinal: boolean;
  /** It answers a finalize. */
  readonly isFromFinalize: boolean;
}

/** What a client is told of a stream. */
export type Said =
  | Segment
  | { readonly kind: "speechStarted"; readonly atSample: number }
  | { readonly kind: "utteranceEnd"; readonly lastWordEndSample: number };

/** Options of a {@linkcode SegmentCutter}. */
export interface SegmentOptions {
  /** Rate of the samples, Hz. */
  readonly sampleRateHz: number;
  /** Segments that may change are told too. @default {false} */
  readonly interimResults?: boolean;
  /** Utterances end. @default {true} */
  readonly endpointing?: boolean;
  /** Time without words after which the end of an utterance is told. @default {undefined, never} */
  readonly utteranceEndMs?: number | undefined;
  /** The start of speech is told. @default {false} */
  readonly vadEvents?: boolean;
  /** Longest segment that stays open once its words are settled. @default {3000} */
  readonly maxSegmentMs?: number;
}

/** How a segment is cut off. */
interface Cut {
  readonly isSpeechFinal?: boolean;
  readonly isFromFinalize?: boolean;
}

/** Cuts one stream into segments. */
export class SegmentCutter {
  readonly #options: SegmentOptions;
  readonly #maxSegmentSamples: number;
  readonly #gapSamples: number;
  #startSample = 0;
  #settledSample = 0;
  /** Words that are final and in no segment yet. */
  #words: Word[] = [];
  /** The last word, until the end of its utterance is told. */
  #gapWord: Word | undefined;
  /** Where an utterance ended whose segment is not cut yet: the next event says where it can be. */
  #endedAtSample: number | undefined;
  /** What came meanwhile. */
  #held: Said[] = [];
  #said: Said[] = [];

  /** @param options What is told. */
  constructor(options: SegmentOptions) {
    const { sampleRateHz, utteranceEndMs = Infinity, maxSegmentMs = 3000 } = options;
    this.#options = options;
    this.#maxSegmentSamples = msToSamples(maxSegmentMs, sampleRateHz);
    this.#gapSamples = msToSamples(utteranceEndMs, sampleRateHz);
  }

  /** Takes an event. Returns what to tell of it, in order. */
  take(event: CaptionEvent): Said[] {
    const { vadEvents = false, endpointing = true } = this.#options;
    this.#said = [];
    if (event.kind === "speechStart" && vadEvents) {
      const isHeld = this.#endedAtSample !== undefined;
      const started = { kind: "speechStarted", atSample: event.startSample } as const;
      (isHeld ? this.#held : this.#said).push(started);
    } else if (event.kind === "utteranceEnd" && endpointing) {
      this.#endedAtSample = event.atSample;
    } else if (event.kind === "caption") {
      this.#takeCaption(event);
    } else if (event.kind === "finalize") {
      this.#cut(this.#settledSample, { isSpeechFinal: endpointing, isFromFinalize: true });
    } else if (event.kind === "end") {
      this.#takeEnd(event.atSample);
    }
    return this.#said;
  }

  #takeCaption({ committed, tentative, settledSample }: Caption): void {
    const nextWord = committed[0] ?? tentative[0];
    if (this.#endedAtSample !== undefined) {
      const atSample = Math.min(this.#endedAtSample, nextWord?.startSample ?? Infinity);
      this.#cut(atSample, { isSpeechFinal: true });
    }
    for (const word of committed) {
      this.#takeGap(word.startSample);
      this.#words.push(word);
      this.#gapWord = word;
    }
    this.#settledSample = Math.max(this.#settledSample, settledSample);
    // a word that has begun and may go on belongs to the next segment as a whole
    const limit = Math.min(this.#settledSample, tentative[0]?.startSample ?? Infinity);
    this.#takeGap(limit);
    if (limit - this.#startSample >= this.#maxSegmentSamples) this.#cut(limit);
    if (this.#options.interimResults) this.#tellInterim(tentative);
  }

  /** No word has come until this sample. */
  #takeGap(untilSample: number): void {
    if (this.#gapWord === undefined) return;
    const { endSample } = this.#gapWord;
    if (untilSample - endSample < this.#gapSamples) return;
    if (this.#words.length > 0) this.#cut(endSample + this.#gapSamples);
    this.#said.push({ kind: "utteranceEnd", lastWordEndSample: endSample });
    this.#gapWord = undefined;
  }

  #tellInterim(tentative: readonly Word[]): void {
    const endSample = Math.max(this.#settledSample, tentative.at(-1)?.endSample ?? 0);
    if (endSample <= this.#startSample) return;
    this.#said.push({
      kind: "segment",
      startSample: this.#startSample,
      endSample,
      words: [...this.#words, ...tentative],
      isFinal: false,
      isSpeechFinal: false,
      isFromFinalize: false,
    });
  }

  #takeEnd(atSample: number): void {
    const isSpeechFinal = this.#endedAtSample !== undefined;
    if (isSpeechFinal || this.#words.length > 0 || atSample > this.#startSample) {
      this.#cut(atSample, { isSpeechFinal });
    }
  }

  /** Ends the open segment at a sample, or after its last word. */
  #cut(atSample: number, { isSpeechFinal = false, isFromFinalize = false }: Cut = {}): void {
    const startSample = this.#startSample;
    const endSample = Math.max(startSample, this.#words.at(-1)?.endSample ?? 0, atSample);
    this.#said.push({
      kind: "segment",
      ...{ startSample, endSample, words: this.#words },
      ...{ isFinal: true, isSpeechFinal, isFromFinalize },
    });
    this.#said.push(...this.#held);
    this.#held = [];
    this.#words = [];
    this.#startSample = endSample;
    this.#endedAtSample = undefined;
  }
}
