/**
 * The engine as the server has it: on its way, there, or broken. The server listens from the
 * start, and says which.
 *
 * @module
 */
import type { Annotator } from "../annotator.ts";
import type { CaptionEngine } from "../engine.ts";
import type { EngineObserver } from "../engine_observer.ts";
import { OverloadError } from "../errors.ts";
import {
  requireWindowsWithin,
  type WindowOptions,
  windowPolicy,
} from "../schedule/window_policy.ts";
import type { SpeechModel } from "../speech_model.ts";
import { requireAnnotators } from "../stream_annotations.ts";
import type { CaptionStream, StreamOptions } from "../stream.ts";
import type { Refusal } from "./limits.ts";
import { log } from "./log.ts";

/** Where the engine stands. */
export type EngineState =
  | { readonly kind: "loading" }
  | { readonly kind: "ready"; readonly engine: CaptionEngine }
  | { readonly kind: "failed"; readonly error: unknown };

/** What a server has its engine from; the function is given what is to observe the engine. */
export type EngineSource =
  | CaptionEngine
  | Promise<CaptionEngine>
  | ((observer: EngineObserver) => CaptionEngine | Promise<CaptionEngine>);

/** Holds the engine. */
export class EngineSlot implements AsyncDisposable {
  #engine: CaptionEngine | undefined;
  #loadError: unknown;
  readonly #settled: Promise<void>;
  #annotators: readonly Annotator[] = [];
  /** Is told what the engine does, if the engine was made with it. */
  observer: EngineObserver = () => {};

  /**
   * @param source The engine, or its loading; the slot owns it.
   * @param options Windows of most streams: an engine whose model cannot have them is none. What
   * else is said of native sessions, which the slot owns, too.
   */
  constructor(
    source: EngineSource,
    options: { windows?: WindowOptions; annotators?: Promise<readonly Annotator[]> } = {},
  ) {
    const engine = typeof source === "function"
      ? source((record) => this.observer(record))
      : source;
    const { windows = {}, annotators = Promise.resolve([]) } = options;
    this.#settled = this.#load(engine, { windows, annotators });
  }

  async #load(
    engine: CaptionEngine | Promise<CaptionEngine>,
    { windows, annotators }: {
      windows: WindowOptions;
      annotators: Promise<readonly Annotator[]>;
    },
  ): Promise<void> {
    const parts = await Promise.allSettled([engine, annotators]);
    const [loaded, listening] = parts;
    try {
      for (const part of parts) if (part.status === "rejected") throw part.reason;
      if (loaded.status === "rejected" || listening.status === "rejected") return;
      requireWindows(loaded.value.model, windows);
      requireAnnotators(listening.value, loaded.value.model.sampleRateHz);
      this.#annotators = listening.value;
      this.#engine = loaded.value;
    } catch (error) {
      this.#loadError = error;
      log.error("The server cannot caption: {error}", { error: String(error) });
      if (loaded.status === "fulfilled") await loaded.value[Symbol.asyncDispose]();
      if (listening.status === "fulfilled") await disposeAll(listening.value);
    }
  }

  /** What else is said of native sessions. */
  get annotators(): readonly Annotator[] {
    return this.#annotators;
  }

  /** Where it stands. */
  get state(): EngineState {
    const error = this.#loadError ?? this.#engine?.failure;
    if (error !== undefined) return { kind: "failed", error };
    const engine = this.#engine;
    return engine === undefined ? { kind: "loading" } : { kind: "ready", engine };
  }

  /** The engine, if it is ready. */
  get engine(): CaptionEngine | undefined {
    const { state } = this;
    return state.kind === "ready" ? state.engine : undefined;
  }

  /** Resolves when loading is over, however it went. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** Why no stream can be opened now, if so. */
  refusal(): Refusal | undefined {
    const { state } = this;
    if (state.kind === "loading") {
      return refuse("starting", "Cannot open a session as the model is being loaded", 2000);
    }
    if (state.kind === "failed") {
      return refuse("starting", "Cannot open a session as the engine has failed", 30_000);
    }
    const { overload, lagMs } = state.engine.stats;
    if (overload.step !== "refuse") return undefined;
    const behindMs = Math.round(lagMs);
    return refuse(
      "overloaded",
      `Cannot open a session as the device is ${behindMs} ms behind`,
      5000,
    );
  }

  /**
   * Opens a stream. Its windows are at most as long as the model was made for.
   *
   * @throws {OverloadError} If the engine is not ready, or behind.
   */
  open(options: StreamOptions = {}): CaptionStream {
    const { engine } = this;
    if (engine === undefined) {
      const { message, retryAfterMs = 0 } = this.refusal()!;
      throw new OverloadError(message, retryAfterMs);
    }
    const { maxWindowMs } = options;
    if (maxWindowMs === undefined) return engine.open(options);
    return engine.open({ ...options, maxWindowMs: this.limitMs(maxWindowMs) });
  }

  /** A length of windows, no longer than the model was made for. */
  limitMs(maxWindowMs: number): number {
    return Math.min(maxWindowMs, this.engine?.model.maxInputMs ?? Infinity);
  }

  /** Ends the engine. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine?.[Symbol.asyncDispose]();
    await this.#settled;
    await this.#engine?.[Symbol.asyncDispose]();
    await disposeAll(this.#annotators);
  }
}

async function disposeAll(annotators: readonly Annotator[]): Promise<void> {
  await Promise.all(annotators.map((annotator) => annotator[Symbol.asyncDispose]()));
}

/** @throws {RangeError} If a model cannot have such windows. */
function requireWindows(model: SpeechModel<"ctc">, windows: WindowOptions): void {
  const { geometry, maxInputMs, sampleRateHz } = model;
  const because = "the model was made for at most";
  requireWindowsWithin({ limitMs: maxInputMs, because }, windows);
  const maxWindowMs = Math.min(windows.maxWindowMs ?? 12_000, maxInputMs);
  windowPolicy(geometry, { ...windows, maxWindowMs, sampleRateHz }); // in whole frames, too
}

function refuse(code: "starting" | "overloaded", message: string, retryAfterMs: number): Refusal {
  return { kind: "refused", status: 503, code, message, retryAfterMs };
}
