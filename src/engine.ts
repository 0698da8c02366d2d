/**
 * START HERE. The engine is what all speakers share: the model, on one device or
 * several, and the scheduler that runs their windows in batches, the most urgent first.
 *
 * samples → `stream.ts` (one speaker) → `track.ts` (what to encode next) →
 * `window_encoder.ts` (many speakers, one run) → `track.ts` (what it says) → captions
 *
 * @module
 */
import { BatchLimit } from "./batch_limit.ts";
import { createDecoder } from "./decoding.ts";
import { Device, type ModelLoader, type Recovery } from "./device.ts";
import { type EngineRecord, observerTeller } from "./engine_observer.ts";
import {
  batchPolicyOf,
  type EngineOptions,
  type EngineStats,
  requireEngineOptions,
} from "./engine_options.ts";
import { OverloadError } from "./errors.ts";
import type { LoadModelOptions } from "./load_model.ts";
import { OverloadWatch } from "./overload_watch.ts";
import { deadlineOf, nextBatch, type PendingWindow } from "./schedule/batcher.ts";
import { isInForce, OVERLOAD_POLICY, type OverloadEvent } from "./schedule/overload.ts";
import { requireWindowsWithin } from "./schedule/window_policy.ts";
import type { SpeechModel } from "./speech_model.ts";
import { CaptionStream, type DueWindow, type StreamOptions } from "./stream.ts";
import { vocabularyOf } from "./model_vocabulary.ts";
import { samplesToMs, samplesToSeconds } from "./units.ts";
import type { EncodedWindow } from "./window_encoder.ts";
import { settleMsFor } from "./word_settling.ts";
import { planWorkers, type WorkerOptions } from "./workers.ts";

export type { ModelLoader } from "./device.ts";
export type { EngineOptions, EngineStats } from "./engine_options.ts";
export type { WorkerOptions } from "./workers.ts";

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

/** A window on its way to a device. */
interface Pending extends PendingWindow, DueWindow {
  readonly stream: CaptionStream;
  readonly served: Served;
}

/**
 * A stream that is fed faster than it is spoken is served at this many times its speed before it
 * counts as waiting: it cannot push the others aside, and one that was held up catches up.
 */
const CATCH_UP_SPEED = 2;

/** The first windows of streams are no shorter. */
const LEAD_MS = 3000;

/**
 * Captions for many speakers from one model, on one device or several of a kind.
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
  readonly #options: EngineOptions;
  readonly #overload: OverloadWatch;
  readonly #nowMs: () => number;
  readonly #tell: ((record: EngineRecord) => void) | undefined;
  readonly #batches: BatchLimit;
  readonly #streams = new Map<CaptionStream, Served>();
  readonly #lastServedMs = new Map<string, number>();
  readonly #devices: readonly Device[];
  #openedCount = 0;
  #wake = Promise.withResolvers<void>();
  #state: { kind: "running" } | { kind: "closed" } | { kind: "failed"; error: unknown } = {
    kind: "running",
  };
  #counts = {
    windowCount: 0,
    runCount: 0,
    failureCount: 0,
    reloadCount: 0,
    committedSeconds: 0,
    runMs: 0,
    refusedCount: 0,
  };
  readonly #loops: Promise<unknown>;

  /**
   * Starts the scheduler.
   *
   * @param model The model; the engine owns it from here on.
   * @param options Batches, overload and failures. `copies` are more of the same model, each on a
   * device of its own, whose runs go on beside each other's; the engine owns them, too. `load` opens
   * a model anew after its device was lost.
   * @throws {RangeError} If an option is out of range.
   */
  constructor(
    model: SpeechModel<"ctc">,
    options: EngineOptions & { copies?: readonly SpeechModel<"ctc">[]; load?: ModelLoader } = {},
  ) {
    const { overload = OVERLOAD_POLICY, nowMs = () => performance.now(), observer } = options;
    const { copies = [], load } = options;
    requireEngineOptions(options);
    this.#options = options;
    this.#overload = new OverloadWatch(overload, {
      nowMs,
      moved: (event) => this.#announce(event),
    });
    this.#nowMs = nowMs;
    this.#tell = observer && observerTeller(observer);
    this.#devices = [model, ...copies].map((each, worker) =>
      new Device(each, {
        ...options,
        load: load && ((signal) => load(signal, worker)),
        language: () => this.model.targetLang,
      })
    );
    this.#batches = new BatchLimit(batchPolicyOf(model, this.#first.encoder, options));
    this.#loops = Promise.all(this.#devices.map((device) => this.#run(device)));
  }

  /**
   * Loads a model, as many times as there are to be workers, and starts an engine on it.
   *
   * @param source A folder, or `owner/name[@revision]` on the hub.
   * @param options What `loadModel` takes, `workerCount`, and the engine's own. `signal` ends the loading alone.
   * @throws {RangeError} If an option is out of range.
   */
  static async load(
    source: string,
    options: EngineOptions & WorkerOptions & Omit<LoadModelOptions, "task" | "parts"> = {},
  ): Promise<CaptionEngine> {
    const { load, countWith } = await planWorkers(source, options);
    await using stack = new AsyncDisposableStack();
    const model = stack.use(await load(options.signal, 0));
    const copies: SpeechModel<"ctc">[] = [];
    while (copies.length + 1 < countWith(model)) {
      copies.push(stack.use(await load(options.signal, copies.length + 1)));
    }
    const engine = stack.use(new CaptionEngine(model, { ...options, copies, load }));
    await Promise.all(engine.#devices.map((device) => device.prepare()));
    stack.move();
    return engine;
  }

  get #first(): Device {
    return this.#devices[0]!;
  }

  /**
   * The model; another one after its device was lost. Of several devices the first one's, whose
   * language the others follow.
   */
  get model(): SpeechModel<"ctc"> {
    return this.#first.model;
  }

  /** What the engine has done so far. */
  get stats(): EngineStats {
    const { state: overload, lagMs } = this.#overload;
    const { size: streamCount } = this.#streams;
    return { ...this.#counts, workerCount: this.#devices.length, streamCount, lagMs, overload };
  }

  /** Why it has given up, if it has: then no stream can be opened any more. */
  get failure(): unknown {
    return this.#state.kind === "failed" ? this.#state.error : undefined;
  }

  /**
   * Opens a speaker's stream.
   *
   * @throws {OverloadError} If the device is behind with the streams there are, or they are too many.
   * @throws {RangeError} If windows do not fit together, or into the engine's `maxWindowMs`, or the decoder's options are out of range.
   * @throws {TypeError} If the engine is closed.
   */
  open(options: StreamOptions = {}): CaptionStream {
    if (this.#state.kind === "failed") throw this.#state.error;
    if (this.#state.kind === "closed") {
      throw new TypeError("Cannot open a stream as the engine is closed");
    }
    this.#requireRoom(options);
    const { model, encoder } = this.#first;
    const { geometry, sampleRateHz } = model;
    // Log-mel features are scaled by their spread, which silence would make large.
    const leadMs = "num_mel_bins" in model.waveform ? 0 : LEAD_MS;
    const { decoder = this.#options.decoder } = options;
    const stream = new CaptionStream({
      geometry,
      vocabulary: vocabularyOf(model),
      decoder: createDecoder(decoder, { model, settleMs: settleMsFor(options) }),
      memory: encoder.open(),
      overload: this.#overload.policy,
      nowMs: this.#nowMs,
      tell: this.#tell,
      wake: () => this.#wakeAll(),
      remove: (stream) => this.#remove(stream),
    }, { maxWindowMs: Math.min(12_000, this.#limitMs), leadMs, ...options, sampleRateHz });
    const key = `${this.#openedCount++}`;
    const served = {
      ...{ key, language: model.targetLang },
      ...{ lastDeadlineMs: -Infinity, failureCount: 0, isRunning: false },
    };
    this.#streams.set(stream, served);
    return stream;
  }

  /** Longest window. */
  get #limitMs(): number {
    return Math.min(this.#options.maxWindowMs ?? 30_000, this.model.maxInputMs);
  }

  #requireRoom(options: StreamOptions): void {
    const { maxStreams = Infinity } = this.#options;
    const limitMs = this.#limitMs;
    const { maxWindowMs = 0 } = options;
    if (maxWindowMs > limitMs) {
      throw new RangeError(
        `Cannot open a stream as its maxWindowMs must be at most the engine's and the model's, ${limitMs}: ${maxWindowMs}`,
      );
    }
    requireWindowsWithin({ limitMs, because: "the engine and the model allow" }, options);
    const isRefused = isInForce("refuse", this.#overload.state);
    if (!isRefused && this.#streams.size < maxStreams) return;
    this.#counts.refusedCount++;
    this.#overload.count({ streams: 1 });
    this.#tell?.({ kind: "refusal", atMs: this.#nowMs(), reason: isRefused ? "behind" : "full" });
    const { retryAfterMs } = this.#overload.policy;
    throw new OverloadError(
      isRefused
        ? `Cannot open a stream as the device is ${
          Math.round(this.#overload.lagMs)
        } ms behind with ${this.#streams.size} streams: try again in ${retryAfterMs} ms`
        : `Cannot open a stream as there are ${this.#streams.size}, the most allowed: try again in ${retryAfterMs} ms`,
      retryAfterMs,
    );
  }

  #remove(stream: CaptionStream): void {
    const served = this.#streams.get(stream);
    if (served !== undefined) this.#lastServedMs.delete(served.key);
    this.#streams.delete(stream);
  }

  /** The scheduler of a device: one run at a time, until the engine is closed or gives up. */
  async #run(device: Device): Promise<void> {
    try {
      while (this.#state.kind === "running") {
        const pending = this.#pending();
        this.#overload.observe(pending);
        const { batch } = nextBatch(pending, this.#batches.policy, this.#lastServedMs);
        if (batch === undefined) await this.#wake.promise;
        else await this.#encode(device, batch.windows);
      }
    } catch (error) {
      this.#fail(error); // a bug; nobody may wait for ever because of it
    }
  }

  /** Has every device that waits look again. */
  #wakeAll(): void {
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers();
    resolve();
  }

  /** The next window of every stream that has one due and none on a device. */
  #pending(): Pending[] {
    const pending: Pending[] = [];
    const { step } = this.#overload.state;
    for (const [stream, served] of [...this.#streams]) {
      if (served.isRunning || !this.#canSpeak(stream, served)) continue;
      try {
        const due = stream.due(step);
        if (due !== undefined) pending.push(this.#pendingOf(stream, served, due));
      } catch (error) {
        stream.abort(error); // a broken stream is that stream's end alone
      }
    }
    return pending;
  }

  /** Whether the model still has a stream's language; ends the stream if not. */
  #canSpeak(stream: CaptionStream, { language }: Served): boolean {
    const { targetLang } = this.model;
    if (targetLang === language) return true;
    stream.abort(
      new TypeError(
        `Cannot go on as the model has changed its language to "${targetLang}": open another stream`,
      ),
    );
    return false;
  }

  #pendingOf(stream: CaptionStream, served: Served, due: DueWindow): Pending {
    const { deadlineMs: budgetMs = 400 } = this.#options;
    const { window } = due;
    const { sampleRateHz } = this.model;
    const newAudioMs = samplesToMs(due.newSampleCount, sampleRateHz) / CATCH_UP_SPEED;
    const { lastDeadlineMs } = served;
    const firstDueMs = Math.max(due.dueMs, this.#overload.calmMs);
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

  /** Tells everybody that the overload policy moved. */
  #announce(event: OverloadEvent): void {
    this.#tell?.({ kind: "overload", ...event });
    for (const stream of this.#streams.keys()) stream.announce(event.to);
  }

  async #encode(device: Device, windows: readonly Pending[]): Promise<void> {
    const startMs = this.#nowMs();
    const jobs = windows.map(({ stream, window }) => {
      return { window, samples: stream.read(window), memory: stream.memory };
    });
    for (const { served } of windows) served.isRunning = true;
    let encoded: EncodedWindow[];
    try {
      encoded = await device.encode(jobs);
    } catch (error) {
      this.#release(windows);
      return await this.#recover(device, windows, { error, startMs });
    }
    this.#release(windows);
    const endMs = this.#nowMs();
    this.#counts.runMs += endMs - startMs;
    this.#counts.runCount++;
    this.#tellRun(windows, { startMs, endMs });
    this.#batches.succeeded();
    windows.forEach((pending, index) => this.#accept(pending, encoded[index]!));
  }

  /** A run is over: its streams may have more for any device. */
  #release(windows: readonly Pending[]): void {
    for (const { served } of windows) served.isRunning = false;
    this.#wakeAll();
  }

  #tellRun(
    windows: readonly Pending[],
    { startMs, endMs }: { startMs: number; endMs: number },
  ): void {
    const records = windows.map((pending) => {
      const { stream, sampleCount, newSampleCount, hopsSpared, readyMs, deadlineMs } = pending;
      return {
        ...{ streamId: stream.id, sampleCount, newSampleCount, hopsSpared },
        queueMs: startMs - readyMs,
        latenessMs: endMs - deadlineMs,
      };
    });
    this.#tell?.({ kind: "run", atMs: startMs, runMs: endMs - startMs, windows: records });
  }

  #accept(pending: Pending, encoded: EncodedWindow): void {
    const { stream, window, served, deadlineMs, hopsSpared } = pending;
    if (!this.#streams.has(stream)) return; // it ended meanwhile
    if (!this.#canSpeak(stream, served)) return;
    this.#counts.windowCount++;
    this.#overload.count({ hops: hopsSpared });
    this.#lastServedMs.set(served.key, this.#nowMs());
    served.lastDeadlineMs = deadlineMs;
    served.failureCount = 0;
    try {
      const { sampleRateHz } = this.model;
      const committedSampleCount = stream.accept(window, encoded);
      this.#counts.committedSeconds += samplesToSeconds(committedSampleCount, sampleRateHz);
    } catch (error) {
      stream.abort(error); // a broken stream is that stream's end alone
    }
  }

  /**
   * Nothing was committed by a run that failed: its windows are due again. On a device that works
   * they run in smaller batches, until it is the window of one stream that fails.
   */
  async #recover(
    device: Device,
    windows: readonly Pending[],
    { error, startMs }: { error: unknown; startMs: number },
  ): Promise<void> {
    if (this.#state.kind !== "running") return;
    this.#counts.failureCount++;
    const failedMs = this.#nowMs();
    const tell = (recovery: Recovery | "hopeless", endedStreamId?: string) => {
      this.#tell?.({
        ...{ kind: "failure", atMs: startMs, runMs: failedMs - startMs, error, recovery },
        windowCount: windows.length,
        recoveryMs: this.#nowMs() - failedMs,
        endedStreamId,
      });
    };
    let recovery: Recovery;
    try {
      recovery = await device.recover(error);
    } catch (hopeless) {
      if (this.#state.kind === "running") tell("hopeless");
      return this.#fail(hopeless);
    }
    if (recovery === "renewed") this.#counts.reloadCount++;
    tell(recovery, recovery === "well" ? this.#blame(windows, error) : undefined);
  }

  /** Makes batches smaller, or blames the stream whose window failed alone; gives its id if that ends it. */
  #blame(windows: readonly Pending[], error: unknown): string | undefined {
    const { maxFailures = 5 } = this.#options;
    const [{ stream, served }] = windows as [Pending];
    this.#batches.failed(windows.length);
    if (windows.length > 1 || ++served.failureCount < maxFailures) return undefined;
    stream.abort(error);
    return stream.id;
  }

  /** Gives up: every reader gets the error. */
  #fail(error: unknown): void {
    if (this.#state.kind !== "running") return;
    this.#state = { kind: "failed", error };
    for (const stream of [...this.#streams.keys()]) stream.abort(error);
    this.#wakeAll();
  }

  /** Aborts every stream, ends the model. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.kind !== "closed") {
      this.#state = { kind: "closed" };
      for (const stream of [...this.#streams.keys()]) stream.abort();
      this.#wakeAll();
    }
    await Promise.all(this.#devices.map((device) => device[Symbol.asyncDispose]()));
    await this.#loops;
  }
}
