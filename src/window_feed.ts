/**
 * One speaker's samples on their way to a model: what is held, and which window is to be encoded
 * next. What the frames mean is the affair of whoever asks.
 *
 * @module
 */
import { RingBuffer } from "./audio/ring_buffer.ts";
import { AudioError } from "./errors.ts";
import type { FrameGeometry } from "./geometry.ts";
import { type OverloadPolicy, type OverloadStep, windowsAt } from "./schedule/overload.ts";
import {
  afterWindow,
  dueFrameOf,
  firstNeededSample,
  type Plan,
  planNext,
  STREAM_START,
  type StreamProgress,
  type Window,
} from "./schedule/planner.ts";
import { type WindowOptions, type WindowPolicy, windowPolicy } from "./schedule/window_policy.ts";
import { indexOfNonFinite } from "./tensor.ts";
import { msToSamples } from "./units.ts";

/** Options of a {@linkcode WindowFeed}. */
export interface WindowFeedOptions extends WindowOptions {
  /**
   * Audio that is held beyond the longest window while it waits for the device.
   *
   * @default {30000}
   */
  readonly backlogMs?: number;
}

/** What a window adds to those before it. */
export interface NewAudio {
  /** Samples that none of them held. */
  readonly newSampleCount: number;
  /** Samples from stream start with which a window before it could have run, if one could. */
  readonly dueSample: number | undefined;
  /** Hops it takes besides its own. */
  readonly hopsSpared: number;
}

/** The samples of one stream, in windows. */
export class WindowFeed {
  readonly #policy: WindowPolicy;
  readonly #ring: RingBuffer;
  #progress: StreamProgress = STREAM_START;

  /** @param geometry The model's frame grid. @param options Lengths of windows and buffers. */
  constructor(geometry: FrameGeometry, options: WindowFeedOptions = {}) {
    const { backlogMs = 30_000, sampleRateHz = 16_000 } = options;
    this.#policy = windowPolicy(geometry, options);
    this.#ring = new RingBuffer(
      this.#policy.maxWindowSamples + msToSamples(backlogMs, sampleRateHz),
    );
  }

  /** Most samples held: by so many may the committed frames be behind. */
  get capacitySamples(): number {
    return this.#ring.capacitySamples;
  }

  /** How far the stream has come. */
  get progress(): StreamProgress {
    return this.#progress;
  }

  /** Samples that can be pushed now without loss. */
  get freeSamples(): number {
    return this.#ring.freeSamples;
  }

  /** Where the first frame that is not committed begins. */
  get committedSample(): number {
    return this.#progress.framesCommitted * this.#policy.geometry.strideSamples;
  }

  /**
   * Takes samples that follow.
   *
   * @throws {RangeError} If they are more than `freeSamples`; none is taken then.
   * @throws {AudioError} If one is not a finite number; none is taken then.
   * @throws {TypeError} If the stream has ended.
   */
  push(samples: Float32Array): void {
    if (this.#progress.isEnded) throw new TypeError("Cannot take samples as the track has ended");
    const bad = indexOfNonFinite(samples);
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

  /** Of a planned window: what no other held, and since when it could be had. */
  whatIsNew(window: Window): NewAudio {
    const { geometry, hopFrames } = this.#policy;
    const dueFrame = dueFrameOf(this.#progress, this.#policy, window);
    return {
      newSampleCount: Math.max(0, window.endFrame - this.#progress.framesSeen) *
        geometry.strideSamples,
      dueSample: dueFrame < window.endFrame ? geometry.sampleCount(dueFrame) : undefined,
      hopsSpared: Math.floor((window.endFrame - dueFrame) / hopFrames),
    };
  }

  /** Whether every frame of the first `sampleCount` samples is committed. */
  hasCommitted(sampleCount: number): boolean {
    return this.#progress.framesCommitted >= this.#policy.geometry.frameCount(sampleCount);
  }

  /** The samples of a window; silence where it reaches beyond the stream. Result: [S] */
  read({ startSample, endSample }: Window): Float32Array {
    const heldStart = Math.max(0, startSample);
    const held = this.#ring.read(heldStart, Math.min(endSample, this.#ring.endSample));
    if (held.length === endSample - startSample) return held;
    const padded = new Float32Array(endSample - startSample);
    padded.set(held, heldStart - startSample);
    return padded;
  }

  /** Says that a planned window's frames are committed, `framesCommitted` in all; what no later window needs is forgotten. */
  commit(window: Window, framesCommitted: number = window.commitEndFrame): void {
    this.#progress = afterWindow(this.#progress, window, framesCommitted);
    this.#ring.forgetBefore(firstNeededSample(this.#progress, this.#policy));
  }
}
