/**
 * START HERE. The engine is what all speakers share: the model, on one device or
 * several, and the scheduler that runs their windows in batches, the most urgent first.
 *
 * samples → `stream.ts` (one speaker) → `track.ts` (what to encode next) → `scheduler.ts` (whose turn
 * it is, on which device) → `window_encoder.ts` (many speakers, one run) → `track.ts` (what it says) →
 * captions
 *
 * @module
 */
import { BatchLimit } from "./batch_limit.ts";
import { createDecoder } from "./decoding.ts";
import { Device, type ModelLoader } from "./device.ts";
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
import { isInForce, OVERLOAD_POLICY } from "./schedule/overload.ts";
import { requireWindowsWithin } from "./schedule/window_policy.ts";
import { Scheduler } from "./scheduler.ts";
import { ServedStreams } from "./served_streams.ts";
import type { SpeechModel } from "./speech_model.ts";
import { CaptionStream, type StreamOptions } from "./stream.ts";
import { type Spelling, spellingOf, vocabularyOf } from "./model_vocabulary.ts";
import { settleMsFor } from "./word_settling.ts";
import { planWorkers, type WorkerOptions } from "./workers.ts";

export type { ModelLoader } from "./device.ts";
export type { EngineOptions, EngineStats } from "./engine_options.ts";
export type { WorkerOptions } from "./workers.ts";

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
  readonly #streams: ServedStreams;
  readonly #scheduler: Scheduler;
  /** Of no device, as any of them may be lost. */
  #spelling: Spelling;
  #refusedCount = 0;

  /**
   * Starts the scheduler.
   *
   * @param model The model; the engine owns it from here on.
   * @param options Batches, overload and failures. `copies` are more of the same model, each on a
   * device of its own, whose runs go on beside each other's; the engine owns them, too. `load` opens
   * a model anew after its device was lost. A device whose model cannot be had any more leaves the
   * work to the others; only the last one's end is the engine's.
   * @throws {RangeError} If an option is out of range.
   * @throws {TypeError} If the model has no vocabulary.
   */
  constructor(
    model: SpeechModel<"ctc">,
    options: EngineOptions & { copies?: readonly SpeechModel<"ctc">[]; load?: ModelLoader } = {},
  ) {
    const { overload = OVERLOAD_POLICY, nowMs = () => performance.now(), observer } = options;
    const { copies = [], load, deadlineMs = 400, maxFailures = 5 } = options;
    requireEngineOptions(options);
    this.#options = options;
    this.#nowMs = nowMs;
    this.#tell = observer && observerTeller(observer);
    this.#overload = new OverloadWatch(overload, {
      nowMs,
      moved: (event) => {
        this.#tell?.({ kind: "overload", ...event });
        this.#streams.announce(event.to);
      },
    });
    this.#spelling = spellingOf(model);
    const language = () => this.#spelling.targetLang;
    const { sampleRateHz } = model;
    this.#streams = new ServedStreams({ deadlineMs, nowMs, sampleRateHz, language });
    const devices = [model, ...copies].map((each, worker) =>
      new Device(each, {
        ...options,
        load: load && ((signal) => load(signal, worker)),
        language,
      })
    );
    this.#scheduler = new Scheduler({
      ...{ devices, streams: this.#streams, overload: this.#overload },
      ...{ nowMs, tell: this.#tell, maxFailures },
      batches: new BatchLimit(batchPolicyOf(model, devices[0]!.encoder, options)),
    });
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
    await Promise.all(engine.#scheduler.devices.map((device) => device.prepare()));
    stack.move();
    return engine;
  }

  get #first(): Device {
    return this.#scheduler.devices[0]!;
  }

  /** The model, of several copies the first that is left; another one after its device was lost. */
  get model(): SpeechModel<"ctc"> {
    return this.#first.model;
  }

  /**
   * Changes the language of a model with adapters. Every copy follows before its next run, as do
   * those that are opened anew. Streams that are open end with a `TypeError`.
   *
   * @param language As in the name of the file `adapter.<language>.safetensors`.
   * @throws {RangeError} If the checkpoint has no vocabulary of the language; it stays as it was.
   * @throws {CheckpointError} If it has no such adapter; the language stays as it was.
   * @throws {TypeError} If the engine is closed, or is meanwhile.
   */
  async setTargetLang(language: string): Promise<void> {
    this.#requireRunning("change the language");
    const vocabulary = vocabularyOf(await this.model.readLanguage(language));
    this.#requireRunning("change the language");
    this.#spelling = { ...this.#spelling, targetLang: language, vocabulary };
    this.#scheduler.wake(); // open streams hear of it
  }

  #requireRunning(wish: string): void {
    const { state } = this.#scheduler;
    if (state.kind === "failed") throw state.error;
    if (state.kind === "closed") throw new TypeError(`Cannot ${wish} as the engine is closed`);
  }

  /** What the engine has done so far. */
  get stats(): EngineStats {
    const { state: overload, lagMs } = this.#overload;
    return {
      ...this.#scheduler.counts,
      ...{ lagMs, overload, refusedCount: this.#refusedCount },
      streamCount: this.#streams.size,
    };
  }

  /** Why it has given up, if it has: then no stream can be opened any more. */
  get failure(): unknown {
    const { state } = this.#scheduler;
    return state.kind === "failed" ? state.error : undefined;
  }

  /**
   * Opens a speaker's stream.
   *
   * @throws {OverloadError} If the device is behind with the streams there are, or they are too many.
   * @throws {RangeError} If windows do not fit together, or into the engine's `maxWindowMs`, or the decoder's options are out of range.
   * @throws {TypeError} If the engine is closed.
   */
  open(options: StreamOptions = {}): CaptionStream {
    this.#requireRunning("open a stream");
    this.#requireRoom(options);
    const { model, encoder } = this.#first;
    const { geometry, sampleRateHz } = model;
    // Log-mel features are scaled by their spread, which silence would make large.
    const leadMs = "num_mel_bins" in model.waveform ? 0 : LEAD_MS;
    const { decoder = this.#options.decoder } = options;
    const spelling = this.#spelling;
    const settleMs = settleMsFor(options);
    const stream = new CaptionStream({
      geometry,
      vocabulary: spelling.vocabulary,
      decoder: createDecoder(decoder, { spelling, geometry, sampleRateHz, settleMs }),
      memory: encoder.open(),
      overload: this.#overload.policy,
      nowMs: this.#nowMs,
      tell: this.#tell,
      wake: () => this.#scheduler.wake(),
      remove: (stream) => this.#streams.remove(stream),
    }, { maxWindowMs: Math.min(12_000, this.#limitMs), leadMs, ...options, sampleRateHz });
    this.#streams.add(stream);
    return stream;
  }

  /** Longest window. */
  get #limitMs(): number {
    return Math.min(this.#options.maxWindowMs ?? 30_000, this.model.maxInputMs);
  }

  /** Most streams: of those that may be, the part that the devices that are left can serve. */
  get #maxStreams(): number {
    const { maxStreams = Infinity } = this.#options;
    const { workerCount, lostWorkerCount } = this.#scheduler.counts;
    return Math.ceil(maxStreams * workerCount / (workerCount + lostWorkerCount));
  }

  #requireRoom(options: StreamOptions): void {
    const limitMs = this.#limitMs;
    const { maxWindowMs = 0 } = options;
    if (maxWindowMs > limitMs) {
      throw new RangeError(
        `Cannot open a stream as its maxWindowMs must be at most the engine's and the model's, ${limitMs}: ${maxWindowMs}`,
      );
    }
    requireWindowsWithin({ limitMs, because: "the engine and the model allow" }, options);
    const isRefused = isInForce("refuse", this.#overload.state);
    if (!isRefused && this.#streams.size < this.#maxStreams) return;
    this.#refusedCount++;
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

  /** Aborts every stream, ends the model. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scheduler[Symbol.asyncDispose]();
  }
}
