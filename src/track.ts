/**
 * One speaker's path from samples to words, without the device: what to encode
 * next, and what the encoded frames say. The engine drives many, a file is one
 * that is fed at once.
 *
 * @module
 */
import { RingBuffer } from "./audio/ring_buffer.ts";
import { AudioError } from "./errors.ts";
import type { Word } from "./caption/word.ts";
import type { CtcDecoder } from "./ctc/decoder.ts";
import { type Emissions, emissionsFromLogits } from "./ctc/emissions.ts";
import type { FrameGeometry } from "./geometry.ts";
import {
  afterWindow,
  firstNeededSample,
  type Plan,
  planNext,
  STREAM_START,
  type StreamProgress,
  type Window,
} from "./schedule/planner.ts";
import { type OverloadPolicy, type OverloadStep, windowsAt } from "./schedule/overload.ts";
import { type WindowOptions, type WindowPolicy, windowPolicy } from "./schedule/window_policy.ts";
import {
  type CommitOptions,
  type CommitState,
  type Committed,
  commitWindow,
  flushCommit,
  startCommit,
} from "./stitch/commit.ts";
import { cutWindow } from "./stitch/seam.ts";
import type { Vocabulary } from "./stitch/vocabulary.ts";
import { type WordOptions, wordRules } from "./stitch/words.ts";
import { msToSamples } from "./units.ts";

/** Options of a {@linkcode Track}. */
export interface TrackOptions extends WindowOptions, WordOptions {
  /**
   * Audio a track holds beyond its longest window while it waits for the device.
   *
   * @default {30000}
   */
  readonly backlogMs?: number;
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

/** One speaker's buffers and hypotheses. */
export class Track<S = unknown> {
  readonly #policy: WindowPolicy;
  readonly #commitOptions: CommitOptions<S>;
  readonly #ring: RingBuffer;
  #progress: StreamProgress = STREAM_START;
  #commit: CommitState<S>;

  /** @param model What the track decodes for. @param options Lengths of windows, pauses and buffers. */
  constructor(model: TrackModel<S>, options: TrackOptions = {}) {
    const { backlogMs = 30_000, sampleRateHz = 16_000, nBest = 1 } = options;
    if (!(nBest >= 1)) {
      throw new RangeError(`Cannot give readings as nBest must be at least 1: ${nBest}`);
    }
    const { geometry, vocabulary, decoder } = model;
    this.#policy = windowPolicy(geometry, options);
    this.#commitOptions = { decoder, nBest, ...wordRules(vocabulary, geometry, options) };
    this.#ring = new RingBuffer(
      this.#policy.maxWindowSamples + msToSamples(backlogMs, sampleRateHz),
    );
    this.#commit = startCommit(decoder);
  }

  /** How far the track has come. */
  get progress(): StreamProgress {
    return this.#progress;
  }

  /** Samples that can be pushed now without loss. */
  get freeSamples(): number {
    return this.#ring.freeSamples;
  }

  /**
   * Takes samples that follow.
   *
   * @throws {RangeError} If they are more than `freeSamples`; none is taken then.
   * @throws {AudioError} If one is not a finite number; none is taken then.
   * @throws {TypeError} If the track has ended.
   */
  push(samples: Float32Array): void {
    if (this.#progress.isEnded) throw new TypeError("Cannot take samples as the track has ended");
    const bad = samples.findIndex((sample) => !Number.isFinite(sample));
    if (bad >= 0) {
      throw new AudioError(
        `Cannot take samples as each must be a finite number: sample ${
          this.#ring.endSample + bad
        } is ${samples[bad]}`,
      );
    }
    this.#ring.push(samples);
    this.#progress = { ...this.#progress, samplesReceived: this.#ring.endSample };
  }

  /** Asks for everything received so far to be committed. More may follow. */
  finalize(): void {
    this.#progress = { ...this.#progress, finalizeAtSample: this.#progress.samplesReceived };
  }

  /** Says that no more samples follow. */
  end(): void {
    this.#progress = { ...this.#progress, isEnded: true };
  }

  /**
   * What to do next.
   *
   * @param step How far the overload policy has gone; without it, windows are as the options say.
   * @param policy The overload policy.
   */
  plan(step?: OverloadStep, policy?: OverloadPolicy): Plan {
    const windows = step === undefined ? this.#policy : windowsAt(this.#policy, step, policy);
    return planNext(this.#progress, windows);
  }

  /** Hops that a window takes besides its own. */
  hopsSpared({ endFrame }: Window): number {
    const { hopFrames, firstWindowFrames } = this.#policy;
    const { framesSeen } = this.#progress;
    const ownEndFrame = framesSeen === 0 ? firstWindowFrames : framesSeen + hopFrames;
    return Math.max(0, Math.ceil((endFrame - ownEndFrame) / hopFrames));
  }

  /** Whether every frame of the first `sampleCount` samples is committed. */
  hasCommitted(sampleCount: number): boolean {
    return this.#progress.framesCommitted >= this.#policy.geometry.frameCount(sampleCount);
  }

  /** The samples of a window; silence where it reaches beyond the end. Result: [S] */
  read({ startSample, endSample }: Window): Float32Array {
    const heldEnd = Math.min(endSample, this.#ring.endSample);
    const held = this.#ring.read(startSample, heldEnd);
    if (heldEnd === endSample) return held;
    const padded = new Float32Array(endSample - startSample);
    padded.set(held);
    return padded;
  }

  /**
   * Takes in what the model made of a planned window.
   *
   * @param window The window.
   * @param logits Scores of its frames, and of padding after them if there is any. // [T, V]
   * @param vocabularySize V
   */
  accept(window: Window, logits: Float32Array, vocabularySize: number): TrackUpdate {
    const emissions = emissionsFromLogits(logits, {
      startFrame: window.startFrame,
      vocabularySize,
    });
    const cut = cutWindow(this.#progress.framesCommitted, emissions, window);
    const step = commitWindow(this.#commit, cut, this.#commitOptions);
    this.#commit = step.state;
    this.#progress = afterWindow(this.#progress, window);
    this.#ring.forgetBefore(firstNeededSample(this.#progress, this.#policy));
    const update = { ...this.#updateOf(step), emissions: cut.committed };
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

  #updateOf(step: Committed<S>): Omit<TrackUpdate, "emissions"> {
    const { committed, tentative, settledFrame } = step;
    const { strideSamples } = this.#policy.geometry;
    return { committed, tentative, settledSample: settledFrame * strideSamples };
  }
}
