/**
 * The engine as the server has it: on its way, there, or broken. The server listens from the
 * start, and says which.
 *
 * @module
 */
import type { CaptionEngine } from "../engine.ts";
import type { EngineObserver } from "../engine_observer.ts";
import { OverloadError } from "../errors.ts";
import {
  requireWindowsWithin,
  type WindowOptions,
  windowPolicy,
} from "../schedule/window_policy.ts";
import type { SpeechModel } from "../speech_model.ts";
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
  /** Is told what the engine does, if the engine was made with it. */
  observer: EngineObserver = () => {};

  /**
   * @param source The engine, or its loading; the slot owns it.
   * @param windows Those of most streams: an engine whose model cannot have them is none.
   */
  constructor(source: EngineSource, windows: WindowOptions = {}) {
    const engine = typeof source === "function"
      ? source((record) => this.observer(record))
      : source;
    this.#settled = this.#load(engine, windows);
  }

  async #load(engine: CaptionEngine | Promise<CaptionEngine>, windows: WindowOptions) {
    let loaded: CaptionEngine | undefined;
    try {
      loaded = await engine;
      requireWindows(loaded.model, windows);
      this.#engine = loaded;
    } catch (error) {
      this.#loadError = error;
      log.error("The server cannot caption: {error}", { error: String(error) });
      await loaded?.[Symbol.asyncDispose]();
    }
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
  }
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
