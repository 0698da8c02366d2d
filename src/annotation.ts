/**
 * What annotators say of a stream besides its words.
 *
 * @module
 */
import type { ActivityEvent } from "./caption/activity.ts";
import type { LabelScore } from "./model/head_scores.ts";

/** Something an annotator says. */
export type Annotation = ActivityEvent | SpanLabels | SpanEmbedding | AnnotatorFailure;

/** The classes of a stretch of audio, from a model of sequence classification. */
export interface SpanLabels {
  /** What kind of annotation it is. */
  readonly kind: "labels";
  /** First sample of the stretch. */
  readonly startSample: number;
  /** One past its last sample. */
  readonly endSample: number;
  /** The classes, likeliest first. */
  readonly scores: readonly LabelScore[];
}

/** Whose voice a stretch of audio is, from a model of speaker vectors. */
export interface SpanEmbedding {
  /** What kind of annotation it is. */
  readonly kind: "embedding";
  /** First sample of the stretch. */
  readonly startSample: number;
  /** One past its last sample. */
  readonly endSample: number;
  /** A vector; those of one speaker point in similar directions (`cosineSimilarity`). */
  readonly embedding: Float32Array; // [E]
}

/** The annotator failed, and says no more of this stream; the captions go on. */
export interface AnnotatorFailure {
  /** What kind of annotation it is. */
  readonly kind: "failure";
  /** Why. */
  readonly error: unknown;
}

/** A stretch of audio. */
export interface Span {
  /** Its first sample. */
  readonly startSample: number;
  /** One past its last sample. */
  readonly endSample: number;
}

/** How far the captions are. */
export interface CaptionProgress {
  /** Where the utterance that goes on begins; `committedSample` when there is none. */
  readonly startSample: number;
  /** Where the first frame that is not committed begins. */
  readonly committedSample: number;
}

/** What one annotator hears of one stream. */
export interface AnnotationTrack {
  /** Samples that can be pushed now. */
  readonly freeSamples: number;
  /** Whether there is something to run. */
  readonly isDue: boolean;
  /** Whether all is said, as it is some time after the end. */
  readonly isDone: boolean;
  /** Takes samples that follow; at most `freeSamples`. // [S] */
  push(samples: Float32Array): void;
  /** Hears of an utterance that ended. */
  utterance(span: Span): void;
  /** Hears how far the captions are: the next utterance lies after `startSample`, and ends after `committedSample`. */
  settle(at: CaptionProgress): void;
  /** Hears that nothing follows. */
  end(): void;
}

/** How a kind of model annotates. */
export interface Annotating<T extends AnnotationTrack> {
  /** Most streams in one run. */
  readonly maxBatch: number;
  /** Loads what is run, so that the first run does not wait for it. */
  prepare(): Promise<void>;
  /** Begins a stream whose captions are at most so many samples behind. */
  open(options: { readonly lagSamples: number }): T;
  /** Runs what is due of some streams once; gives what is to be said of each, in order. */
  run(tracks: readonly T[]): Promise<(readonly Annotation[])[]>;
}
