/**
 * A recording on its way through the engine: in as few windows as `transcribe` uses, in turn with
 * the speakers who are live.
 *
 * @module
 */
import { decodeInWorker } from "../audio/decode_in_worker.ts";
import type { Word } from "../caption/word.ts";
import { offlineWindows } from "../schedule/window_policy.ts";
import type { CaptionStream } from "../stream.ts";
import { samplesToSeconds } from "../units.ts";
import type { ServerContext } from "./context.ts";
import type { Permit } from "./limits.ts";
import type { FileTranscript } from "./openai_transcript.ts";

/** Options of a {@linkcode FileJob}. */
export interface FileJobOptions {
  /** Name of the protocol, for metrics. */
  readonly dialect: string;
  /** Room for a speaker, given back at the end. */
  readonly permit: Permit;
}

/** One recording's transcription. */
export class FileJob implements Disposable {
  readonly #context: ServerContext;
  readonly #options: FileJobOptions;
  readonly #stream: CaptionStream;
  readonly #stop = new AbortController();
  readonly #sampleRateHz: number;
  readonly #words: Word[] = [];
  readonly #utteranceEnds: number[] = [];
  #outcome = "failed";
  #isOver = false;

  /**
   * Opens a job.
   *
   * @throws {OverloadError} If the engine is not ready, or behind; the permit is given back.
   */
  constructor(context: ServerContext, options: FileJobOptions) {
    this.#context = context;
    this.#options = options;
    try {
      const windows = offlineWindows(context.engine.limitMs(context.config.maxWindowMs));
      this.#stream = context.engine.open({ ...windows, wordPauseMs: Infinity });
      this.#sampleRateHz = context.engine.engine!.model.sampleRateHz;
    } catch (error) {
      options.permit[Symbol.dispose]();
      throw error;
    }
    context.sessions.add(this);
    context.metrics.sessionStarted(options.dialect);
  }

  /** Samples taken in, at the model's rate. */
  get acceptedSamples(): number {
    return this.#stream.samplesReceived;
  }

  /** The words, as they are settled. At the end, `transcript` has all of them. */
  async *run(file: Blob): AsyncGenerator<readonly Word[]> {
    const fed = this.#feed(file);
    fed.catch(() => {}); // the stream's reader gets it
    for await (const event of this.#stream) {
      if (event.kind === "utteranceEnd") this.#utteranceEnds.push(this.#words.length);
      if (event.kind !== "caption" || event.committed.length === 0) continue;
      this.#words.push(...event.committed);
      this.#context.metrics.wordsCommitted(this.#options.dialect, event.committed.length);
      yield event.committed;
    }
    this.#outcome = "ended";
  }

  /** All that was said until now. */
  get transcript(): FileTranscript {
    return {
      text: this.#words.map(({ text }) => text).join(" "),
      words: this.#words,
      utteranceEnds: this.#utteranceEnds,
      seconds: samplesToSeconds(this.acceptedSamples, this.#sampleRateHz),
      sampleRateHz: this.#sampleRateHz,
    };
  }

  async #feed(file: Blob): Promise<void> {
    const sampleRateHz = this.#sampleRateHz;
    const { signal } = this.#stop;
    try {
      for await (const samples of decodeInWorker(file, { sampleRateHz, signal })) {
        await this.#stream.write(samples);
        const seconds = samplesToSeconds(samples.length, sampleRateHz);
        this.#context.metrics.audioAccepted(this.#options.dialect, seconds);
      }
      this.#stream.end();
    } catch (error) {
      this.#stream.abort(error);
    }
  }

  /** Ends at once; who reads gets the reason. Idempotent. */
  abort(reason: unknown): void {
    this.#stop.abort(reason);
    this.#stream.abort(reason);
    this[Symbol.dispose]();
  }

  /** Idempotent. */
  [Symbol.dispose](): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const reason = new DOMException("The transcription was given up", "AbortError");
    this.#stop.abort(reason);
    this.#stream.abort(reason);
    this.#context.sessions.delete(this);
    this.#context.metrics.sessionEnded(this.#options.dialect, this.#outcome);
    this.#options.permit[Symbol.dispose]();
  }
}
