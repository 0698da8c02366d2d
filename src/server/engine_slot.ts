/**
 * The engine as the server has it: on its way, there, or broken. The server listens from the
 * start, and says which.
 *
 * @module
 */
import type { CaptionEngine } from "../engine.ts";
import { OverloadError } from "../errors.ts";
import type { CaptionStream, StreamOptions } from "../stream.ts";
import type { Refusal } from "./limits.ts";
import { log } from "./log.ts";

/** Where the engine stands. */
export type EngineState =
  | { readonly kind: "loading" }
  | { readonly kind: "ready"; readonly engine: CaptionEngine }
  | { readonly kind: "failed"; readonly error: unknown };

/** Holds the engine. */
export class EngineSlot implements AsyncDisposable {
  #state: EngineState = { kind: "loading" };
  readonly #settled: Promise<void>;

  /** @param engine The engine, or its loading; the slot owns it. */
  constructor(engine: CaptionEngine | Promise<CaptionEngine>) {
    if (engine instanceof Promise) {
      this.#settled = engine.then((loaded) => this.#set(loaded), (error) => this.fail(error));
    } else {
      this.#set(engine);
      this.#settled = Promise.resolve();
    }
  }

  /** Where it stands. */
  get state(): EngineState {
    return this.#state;
  }

  /** The engine, if it is ready. */
  get engine(): CaptionEngine | undefined {
    return this.#state.kind === "ready" ? this.#state.engine : undefined;
  }

  /** Resolves when loading is over, however it went. */
  get settled(): Promise<void> {
    return this.#settled;
  }

  /** Why no stream can be opened now, if so. */
  refusal(): Refusal | undefined {
    const state = this.#state;
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
   * Opens a stream.
   *
   * @throws {OverloadError} If the engine is not ready, or behind.
   */
  open(options: StreamOptions = {}): CaptionStream {
    const { engine } = this;
    if (engine === undefined) {
      const { message, retryAfterMs = 0 } = this.refusal()!;
      throw new OverloadError(message, retryAfterMs);
    }
    try {
      return engine.open(options);
    } catch (error) {
      if (!(error instanceof OverloadError || error instanceof RangeError)) this.fail(error);
      throw error;
    }
  }

  /** Says that the engine has given up. */
  fail(error: unknown): void {
    if (this.#state.kind === "failed") return;
    log.error("The engine has failed: {error}", { error: String(error) });
    this.#state = { kind: "failed", error };
  }

  #set(engine: CaptionEngine): void {
    this.#state = { kind: "ready", engine };
  }

  /** Ends the engine. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { engine } = this;
    await this.#settled;
    await (engine ?? this.engine)?.[Symbol.asyncDispose]();
  }
}

function refuse(code: "starting" | "overloaded", message: string, retryAfterMs: number): Refusal {
  return { kind: "refused", status: 503, code, message, retryAfterMs };
}
