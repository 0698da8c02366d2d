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
  /** Time without words after which an utterance ends; `false`: none ends. @default {300} */
  readonly endpointing?: number | false;
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

/** What a pause can end: the utterance, and the client's own count of silence. */
interface OpenPauses {
  readonly speechFinal: boolean;
  readonly utteranceEnd: boolean;
}

/**
 * Cuts one stream into segments. Utterances end by the pauses between words that are final, not by
 * silence as it is heard: so a short wish for endpointing hurries no decoder.
 */
export class SegmentCutter {
  readonly #options: SegmentOptions;
  readonly #maxSegmentSamples: number;
  /** Pauses after a word that are told, shortest first. */
  readonly #pauses: readonly { readonly kind: keyof OpenPauses; readonly samples: number }[];
  #startSample = 0;
  #settledSample = 0;
  /** Words that are final and in no segment yet. */
  #words: Word[] = [];
  /** Where the last word ends. */
  #wordEndSample = 0;
  /** What is still to be told of the pause after it. */
  #open: OpenPauses = { speechFinal: false, utteranceEnd: false };
  /** Whether an utterance has begun. */
  #isSpeaking = false;
  /** Where an utterance ended whose segment is not cut yet: the next event says where it can be. */
  #endedAtSample: number | undefined;
  /** What came meanwhile. */
  #held: Said[] = [];
  #said: Said[] = [];

  /** @param options What is told. */
  constructor(options: SegmentOptions) {
    const { sampleRateHz, endpointing = 300, utteranceEndMs, maxSegmentMs = 3000 } = options;
    this.#options = options;
    this.#maxSegmentSamples = msToSamples(maxSegmentMs, sampleRateHz);
    const speechFinalMs = endpointing === false ? Infinity : endpointing;
    const pauses = { speechFinal: speechFinalMs, utteranceEnd: utteranceEndMs ?? Infinity };
    this.#pauses = (["speechFinal", "utteranceEnd"] as const)
      .map((kind) => ({ kind, samples: msToSamples(pauses[kind], sampleRateHz) }))
      .sort((a, b) => a.samples - b.samples);
  }

  /** Takes an event. Returns what to tell of it, in order. */
  take(event: CaptionEvent): Said[] {
    this.#said = [];
    if (event.kind === "speechStart") {
      this.#startSpeech(event.startSample);
    } else if (event.kind === "utteranceEnd") {
      this.#isSpeaking = false;
      if (this.#open.speechFinal && this.#hasEndpoints) this.#endedAtSample = event.atSample;
    } else if (event.kind === "caption") {
      this.#takeCaption(event);
    } else if (event.kind === "finalize") {
      this.#cut(this.#settledSample, { isSpeechFinal: this.#hasEndpoints, isFromFinalize: true });
    } else if (event.kind === "end") {
      this.#takeEnd(event.atSample);
    }
    return this.#said;
  }

  get #hasEndpoints(): boolean {
    return this.#options.endpointing !== false;
  }

  #startSpeech(atSample: number): void {
    if (this.#isSpeaking) return;
    this.#isSpeaking = true;
    if (this.#options.vadEvents !== true) return;
    const isHeld = this.#endedAtSample !== undefined;
    (isHeld ? this.#held : this.#said).push({ kind: "speechStarted", atSample });
  }

  #takeCaption({ committed, tentative, settledSample }: Caption): void {
    const nextWord = committed[0] ?? tentative[0];
    if (this.#endedAtSample !== undefined) {
      const atSample = Math.min(this.#endedAtSample, nextWord?.startSample ?? Infinity);
      this.#cut(atSample, { isSpeechFinal: true });
    }
    for (const word of committed) {
      this.#takePause(word.startSample);
      this.#startSpeech(word.startSample);
      this.#words.push(word);
      this.#wordEndSample = word.endSample;
      this.#open = { speechFinal: true, utteranceEnd: true };
    }
    this.#settledSample = Math.max(this.#settledSample, settledSample);
    // a word that has begun and may go on belongs to the next segment as a whole
    const limit = Math.min(this.#settledSample, tentative[0]?.startSample ?? Infinity);
    this.#takePause(limit);
    if (limit - this.#startSample >= this.#maxSegmentSamples) this.#cut(limit);
    if (tentative.length > 0) this.#startSpeech(tentative[0]!.startSample);
    if (this.#options.interimResults) this.#tellInterim(tentative);
  }

  /** No word has come until this sample. */
  #takePause(untilSample: number): void {
    const endSample = this.#wordEndSample;
    for (const { kind, samples } of this.#pauses) {
      if (!this.#open[kind] || untilSample - endSample < samples) continue;
      if (kind === "speechFinal") this.#cut(endSample + samples, { isSpeechFinal: true });
      else if (this.#words.length > 0) this.#cut(endSample + samples);
      this.#open = { ...this.#open, [kind]: false };
      if (kind === "utteranceEnd") {
        this.#said.push({ kind: "utteranceEnd", lastWordEndSample: endSample });
      }
    }
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
    if (!isSpeechFinal) return;
    this.#open = { ...this.#open, speechFinal: false };
    this.#isSpeaking = false;
  }
}
