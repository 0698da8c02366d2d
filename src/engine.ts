/**
 * START HERE. The engine is what all speakers share: the model, the device, and
 * the scheduler that runs their windows in batches, the most urgent first.
 *
 * samples → `stream.ts` (one speaker) → `track.ts` (what to encode next) →
 * `window_encoder.ts` (many speakers, one run) → `track.ts` (what it says) → captions
 *
 * @module
 */
import { greedyDecoder } from "./ctc/greedy.ts";
import { BackendError, OverloadError } from "./errors.ts";
import { loadModel, type LoadModelOptions } from "./load_model.ts";
import { type BatchPolicy, deadlineOf, nextBatch, type PendingWindow } from "./schedule/batcher.ts";
import {
  isInForce,
  observeLag,
  OVERLOAD_POLICY,
  OVERLOAD_START,
  type OverloadPolicy,
  type OverloadState,
  type OverloadStep,
  requireOverloadPolicy,
} from "./schedule/overload.ts";
import type { Window } from "./schedule/planner.ts";
import type { SpeechModel } from "./speech_model.ts";
import { CaptionStream, type StreamOptions } from "./stream.ts";
import { vocabularyOf } from "./model_vocabulary.ts";
import { samplesToSeconds } from "./units.ts";
import { type EncodedWindow, WindowEncoder, type WindowEncoderOptions } from "./window_encoder.ts";

/** Options of a {@linkcode CaptionEngine}. */
export interface EngineOptions extends WindowEncoderOptions {
  /** Most windows in one run. @default {16} */
  readonly maxBatch?: number;
  /** Most audio in one run, padding included; bounds the device's memory. @default {120} */
  readonly maxBatchSeconds?: number;
  /** Longest window that a stream may ask for. @default {30000} */
  readonly maxWindowMs?: number;
  /** Time from a window's last sample to its deadline, which orders windows. @default {400} */
  readonly deadlineMs?: number;
  /** Most streams at once. @default {Infinity} */
  readonly maxStreams?: number;
  /** What is given up when the device is behind. @default {OVERLOAD_POLICY} */
  readonly overload?: OverloadPolicy;
  /** A run that takes longer is taken for a lost device. @default {60000} */
  readonly runTimeoutMs?: number;
  /** Failures in a row after which the engine gives up. @default {5} */
  readonly maxFailures?: number;
  /** The scheduler's clock, ms. @default {performance.now} */
  readonly nowMs?: () => number;
}

/** What an engine has done so far. */
export interface EngineStats {
  /** Streams that are open. */
  readonly streamCount: number;
  /** Windows encoded. */
  readonly windowCount: number;
  /** Runs they took. */
  readonly runCount: number;
  /** Runs that failed. */
  readonly failureCount: number;
  /** Times the model was opened anew. */
  readonly reloadCount: number;
  /** Audio committed in all streams. */
  readonly committedSeconds: number;
  /** Time the device worked for this engine. */
  readonly runMs: number;
  /** How long the window that waits longest has waited. */
  readonly lagMs: number;
  /** Where the overload policy stands. */
  readonly overload: OverloadState;
  /** Streams turned away. */
  readonly refusedCount: number;
}

/** A window on its way to the device. */
interface Pending extends PendingWindow {
  readonly stream: CaptionStream;
  readonly window: Window;
  readonly dueMs: number;
}

/** Opens the model anew after its device was lost. */
export type ModelLoader = () => Promise<SpeechModel<"ctc">>;

/** Lengths that windows are padded to, so that a device sees few shapes. */
const BUCKET_FRAMES = 25;

/**
 * Captions for many speakers from one model on one device.
 *
 * @example
 * ```ts
 * import { CaptionEngine } from "./engine.ts";
 * import { readSpeech } from "./audio/decode.ts";
 * import { fromFileUrl } from "./std.ts";
 * import { assertEquals } from "../tests/assert.ts";
 *
 * const file = (path: string) => fromFileUrl(new URL(path, import.meta.url));
 * await using engine = await CaptionEngine.load(file("../tests/golden/ctc_adapter"));
 * await using stream = engine.open({ hopMs: 400 });
 * stream.push(await readSpeech(file("../samples/harbour.wav"))); // or bit by bit, as it comes
 * stream.end();
 * const words: string[] = [];
 * for await (const event of stream) {
 *   if (event.kind === "caption") words.push(...event.committed.map(({ text }) => text));
 * }
 * assertEquals(words.length > 0, true);
 * ```
 */
export class CaptionEngine implements AsyncDisposable {
  readonly #load: ModelLoader | undefined;
  readonly #options: EngineOptions;
  readonly #overloadPolicy: OverloadPolicy;
  readonly #nowMs: () => number;
  readonly #batchPolicy: BatchPolicy;
  readonly #streams = new Set<CaptionStream>();
  readonly #lastServedMs = new Map<string, number>();
  readonly #lastDeadlineMs = new Map<string, number>();
  #model: SpeechModel<"ctc">;
  #encoder: WindowEncoder;
  #overload: OverloadState = OVERLOAD_START;
  #wake = Promise.withResolvers<void>();
  #state: { kind: "running" } | { kind: "closed" } | { kind: "failed"; error: unknown } = {
    kind: "running",
  };
  #failuresInARow = 0;
  #counts = {
    windowCount: 0,
    runCount: 0,
    failureCount: 0,
    reloadCount: 0,
    committedSeconds: 0,
    runMs: 0,
    lagMs: 0,
    refusedCount: 0,
  };
  readonly #loop: Promise<void>;

  /**
   * Starts an engine.
   *
   * @param model The model; the engine owns it from here on.
   * @param options Batches, overload and failures; `load` opens the model anew after its device was lost.
   * @throws {RangeError} If an option is out of range.
   */
  constructor(model: SpeechModel<"ctc">, options: EngineOptions & { load?: ModelLoader } = {}) {
    const { load, overload = OVERLOAD_POLICY, nowMs = () => performance.now() } = options;
    requireOverloadPolicy(overload);
    this.#model = model;
    this.#load = load;
    this.#options = options;
    this.#overloadPolicy = overload;
    this.#nowMs = nowMs;
    this.#encoder = new WindowEncoder(model, options);
    this.#batchPolicy = batchPolicyOf(model, this.#encoder, options);
    this.#loop = this.#run();
  }

  /**
   * Loads a model and starts an engine on it.
   *
   * @param source A folder, or `owner/name[@revision]` on the hub.
   * @param options What `loadModel` takes, and the engine's own.
   */
  static async load(
    source: string,
    options: EngineOptions & Omit<LoadModelOptions, "task" | "parts"> = {},
  ): Promise<CaptionEngine> {
    const load = () => loadModel(source, { ...options, task: "ctc" as const, parts: [] });
    const model = await load();
    try {
      const engine = new CaptionEngine(model, { ...options, load });
      await engine.#encoder.prepare();
      return engine;
    } catch (error) {
      await model[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The model. */
  get model(): SpeechModel<"ctc"> {
    return this.#model;
  }

  /** What the engine has done so far. */
  get stats(): EngineStats {
    return { ...this.#counts, streamCount: this.#streams.size, overload: this.#overload };
  }

  /**
   * Opens a speaker's stream.
   *
   * @throws {OverloadError} If the device is behind with the streams there are, or they are too many.
   * @throws {RangeError} If windows do not fit together, or into the engine's `maxWindowMs`.
   * @throws {TypeError} If the engine is closed.
   */
  open(options: StreamOptions = {}): CaptionStream {
    if (this.#state.kind === "failed") throw this.#state.error;
    if (this.#state.kind === "closed") {
      throw new TypeError("Cannot open a stream as the engine is closed");
    }
    this.#requireRoom(options);
    const { geometry, sampleRateHz } = this.#model;
    const vocabulary = vocabularyOf(this.#model);
    const stream = new CaptionStream({
      geometry,
      vocabulary,
      decoder: greedyDecoder(vocabulary),
      memory: this.#encoder.open(),
      nowMs: this.#nowMs,
      wake: () => this.#wake.resolve(),
      remove: (stream) => this.#remove(stream),
    }, { ...options, sampleRateHz });
    this.#streams.add(stream);
    return stream;
  }

  #requireRoom({ maxWindowMs = 12_000 }: StreamOptions): void {
    const { maxStreams = Infinity, maxWindowMs: limitMs = 30_000 } = this.#options;
    if (maxWindowMs > limitMs) {
      throw new RangeError(
        `Cannot open a stream as its maxWindowMs must be at most the engine's, ${limitMs}: ${maxWindowMs}`,
      );
    }
    const isRefused = isInForce("refuse", this.#overload);
    if (!isRefused && this.#streams.size < maxStreams) return;
    this.#counts.refusedCount++;
    const { retryAfterMs } = this.#overloadPolicy;
    throw new OverloadError(
      isRefused
        ? `Cannot open a stream as the device is ${
          Math.round(this.#counts.lagMs)
        } ms behind with ${this.#streams.size} streams: try again in ${retryAfterMs} ms`
        : `Cannot open a stream as there are ${this.#streams.size}, the most allowed: try again in ${retryAfterMs} ms`,
      retryAfterMs,
    );
  }

  #remove(stream: CaptionStream): void {
    this.#streams.delete(stream);
    this.#lastServedMs.delete(stream.id);
    this.#lastDeadlineMs.delete(stream.id);
  }

  /** The scheduler: one run at a time, until the engine is closed or gives up. */
  async #run(): Promise<void> {
    while (this.#state.kind === "running") {
      this.#wake = Promise.withResolvers();
      const pending = this.#pending();
      this.#observe(pending);
      const { batch } = nextBatch(pending, this.#isolated(), this.#lastServedMs);
      if (batch === undefined) await this.#wake.promise;
      else await this.#encode(batch.windows);
    }
  }

  /** The next window of every stream that has one due. */
  #pending(): Pending[] {
    const { deadlineMs: budgetMs = 400 } = this.#options;
    const { sampleRateHz } = this.#model;
    const pending: Pending[] = [];
    for (const stream of this.#streams) {
      const due = stream.due(this.#overload.step);
      if (due === undefined) continue;
      const { window, dueMs } = due;
      const lastDeadlineMs = this.#lastDeadlineMs.get(stream.id);
      const newFrames = window.commitEndFrame - window.commitStartFrame;
      const newSamples = newFrames * this.#model.geometry.strideSamples;
      pending.push({
        ...{ stream, window, dueMs },
        streamId: stream.id,
        deadlineMs: deadlineOf(dueMs, {
          budgetMs,
          newAudioMs: 1000 * samplesToSeconds(newSamples, sampleRateHz),
          ...(lastDeadlineMs === undefined ? {} : { lastDeadlineMs }),
        }),
        sampleCount: window.endSample - window.startSample,
        isCommitting: window.commitEndFrame > window.commitStartFrame,
      });
    }
    return pending;
  }

  /** Moves the overload policy, and tells every stream when it moved. */
  #observe(pending: readonly Pending[]): void {
    const atMs = this.#nowMs();
    const lagMs = pending.reduce((lag, { dueMs }) => Math.max(lag, atMs - dueMs), 0);
    this.#counts.lagMs = lagMs;
    const { state, event } = observeLag(this.#overload, { lagMs, atMs }, this.#overloadPolicy);
    this.#overload = state;
    if (event === undefined) return;
    for (const stream of this.#streams) stream.announce(event.to satisfies OverloadStep);
  }

  /** After a failure windows run one by one, so that one stream's cannot fail the others'. */
  #isolated(): BatchPolicy {
    return this.#failuresInARow === 0 ? this.#batchPolicy : { ...this.#batchPolicy, maxBatch: 1 };
  }

  async #encode(windows: readonly Pending[]): Promise<void> {
    const startMs = this.#nowMs();
    try {
      const jobs = windows.map(({ stream, window }) => ({
        window,
        samples: stream.read(window),
        memory: stream.memory,
      }));
      const encoded = await this.#withTimeout(this.#encoder.encode(jobs));
      this.#counts.runMs += this.#nowMs() - startMs;
      this.#counts.runCount++;
      this.#failuresInARow = 0;
      windows.forEach((pending, index) => this.#accept(pending, encoded[index]!));
    } catch (error) {
      await this.#recover(error);
    }
  }

  #accept({ stream, window, deadlineMs }: Pending, encoded: EncodedWindow): void {
    const { sampleRateHz, geometry } = this.#model;
    this.#counts.windowCount++;
    this.#counts.committedSeconds += samplesToSeconds(
      (window.commitEndFrame - window.commitStartFrame) * geometry.strideSamples,
      sampleRateHz,
    );
    this.#lastServedMs.set(stream.id, this.#nowMs());
    this.#lastDeadlineMs.set(stream.id, deadlineMs);
    try {
      stream.accept(window, encoded);
    } catch (error) {
      stream.abort(error); // a broken stream is that stream's end alone
    }
  }

  async #withTimeout<T>(run: Promise<T>): Promise<T> {
    const { runTimeoutMs = 60_000 } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const backend = this.#model.selection.chosen;
      late.reject(
        new BackendError(`Cannot wait for a run of more than ${runTimeoutMs} ms`, { backend }),
      );
    }, runTimeoutMs);
    run.catch(() => {}); // one that fails after it was given up
    try {
      return await Promise.race([run, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Nothing was committed by a run that failed: its windows are due again, on a new device if there can be one. */
  async #recover(error: unknown): Promise<void> {
    const { maxFailures = 5 } = this.#options;
    this.#counts.failureCount++;
    this.#failuresInARow++;
    if (this.#failuresInARow >= maxFailures) return this.#fail(error);
    if (this.#failuresInARow === 1 || this.#load === undefined) return;
    try {
      const model = await this.#load();
      const encoder = new WindowEncoder(model, this.#options);
      await encoder.prepare();
      const lost = this.#model;
      this.#model = model;
      this.#encoder = encoder;
      this.#counts.reloadCount++;
      await lost[Symbol.asyncDispose]().catch(() => {});
    } catch (reloadError) {
      return this.#fail(reloadError);
    }
  }

  /** Gives up: every reader gets the error. */
  #fail(error: unknown): void {
    if (this.#state.kind !== "running") return;
    this.#state = { kind: "failed", error };
    for (const stream of [...this.#streams]) stream.abort(error);
  }

  /** Aborts every stream, ends the model. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.kind !== "closed") {
      this.#state = { kind: "closed" };
      for (const stream of [...this.#streams]) stream.abort();
      this.#wake.resolve();
    }
    await this.#loop;
    await this.#model[Symbol.asyncDispose]();
  }
}

function batchPolicyOf(
  model: SpeechModel<"ctc">,
  encoder: WindowEncoder,
  options: EngineOptions,
): BatchPolicy {
  const { maxBatch = 16, maxBatchSeconds = 120, maxWindowMs = 30_000 } = options;
  const { geometry, sampleRateHz } = model;
  const maxSamples = Math.round(maxWindowMs * sampleRateHz / 1000);
  const step = encoder.canPad ? BUCKET_FRAMES : 1;
  const bucketSamples: number[] = [];
  for (let frames = step; geometry.sampleCount(frames) < maxSamples; frames += step) {
    bucketSamples.push(geometry.sampleCount(frames));
  }
  return {
    bucketSamples: [...bucketSamples, maxSamples],
    maxBatch,
    maxBatchSamples: maxBatchSeconds * sampleRateHz,
  };
}
