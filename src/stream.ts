/**
 * One speaker: samples in, captions out. Made by `CaptionEngine.open`.
 *
 * @module
 */
import type { Annotator } from "./annotator.ts";
import { Arrivals } from "./arrivals.ts";
import { type EndpointEvent, type EndpointOptions, endpointPolicy } from "./caption/endpoint.ts";
import type { Word } from "./caption/word.ts";
import type { CtcDecoder } from "./ctc/decoder.ts";
import type { DecoderChoice } from "./decoding.ts";
import type { EngineRecord } from "./engine_observer.ts";
import { type CaptionEvent, EventQueue } from "./event_queue.ts";
import type { FrameGeometry } from "./geometry.ts";
import type { OverloadPolicy, OverloadStep } from "./schedule/overload.ts";
import type { Window } from "./schedule/planner.ts";
import type { Vocabulary } from "./stitch/vocabulary.ts";
import { StreamAnnotations } from "./stream_annotations.ts";
import { StreamCaptions } from "./stream_captions.ts";
import { Track, type TrackOptions } from "./track.ts";
import type { EncodedWindow, StreamMemory } from "./window_encoder.ts";
import type { NewAudio } from "./window_feed.ts";
import { wordPauseMsFor } from "./word_settling.ts";

/** Options of a {@linkcode CaptionStream}. */
export interface StreamOptions extends TrackOptions, EndpointOptions {
  /** Name of the stream in events, errors and measurements. @default {a random UUID} */
  readonly id?: string;
  /** How emissions become text. @default {the engine's} */
  readonly decoder?: DecoderChoice | undefined;
  /** What else is to be said of the audio; each stays the caller's, and serves other streams too. @default {[]} */
  readonly annotators?: readonly Annotator[];
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
  /** What is given up when the device is behind. */
  readonly overload: OverloadPolicy;
  /** The scheduler's clock, ms. */
  readonly nowMs: () => number;
  /** Tells the engine's observer, if there is one. */
  readonly tell?: ((record: EngineRecord) => void) | undefined;
  /** Tells the scheduler that the stream may have work. */
  readonly wake: () => void;
  /** Tells the engine that the stream is over. */
  readonly remove: (stream: CaptionStream) => void;
}

/** A window that waits for the device. */
export interface DueWindow extends NewAudio {
  /** What to encode. */
  readonly window: Window;
  /** Since when a window could run, on the scheduler's clock: the first, if it takes several hops. */
  readonly dueMs: number;
  /** Since when this one could. */
  readonly readyMs: number;
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
  readonly #captions: StreamCaptions;
  readonly #annotations: StreamAnnotations;
  readonly #events = new EventQueue();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.abort(this.#signal?.reason);
  readonly #arrivals = new Arrivals();
  readonly #writables = new Set<WritableStreamDefaultController>();
  #memory: StreamMemory;
  #room: PromiseWithResolvers<void> | undefined;
  /** What was asked to be finalized and is not yet. */
  #finalizeAtSample: number | undefined;
  /** When a finalize or the end was asked for last. */
  #askedMs = -Infinity;
  /** With fewer samples no window is due. */
  #quietUntilSample = 0;
  /** Whether every word is told; annotators may have more to say. */
  #isCaptioned = false;
  #isOver = false;

  /** Makes a stream. @param host The engine's side. @param options Windows, words, utterances. */
  constructor(host: StreamHost, options: StreamOptions = {}) {
    const { id = crypto.randomUUID(), signal, nBest = 1 } = options;
    this.id = id;
    this.#host = host;
    this.#memory = host.memory;
    this.#track = new Track(host, { wordPauseMs: wordPauseMsFor(host, options), ...options });
    const listener = {
      tell: (event: CaptionEvent) => this.#events.push(event),
      committed: (words: readonly Word[]) => this.#tellObserver(words),
      heard: (event: EndpointEvent) => this.#annotations.hear(event),
    };
    const policy = endpointPolicy(host.vocabulary, host.geometry, options);
    this.#captions = new StreamCaptions(policy, { nBest, listener });
    this.#signal = signal;
    signal?.throwIfAborted();
    this.#annotations = new StreamAnnotations(options.annotators ?? [], {
      sampleRateHz: options.sampleRateHz ?? 16_000,
      lagSamples: this.#track.capacitySamples,
      tell: (event) => this.#events.push(event),
      moved: () => this.#annotationsMoved(),
    });
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Samples accepted since the stream began. */
  get samplesReceived(): number {
    return this.#track.progress.samplesReceived;
  }

  /** Samples that can be pushed now. */
  get freeSamples(): number {
    return Math.min(this.#track.freeSamples, this.#annotations.freeSamples);
  }

  /** What the encoder remembers of the stream. */
  get memory(): StreamMemory {
    return this.#memory;
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
    const room = this.#annotations.freeSamples;
    if (samples.length > room) {
      throw new RangeError(
        `Cannot push ${samples.length} samples as annotators are behind and have room for ${room}: write() waits`,
      );
    }
    this.#track.push(samples);
    this.#annotations.push(samples);
    if (samples.length === 0) return;
    this.#arrivals.note(this.samplesReceived, this.#host.nowMs());
    if (this.samplesReceived >= this.#quietUntilSample) this.#host.wake();
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

  /** A writable end, for `pipeTo`. Closing it ends the stream, aborting it aborts it, and the other way round. */
  get writable(): WritableStream<Float32Array> {
    let end: WritableStreamDefaultController | undefined;
    const leave = () => end && this.#writables.delete(end);
    return new WritableStream({
      start: (controller) => {
        this.#requireOpen();
        end = controller;
        this.#writables.add(controller);
      },
      write: (samples) => this.write(samples),
      close: () => (leave(), this.end()),
      abort: (reason) => (leave(), this.abort(reason)),
    });
  }

  /**
   * Asks for all that was pushed to be committed at once; the stream goes on. One `finalize` event
   * answers all that were asked for and not answered before.
   */
  finalize(): void {
    this.#requireOpen();
    this.#track.finalize();
    this.#finalizeAtSample = this.samplesReceived;
    this.#askedMs = this.#host.nowMs();
    this.#answer();
    this.#host.wake();
  }

  /** Says that no samples follow. What was pushed is still captioned. Idempotent. */
  end(): void {
    if (this.#isOver || this.#track.progress.isEnded) return;
    this.#track.end();
    this.#askedMs = this.#host.nowMs();
    this.#answer();
    this.#host.wake();
  }

  /** Ends the stream at once; its reader gets the reason. Idempotent. */
  abort(reason: unknown = new DOMException("The stream was aborted", "AbortError")): void {
    if (this.#isOver) return;
    this.#events.fail(reason);
    for (const writable of this.#writables) writable.error(reason);
    this.#close();
  }

  /** @internal The window to encode next, if one is due. */
  due(step: OverloadStep): DueWindow | undefined {
    if (this.#isOver) return undefined;
    const plan = this.#track.plan(step, this.#host.overload);
    if (plan.kind === "wait") this.#quietUntilSample = plan.untilSample;
    if (plan.kind !== "window") return undefined;
    const { window } = plan;
    const added = this.#track.whatIsNew(window);
    const readyMs = this.#readyMs(window);
    const { dueSample } = added;
    const dueMs = dueSample === undefined ? readyMs : this.#arrivals.atMs(dueSample);
    return { window, dueMs, readyMs, ...added };
  }

  /** A window can run when its last sample has come; one that is asked for, not before it is. */
  #readyMs({ completes, endSample }: Window): number {
    const arrivedMs = this.#arrivals.atMs(endSample);
    return completes === "nothing" ? arrivedMs : Math.max(arrivedMs, this.#askedMs);
  }

  /** @internal The samples of a due window. */
  read(window: Window): Float32Array {
    return this.#track.read(window);
  }

  /** @internal Takes in an encoded window. Result: samples whose frames were committed. */
  accept(window: Window, { logits, vocabularySize, memory }: EncodedWindow): number {
    if (this.#isOver) return 0;
    const update = this.#track.accept(window, logits, vocabularySize);
    this.#memory = memory;
    this.#captions.take(update);
    this.#annotations.settle(this.#track.committedSample);
    this.#answer();
    this.#arrivals.forgetBefore(update.settledSample);
    this.#giveRoom();
    return update.emissions.frameCount * this.#host.geometry.strideSamples;
  }

  #giveRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** An annotator has made room, or said its last. */
  #annotationsMoved(): void {
    this.#giveRoom();
    if (this.#isCaptioned) this.#finish();
  }

  /** @internal Tells the reader of a step of the overload policy. */
  announce(step: OverloadStep): void {
    this.#events.push({ kind: "overload", step });
  }

  #tellObserver(committed: readonly Word[]): void {
    const { tell, nowMs } = this.#host;
    if (tell === undefined) return;
    const atMs = nowMs();
    const words = committed.map((word) => {
      return { word, latencyMs: atMs - this.#arrivals.atMs(word.endSample) };
    });
    tell({ kind: "commit", atMs, streamId: this.id, words });
  }

  /** Answers what was asked for as soon as nothing is left to encode for it. */
  #answer(): void {
    const finalizeAtSample = this.#finalizeAtSample;
    if (finalizeAtSample !== undefined && this.#track.hasCommitted(finalizeAtSample)) {
      this.#finalizeAtSample = undefined;
      this.#flush();
      this.#events.push({ kind: "finalize", atSample: finalizeAtSample });
    }
    if (this.#isOver || this.#track.plan().kind !== "done") return;
    this.#flush();
    this.#isCaptioned = true;
    this.#annotations.end();
    this.#finish();
  }

  /** Ends the stream once annotators have said all, too. */
  #finish(): void {
    if (this.#isOver || !this.#annotations.isDone) return;
    this.#events.push({ kind: "end", atSample: this.samplesReceived });
    this.#events.close();
    this.#close();
  }

  /** Ends the word and the utterance that are open. */
  #flush(): void {
    this.#captions.flush(this.#track.flush());
  }

  #requireOpen(): void {
    if (this.#isOver || this.#track.progress.isEnded) {
      throw new TypeError(`Cannot use stream ${this.id} as it has ended`);
    }
  }

  #close(): void {
    this.#isOver = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#writables.clear();
    this.#annotations.close();
    this.#giveRoom();
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
