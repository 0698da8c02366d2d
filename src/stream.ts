/**
 * One speaker: samples in, captions out. Made by `CaptionEngine.open`.
 *
 * @module
 */
import {
  advanceEndpoint,
  type EndpointOptions,
  type EndpointPolicy,
  endpointPolicy,
  type EndpointState,
  flushEndpoint,
  startEndpoint,
} from "./caption/endpoint.ts";
import type { CtcDecoder } from "./ctc/decoder.ts";
import { type CaptionEvent, EventQueue } from "./event_queue.ts";
import type { FrameGeometry } from "./geometry.ts";
import type { OverloadStep } from "./schedule/overload.ts";
import type { Window } from "./schedule/planner.ts";
import type { Vocabulary } from "./stitch/vocabulary.ts";
import { Track, type TrackOptions } from "./track.ts";
import type { EncodedWindow, StreamMemory } from "./window_encoder.ts";

/** Options of a {@linkcode CaptionStream}. */
export interface StreamOptions extends TrackOptions, EndpointOptions {
  /** Name of the stream in events, errors and measurements. @default {a random UUID} */
  readonly id?: string;
  /** Ends the stream at once; its reader gets the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What a stream needs of its engine. */
export interface StreamHost {
  /** The model's frame grid. */
  readonly geometry: FrameGeometry;
  /** The model's tokenizer. */
  readonly vocabulary: Vocabulary;
  /** How emissions become tokens. */
  readonly decoder: CtcDecoder<unknown>;
  /** What the encoder remembers of the stream. */
  readonly memory: StreamMemory;
  /** The scheduler's clock, ms. */
  readonly nowMs: () => number;
  /** Tells the scheduler that the stream may have work. */
  readonly wake: () => void;
  /** Tells the engine that the stream is over. */
  readonly remove: (stream: CaptionStream) => void;
}

/** A window that waits for the device. */
export interface DueWindow {
  /** What to encode. */
  readonly window: Window;
  /** When its last sample came, on the scheduler's clock. */
  readonly dueMs: number;
}

/** When samples came. */
interface Arrival {
  readonly endSample: number;
  readonly atMs: number;
}

/**
 * One speaker's stream. Push samples as they come; iterate over it for captions.
 *
 * @example
 * ```ts ignore
 * await using stream = engine.open({ hopMs: 400 });
 * source.pipeTo(stream.writable);
 * for await (const event of stream) if (event.kind === "caption") render(event);
 * ```
 */
export class CaptionStream implements AsyncDisposable, AsyncIterable<CaptionEvent> {
  /** Its name. */
  readonly id: string;
  readonly #host: StreamHost;
  readonly #track: Track;
  readonly #endpointPolicy: EndpointPolicy;
  readonly #events = new EventQueue();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.abort(this.#signal?.reason);
  #endpoint: EndpointState = startEndpoint();
  #arrivals: Arrival[] = [];
  #room: PromiseWithResolvers<void> | undefined;
  #isOver = false;

  /** Makes a stream. @param host The engine's side. @param options Windows, words, utterances. */
  constructor(host: StreamHost, options: StreamOptions = {}) {
    const { id = crypto.randomUUID(), signal } = options;
    this.id = id;
    this.#host = host;
    this.#track = new Track(host, options);
    this.#endpointPolicy = endpointPolicy(host.vocabulary, host.geometry, options);
    this.#signal = signal;
    signal?.throwIfAborted();
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Samples accepted since the stream began. */
  get samplesReceived(): number {
    return this.#track.progress.samplesReceived;
  }

  /** Samples that can be pushed now. */
  get freeSamples(): number {
    return this.#track.freeSamples;
  }

  /** What the encoder remembers of the stream. */
  get memory(): StreamMemory {
    return this.#host.memory;
  }

  /**
   * Takes samples that follow, at the model's rate. // [S]
   *
   * @throws {RangeError} If there is no room for them as the device is behind; `write` waits instead. None is taken then.
   * @throws {AudioError} If one is not a finite number; none is taken then.
   * @throws {TypeError} If the stream has ended.
   */
  push(samples: Float32Array): void {
    this.#requireOpen();
    this.#track.push(samples);
    if (samples.length === 0) return;
    this.#arrivals.push({ endSample: this.samplesReceived, atMs: this.#host.nowMs() });
    this.#host.wake();
  }

  /** Takes samples that follow, as there is room for them: resolves when all are taken. // [S] */
  async write(samples: Float32Array): Promise<void> {
    for (let at = 0; at < samples.length;) {
      this.#requireOpen();
      const end = Math.min(samples.length, at + this.freeSamples);
      if (end === at) {
        this.#room ??= Promise.withResolvers();
        await this.#room.promise;
        continue;
      }
      this.push(samples.subarray(at, end));
      at = end;
    }
  }

  /** A writable end, for `pipeTo`. Closing it ends the stream, aborting it aborts it. */
  get writable(): WritableStream<Float32Array> {
    return new WritableStream({
      write: (samples) => this.write(samples),
      close: () => this.end(),
      abort: (reason) => this.abort(reason),
    });
  }

  /** Asks for all that was pushed to be committed at once; the stream goes on. */
  finalize(): void {
    this.#requireOpen();
    this.#track.finalize();
    this.#settleIfDone();
    this.#host.wake();
  }

  /** Says that no samples follow. What was pushed is still captioned. Idempotent. */
  end(): void {
    if (this.#isOver || this.#track.progress.isEnded) return;
    this.#track.end();
    this.#settleIfDone();
    this.#host.wake();
  }

  /** Ends the stream at once; its reader gets the reason. Idempotent. */
  abort(reason: unknown = new DOMException("The stream was aborted", "AbortError")): void {
    if (this.#isOver) return;
    this.#events.fail(reason);
    this.#close();
  }

  /** @internal The window to encode next, if one is due. */
  due(step: OverloadStep): DueWindow | undefined {
    if (this.#isOver) return undefined;
    const plan = this.#track.plan(step);
    if (plan.kind !== "window") return undefined;
    const { window } = plan;
    const lastSample = Math.min(window.endSample, this.samplesReceived);
    const arrival = this.#arrivals.find(({ endSample }) => endSample >= lastSample);
    return { window, dueMs: arrival?.atMs ?? this.#host.nowMs() };
  }

  /** @internal The samples of a due window. */
  read(window: Window): Float32Array {
    return this.#track.read(window);
  }

  /** @internal Takes in an encoded window. */
  accept(window: Window, { logits, vocabularySize }: EncodedWindow): void {
    if (this.#isOver) return;
    const update = this.#track.accept(window, logits, vocabularySize);
    const { committed, tentative, settledSample } = update;
    this.#arrivals = this.#arrivals.filter(({ endSample }) => endSample > window.endSample);
    this.#events.push({ kind: "caption", committed, tentative, settledSample });
    const step = advanceEndpoint(
      this.#endpoint,
      { emissions: update.emissions, words: committed },
      this.#endpointPolicy,
    );
    this.#endpoint = step.state;
    step.events.forEach((event) => this.#events.push(event));
    if (window.completes !== "nothing") this.#complete(window.completes, window.endSample);
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** @internal Tells the reader of a step of the overload policy. */
  announce(step: OverloadStep): void {
    this.#events.push({ kind: "overload", step });
  }

  /** A finalize or an end with nothing left to encode is complete at once. */
  #settleIfDone(): void {
    const { isEnded, samplesReceived } = this.#track.progress;
    if (this.#track.plan("admit").kind === "window") return;
    this.#flushWords();
    this.#complete(isEnded ? "stream" : "finalize", samplesReceived);
  }

  #flushWords(): void {
    const { committed, settledSample } = this.#track.flush();
    if (committed.length === 0) return;
    this.#events.push({ kind: "caption", committed, tentative: [], settledSample });
  }

  #complete(what: "finalize" | "stream", endSample: number): void {
    const atSample = Math.min(endSample, this.samplesReceived);
    const flushed = flushEndpoint(this.#endpoint, this.#endpointPolicy);
    this.#endpoint = flushed.state;
    flushed.events.forEach((event) => this.#events.push(event));
    this.#events.push({ kind: what === "stream" ? "end" : "finalize", atSample });
    if (what === "stream") {
      this.#events.close();
      this.#close();
    }
  }

  #requireOpen(): void {
    if (this.#isOver || this.#track.progress.isEnded) {
      throw new TypeError(`Cannot use stream ${this.id} as it has ended`);
    }
  }

  #close(): void {
    this.#isOver = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#room?.resolve();
    this.#room = undefined;
    this.#host.remove(this);
  }

  /** Its events; one reader only. */
  [Symbol.asyncIterator](): AsyncIterator<CaptionEvent> {
    return this.#events;
  }

  /** Aborts the stream, unless all of it is captioned. */
  [Symbol.asyncDispose](): Promise<void> {
    this.abort();
    return Promise.resolve();
  }
}
