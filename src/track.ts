/**
 * One speaker's path from samples to words, without the device: what to encode
 * next, and what the encoded frames say. The engine drives many, a file is one
 * that is fed at once.
 *
 * @module
 */
import type { Word } from "./caption/word.ts";
import type { CtcDecoder } from "./ctc/decoder.ts";
import { type Emissions, emissionsFromLogits, endFrameOf } from "./ctc/emissions.ts";
import type { FrameGeometry } from "./geometry.ts";
import type { Window } from "./schedule/planner.ts";
import {
  type CommitOptions,
  type CommitState,
  commitWindow,
  flushCommit,
  type Flushed,
  startCommit,
} from "./stitch/commit.ts";
import { cutWindow } from "./stitch/seam.ts";
import type { Vocabulary } from "./stitch/vocabulary.ts";
import { type WordOptions, wordRules } from "./stitch/words.ts";
import { WindowFeed, type WindowFeedOptions } from "./window_feed.ts";

/** Options of a {@linkcode Track}. */
export interface TrackOptions extends WindowFeedOptions, WordOptions {
  /** Readings given of each committed word and each utterance, likeliest first; 1 gives none besides the words. @default {1} */
  readonly nBest?: number;
}

/** What a track needs of a model. */
export interface TrackModel<S> {
  readonly geometry: FrameGeometry;
  readonly vocabulary: Vocabulary;
  readonly decoder: CtcDecoder<S>;
}

/** What one window added. */
export interface TrackUpdate {
  /** Words that are final now and were not before. */
  readonly committed: readonly Word[];
  /** Words after them, which replace all earlier tentative ones. */
  readonly tentative: readonly Word[];
  /** Every word that starts before this sample is committed. */
  readonly settledSample: number;
  /** The frames that were committed. */
  readonly emissions: Emissions;
}

/** One speaker's samples and hypotheses. */
export class Track<S = unknown> extends WindowFeed {
  readonly #commitOptions: CommitOptions<S>;
  readonly #strideSamples: number;
  #commit: CommitState<S>;

  /** @param model What the track decodes for. @param options Lengths of windows, pauses and buffers. */
  constructor(model: TrackModel<S>, options: TrackOptions = {}) {
    const { geometry, vocabulary, decoder } = model;
    const { nBest = 1 } = options;
    if (!(nBest >= 1)) {
      throw new RangeError(`Cannot give readings as nBest must be at least 1: ${nBest}`);
    }
    super(geometry, options);
    this.#strideSamples = geometry.strideSamples;
    this.#commitOptions = { decoder, nBest, ...wordRules(vocabulary, geometry, options) };
    this.#commit = startCommit(decoder);
  }

  /**
   * Takes in what the model made of a planned window.
   *
   * @param window The window.
   * @param logits Scores of its frames, and of padding after them if there is any. // [T, V]
   * @param vocabularySize V
   */
  accept(window: Window, logits: Float32Array, vocabularySize: number): TrackUpdate {
    const { startFrame, commitStartFrame } = window;
    const newLogits = logits.subarray((commitStartFrame - startFrame) * vocabularySize);
    const emissions = emissionsFromLogits(newLogits, {
      startFrame: commitStartFrame,
      vocabularySize,
    });
    const frames = { ...window, startFrame: commitStartFrame };
    const cut = cutWindow(this.progress.framesCommitted, emissions, frames);
    const step = commitWindow(this.#commit, cut, this.#commitOptions);
    this.#commit = step.state;
    this.commit(window, endFrameOf(step.emissions));
    const update = { ...this.#updateOf(step), emissions: step.emissions };
    if (window.completes === "nothing") return update;
    const flushed = this.flush();
    return { ...update, ...flushed, committed: [...update.committed, ...flushed.committed] };
  }

  /** Commits the words of all frames so far, where no frame is left to encode. */
  flush(): Omit<TrackUpdate, "emissions"> {
    const step = flushCommit(this.#commit, this.#commitOptions);
    this.#commit = step.state;
    return this.#updateOf(step);
  }

  #updateOf(step: Flushed<S>): Omit<TrackUpdate, "emissions"> {
    const { committed, tentative, settledFrame } = step;
    return { committed, tentative, settledSample: settledFrame * this.#strideSamples };
  }
}
