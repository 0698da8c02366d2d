/**
 * The streams of an engine as its scheduler sees them: which windows wait for a device and how
 * urgent they are, and what becomes of those that ran.
 *
 * @module
 */
import { type BatchPolicy, deadlineOf, nextBatch, type PendingWindow } from "./schedule/batcher.ts";
import type { OverloadStep } from "./schedule/overload.ts";
import type { CaptionStream, DueWindow } from "./stream.ts";
import { samplesToMs, samplesToSeconds } from "./units.ts";
import type { EncodedWindow, EncodeJob } from "./window_encoder.ts";

/** A window on its way to a device. */
export interface WaitingWindow extends PendingWindow, DueWindow {
  /** Whose it is. */
  readonly stream: CaptionStream;
  /** What is known of that stream. */
  readonly served: Served;
}

/** What the scheduler knows of a stream. */
interface Served {
  /** Tells streams apart, whatever their names. */
  readonly key: string;
  /** Language of its words. */
  readonly language: string | undefined;
  /** Deadline of its last window. */
  lastDeadlineMs: number;
  /** Times in a row that its window failed alone on a device that works. */
  failureCount: number;
  /** Whether a window of it is on a device; the next one waits for what it says. */
  isRunning: boolean;
}

/** What {@linkcode ServedStreams} is made with. */
export interface ServedStreamsOptions {
  /** Time from a window's last sample to its deadline, which orders windows. */
  readonly deadlineMs: number;
  /** The scheduler's clock, ms. */
  readonly nowMs: () => number;
  /** Samples a second. */
  readonly sampleRateHz: number;
  /** The language that is spoken now. */
  readonly language: () => string | undefined;
}

/**
 * A stream that is fed faster than it is spoken is served at this many times its speed before it
 * counts as waiting: it cannot push the others aside, and one that was held up catches up.
 */
const CATCH_UP_SPEED = 2;

/** The streams that are open. */
export class ServedStreams {
  readonly #options: ServedStreamsOptions;
  readonly #streams = new Map<CaptionStream, Served>();
  readonly #lastServedMs = new Map<string, number>();
  #openedCount = 0;

  /** @param options Deadlines, and what they are told by. */
  constructor(options: ServedStreamsOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get size(): number {
    return this.#streams.size;
  }

  /** Takes one in, in the language that is spoken now. */
  add(stream: CaptionStream): void {
    const key = `${this.#openedCount++}`;
    const language = this.#options.language();
    const start = { lastDeadlineMs: -Infinity, failureCount: 0, isRunning: false };
    this.#streams.set(stream, { key, language, ...start });
  }

  /** Lets one go that is over. */
  remove(stream: CaptionStream): void {
    const served = this.#streams.get(stream);
    if (served !== undefined) this.#lastServedMs.delete(served.key);
    this.#streams.delete(stream);
  }

  /** Tells every stream where the overload policy stands. */
  announce(step: OverloadStep): void {
    for (const stream of this.#streams.keys()) stream.announce(step);
  }

  /** Ends every stream. */
  abort(error?: unknown): void {
    for (const stream of [...this.#streams.keys()]) stream.abort(error);
  }

  /**
   * The next window of every stream that has one due and none on a device.
   *
   * @param overload The step of its policy that is in force, and when it last gave up one.
   */
  waiting({ step, calmMs }: { step: OverloadStep; calmMs: number }): WaitingWindow[] {
    const waiting: WaitingWindow[] = [];
    for (const [stream, served] of [...this.#streams]) {
      if (served.isRunning || !this.#canSpeak(stream, served)) continue;
      try {
        const due = stream.due(step);
        if (due !== undefined) waiting.push(this.#waitingOf(stream, served, { due, calmMs }));
      } catch (error) {
        stream.abort(error); // a broken stream is that stream's end alone
      }
    }
    return waiting;
  }

  /** Whether a stream's language is still spoken; ends the stream if not. */
  #canSpeak(stream: CaptionStream, { language }: Served): boolean {
    const spoken = this.#options.language();
    if (spoken === language) return true;
    stream.abort(
      new TypeError(
        `Cannot go on as the model has changed its language to "${spoken}": open another stream`,
      ),
    );
    return false;
  }

  #waitingOf(
    stream: CaptionStream,
    served: Served,
    { due, calmMs }: { due: DueWindow; calmMs: number },
  ): WaitingWindow {
    const { deadlineMs: budgetMs, sampleRateHz } = this.#options;
    const { window } = due;
    const newAudioMs = samplesToMs(due.newSampleCount, sampleRateHz) / CATCH_UP_SPEED;
    const { lastDeadlineMs } = served;
    const firstDueMs = Math.max(due.dueMs, calmMs);
    const deadlineMs = deadlineOf(firstDueMs, { budgetMs, newAudioMs, lastDeadlineMs });
    return {
      ...due,
      ...{ stream, served, deadlineMs },
      dueMs: deadlineMs - budgetMs,
      streamId: served.key,
      sampleCount: window.endSample - window.startSample,
      isCommitting: window.commitEndFrame > window.commitStartFrame,
    };
  }

  /** Of the windows that wait those that are to run next, the most urgent first; none if none waits. */
  next(waiting: readonly WaitingWindow[], policy: BatchPolicy): readonly WaitingWindow[] {
    return nextBatch(waiting, policy, this.#lastServedMs).batch?.windows ?? [];
  }

  /** Puts windows on a device: their streams have no other until they are back. */
  take(windows: readonly WaitingWindow[]): EncodeJob[] {
    const jobs = windows.map(({ stream, window }) => {
      return { window, samples: stream.read(window), memory: stream.memory };
    });
    for (const { served } of windows) served.isRunning = true;
    return jobs;
  }

  /** Takes windows back, however their run went. */
  release(windows: readonly WaitingWindow[]): void {
    for (const { served } of windows) served.isRunning = false;
  }

  /**
   * Gives a window's stream what was computed.
   *
   * @returns Audio it committed, s; undefined if the stream ended meanwhile.
   */
  accept(
    { stream, window, served, deadlineMs }: WaitingWindow,
    encoded: EncodedWindow,
  ): number | undefined {
    if (!this.#streams.has(stream) || !this.#canSpeak(stream, served)) return undefined;
    const { nowMs, sampleRateHz } = this.#options;
    this.#lastServedMs.set(served.key, nowMs());
    served.lastDeadlineMs = deadlineMs;
    served.failureCount = 0;
    try {
      return samplesToSeconds(stream.accept(window, encoded), sampleRateHz);
    } catch (error) {
      stream.abort(error); // a broken stream is that stream's end alone
      return 0;
    }
  }

  /** Blames a stream whose window failed alone; whether that was once too often, which ends it. */
  blame(
    { stream, served }: WaitingWindow,
    { error, maxFailures }: { error: unknown; maxFailures: number },
  ): boolean {
    if (++served.failureCount < maxFailures) return false;
    stream.abort(error);
    return true;
  }
}
