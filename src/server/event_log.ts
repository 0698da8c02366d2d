/**
 * What a session said, numbered, for readers that come, go, and come back.
 *
 * Every reader has a cursor, the last number it was sent, and asks for what is after it. What was
 * said meanwhile is merged: committed words come once each, of tentative words only the last ones.
 * So a slow reader and one that comes late cost the memory of the words alone, and all rebuild the
 * same text.
 *
 * @module
 */
import type { Annotation } from "../annotation.ts";
import type { Alternative, Word } from "../caption/word.ts";
import type { CaptionEvent } from "../event_queue.ts";
import { samplesToMs } from "../units.ts";
import type {
  AnnotationMessage,
  CaptionAnnotation,
  CaptionLabel,
  CaptionMessage,
  CaptionReading,
  CaptionWord,
  SessionEvent,
} from "./protocol.ts";

/** Options of {@linkcode EventLog}. */
export interface EventLogOptions {
  /** Rate of the events' samples, Hz. */
  readonly sampleRateHz: number;
  /** Most words held; older ones are forgotten. */
  readonly maxWords: number;
}

/** An utterance, as far as it is held. */
export interface LoggedUtterance {
  readonly startMs: number;
  readonly endMs: number;
  /** Words of the session before its end. */
  readonly wordCount: number;
}

/** Events that are no captions. */
type Mark = Exclude<SessionEvent, CaptionMessage>;

/** The events of one session. */
export class EventLog {
  readonly #options: EventLogOptions;
  #words: Word[] = [];
  /** The number of the caption that each word came with. */
  #wordSeqs: number[] = [];
  #marks: Mark[] = [];
  #markSeqs: number[] = [];
  #firstWord = 0;
  #lastSeq = 0;
  #latest: { seq: number; tentative: readonly Word[]; settledSample: number } = {
    ...{ seq: 0, tentative: [], settledSample: 0 },
  };
  #isClosed = false;
  #change = Promise.withResolvers<void>();

  /** @param options Rate and length. */
  constructor(options: EventLogOptions) {
    this.#options = options;
  }

  /** The last number given; 0 before the first event. */
  get lastSeq(): number {
    return this.#lastSeq;
  }

  /** Index of the oldest word held. */
  get firstWord(): number {
    return this.#firstWord;
  }

  /** Words said so far, forgotten ones included. */
  get wordCount(): number {
    return this.#firstWord + this.#words.length;
  }

  /** The words held. */
  get words(): readonly Word[] {
    return this.#words;
  }

  /** The tentative words now. */
  get tentative(): readonly Word[] {
    return this.#latest.tentative;
  }

  /** Every sample before this one is settled. */
  get settledSample(): number {
    return this.#latest.settledSample;
  }

  /** What annotators said, as far as it is held. */
  get annotations(): readonly AnnotationMessage[] {
    return this.#marks.filter((mark) => mark.type === "annotation");
  }

  /** The utterances held. */
  get utterances(): LoggedUtterance[] {
    return this.#marks.filter((mark) => mark.type === "utterance_end");
  }

  /** Whether nothing follows. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves at the next event, or at the close. */
  get changed(): Promise<void> {
    return this.#isClosed ? Promise.resolve() : this.#change.promise;
  }

  /** Takes an event. Steps of the overload policy are not the session's: they have no number. */
  append(event: CaptionEvent): void {
    if (this.#isClosed || event.kind === "overload") return;
    const seq = ++this.#lastSeq;
    if (event.kind === "caption") {
      const { committed, tentative, settledSample } = event;
      this.#latest = { seq, tentative, settledSample };
      this.#words.push(...committed);
      for (let i = 0; i < committed.length; i++) this.#wordSeqs.push(seq);
    } else {
      this.#marks.push(this.#mark(event, seq));
      this.#markSeqs.push(seq);
    }
    this.#forget();
    this.#wake();
  }

  /** Says that nothing follows. */
  close(): void {
    this.#isClosed = true;
    this.#latest = { ...this.#latest, tentative: [] };
    this.#wake();
  }

  /**
   * All that was said after an event, merged as far as it can be.
   *
   * @param seq The event's number; 0 for all.
   * @returns Events in order of their numbers.
   */
  after(seq: number): SessionEvent[] {
    const events: SessionEvent[] = [];
    let word = firstAbove(this.#wordSeqs, seq);
    const take = (endSeq: number) => {
      const end = firstAbove(this.#wordSeqs, endSeq - 1);
      const wordSeq = end > word ? this.#wordSeqs[end - 1]! : 0;
      const { seq: latestSeq } = this.#latest;
      const isLatest = latestSeq > seq && latestSeq < endSeq && latestSeq > lastSeqOf(events);
      const captionSeq = isLatest ? latestSeq : wordSeq;
      if (captionSeq > 0) events.push(this.#caption(captionSeq, { start: word, end }));
      word = end;
    };
    for (const mark of this.#marks.slice(firstAbove(this.#markSeqs, seq))) {
      take(mark.seq);
      events.push(mark);
    }
    take(Infinity);
    return events;
  }

  #caption(seq: number, words: { start: number; end: number }): CaptionMessage {
    const { sampleRateHz } = this.#options;
    const committed = this.#words.slice(words.start, words.end);
    const isLatest = seq === this.#latest.seq;
    const settledSample = isLatest ? this.#latest.settledSample : committed.at(-1)!.endSample;
    const tentative = isLatest ? this.#latest.tentative : [];
    return {
      type: "caption",
      seq,
      firstWord: this.#firstWord + words.start,
      committed: committed.map((word) => captionWord(word, sampleRateHz)),
      tentative: tentative.map((word) => captionWord(word, sampleRateHz)),
      settledMs: samplesToMs(settledSample, sampleRateHz),
    };
  }

  #mark(
    event: Exclude<CaptionEvent, { kind: "caption" | "overload" }>,
    seq: number,
  ): Mark {
    const ms = (sample: number) => samplesToMs(sample, this.#options.sampleRateHz);
    switch (event.kind) {
      case "speechStart":
        return { type: "speech_started", seq, startMs: ms(event.startSample) };
      case "utteranceEnd":
        return {
          type: "utterance_end",
          seq,
          startMs: ms(event.startSample),
          endMs: ms(event.endSample),
          wordCount: this.wordCount,
          ...(event.alternatives === undefined
            ? {}
            : { alternatives: event.alternatives.map(readingOf) }),
        };
      case "annotation": {
        const { annotator, annotation } = event;
        return { type: "annotation", seq, annotator, annotation: annotationOf(annotation, ms) };
      }
      case "finalize":
        return { type: "finalized", seq, atMs: ms(event.atSample) };
      case "end":
        return { type: "end", seq, atMs: ms(event.atSample) };
      default:
        return event satisfies never;
    }
  }

  /** Forgets an eighth at a time, so that forgetting is cheap. */
  #forget(): void {
    const { maxWords } = this.#options;
    const excess = Math.ceil(maxWords / 8);
    if (this.#words.length > maxWords) {
      const count = this.#words.length - maxWords + excess;
      this.#words = this.#words.slice(count);
      this.#wordSeqs = this.#wordSeqs.slice(count);
      this.#firstWord += count;
    }
    if (this.#marks.length > maxWords) {
      this.#marks = this.#marks.slice(excess);
      this.#markSeqs = this.#markSeqs.slice(excess);
    }
  }

  #wake(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers();
    resolve();
  }
}

/** A word as it goes over the wire. */
export function captionWord(word: Word, sampleRateHz: number): CaptionWord {
  const { text, startSample, endSample, confidence, alternatives } = word;
  return {
    text,
    startMs: samplesToMs(startSample, sampleRateHz),
    endMs: samplesToMs(endSample, sampleRateHz),
    confidence: rounded(confidence),
    ...(alternatives === undefined ? {} : { alternatives: alternatives.map(readingOf) }),
  };
}

function readingOf({ text, confidence }: Alternative): CaptionReading {
  return { text, confidence: rounded(confidence) };
}

function annotationOf(annotation: Annotation, ms: (sample: number) => number): CaptionAnnotation {
  switch (annotation.kind) {
    case "activityStart": {
      const { label, startSample } = annotation;
      return { kind: "activity_started", label, startMs: ms(startSample) };
    }
    case "activityEnd": {
      const { label, startSample, endSample } = annotation;
      const span = { startMs: ms(startSample), endMs: ms(endSample) };
      return { kind: "activity_ended", label, ...span };
    }
    case "labels": {
      const { startSample, endSample, scores } = annotation;
      const rounder = ({ label, score }: CaptionLabel) => ({ label, score: rounded(score) });
      const span = { startMs: ms(startSample), endMs: ms(endSample) };
      return { kind: "labels", ...span, scores: scores.map(rounder) };
    }
    case "embedding": {
      const { startSample, endSample, embedding } = annotation;
      const span = { startMs: ms(startSample), endMs: ms(endSample) };
      return { kind: "embedding", ...span, embedding: Array.from(embedding, sixDigits) };
    }
    case "failure": // why is the log's matter
      return { kind: "failure" };
    default:
      return annotation satisfies never;
  }
}

function rounded(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

/** What a 32-bit number is worth. */
function sixDigits(value: number): number {
  return Number(value.toPrecision(6));
}

function lastSeqOf(events: readonly SessionEvent[]): number {
  return events.at(-1)?.seq ?? 0;
}

/** Index of the first number above `value` in a rising list. */
function firstAbove(numbers: readonly number[], value: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
