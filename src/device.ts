/**
 * The model under the scheduler: runs batches, finds out whether a failure is the
 * device's or a window's, and opens the model anew when the device is lost.
 *
 * @module
 */
import { BackendError } from "./errors.ts";
import type { SpeechModel } from "./speech_model.ts";
import {
  type EncodedWindow,
  type EncodeJob,
  WindowEncoder,
  type WindowEncoderOptions,
} from "./window_encoder.ts";

/** Options of a {@linkcode Device}. */
export interface DeviceOptions extends WindowEncoderOptions {
  /** A run that takes longer is taken for a lost device. @default {60000} */
  readonly runTimeoutMs?: number;
  /** Failures in a row after which a stream, or the engine, gives up. @default {5} */
  readonly maxFailures?: number;
  /** Time before a model that did not open is opened again; doubled each time. @default {1000} */
  readonly reopenDelayMs?: number;
}

/**
 * Opens the model, anew after its device was lost.
 *
 * @param signal Ends the loading.
 * @param worker Which of the engine's devices it is for, counted from 0.
 */
export type ModelLoader = (
  signal: AbortSignal | undefined,
  worker: number,
) => Promise<SpeechModel<"ctc">>;

/**
 * What was found after a failure: a device that works, so the batch was at fault; a new device;
 * or one that may or may not work, as it cannot be opened anew.
 */
export type Recovery = "well" | "renewed" | "unsure";

/** A {@linkcode ModelLoader} for one device. */
type Reload = (signal: AbortSignal) => Promise<SpeechModel<"ctc">>;

/** What {@linkcode Device} is made with. */
interface DeviceParts {
  /** Opens the model anew. */
  readonly load?: Reload | undefined;
  /** The language to run in. @default {the one its model was left in} */
  readonly language?: () => string | undefined;
}

/** A run that was given up. */
class LateRunError extends BackendError {
  override name = "BackendError";
}

/** One model, as long as one can be had. */
export class Device implements AsyncDisposable {
  readonly #load: Reload | undefined;
  readonly #language: () => string | undefined;
  readonly #options: DeviceOptions;
  readonly #closing = new AbortController();
  readonly #leaving: Promise<void>[] = [];
  #model: SpeechModel<"ctc">;
  #encoder: WindowEncoder;
  #failuresInARow = 0;

  /**
   * Takes over a model.
   *
   * @param model The model; the device owns it from here on.
   * @param options Limits; `load`, which opens the model anew; the `language` to follow.
   * @throws {RangeError} If a limit is out of range.
   */
  constructor(
    model: SpeechModel<"ctc">,
    options: DeviceOptions & DeviceParts = {},
  ) {
    requireLimits(options);
    this.#model = model;
    this.#load = options.load;
    this.#language = options.language ?? (() => this.#model.targetLang);
    this.#options = { ...options, isShared: true };
    this.#encoder = new WindowEncoder(model, this.#options);
  }

  /** The model; another one after the device was lost. */
  get model(): SpeechModel<"ctc"> {
    return this.#model;
  }

  /** What encodes with it. */
  get encoder(): WindowEncoder {
    return this.#encoder;
  }

  /** Loads what windows need and runs once, so that the first window does not wait. */
  async prepare(): Promise<void> {
    await this.#encoder.prepare();
    await this.#encoder.probe();
  }

  /**
   * Encodes windows together.
   *
   * @throws {BackendError} If the run fails, or takes longer than `runTimeoutMs`.
   */
  async encode(jobs: readonly EncodeJob[]): Promise<EncodedWindow[]> {
    const encoded = await this.#inTime(this.#encode(jobs));
    this.#failuresInARow = 0;
    return encoded;
  }

  async #encode(jobs: readonly EncodeJob[]): Promise<EncodedWindow[]> {
    await this.#follow(this.#model);
    return await this.#encoder.encode(jobs);
  }

  /** A device that cannot speak the language is no better than one that cannot run. */
  async #probe(): Promise<void> {
    await this.#follow(this.#model);
    await this.#encoder.probe();
  }

  /** Brings a model to the language that was chosen since it was loaded. */
  async #follow(model: SpeechModel<"ctc">): Promise<void> {
    const language = this.#language();
    if (language !== undefined && language !== model.targetLang) {
      await model.setTargetLang(language);
    }
  }

  /**
   * Sees to it that runs can go on after one has failed.
   *
   * @param error What the run failed with.
   * @throws The error, or that of opening the model anew, if runs cannot go on.
   */
  async recover(error: unknown): Promise<Recovery> {
    const { maxFailures = 5 } = this.#options;
    this.#closing.signal.throwIfAborted();
    const isLate = error instanceof LateRunError;
    if (!isLate && await this.#works()) return "well";
    this.#failuresInARow++;
    const isHopeless = isLate && this.#load === undefined;
    if (this.#failuresInARow >= maxFailures || isHopeless) throw error;
    if (this.#load === undefined) return "unsure";
    await this.#renew(this.#load);
    return "renewed";
  }

  async #works(): Promise<boolean> {
    try {
      await this.#inTime(this.#probe());
      return true;
    } catch {
      return false;
    }
  }

  async #inTime<T>(run: Promise<T>): Promise<T> {
    const { runTimeoutMs = 60_000 } = this.#options;
    if (runTimeoutMs === Infinity) return await run;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const backend = this.#model.selection.chosen;
      late.reject(
        new LateRunError(`Cannot wait for a run of more than ${runTimeoutMs} ms`, { backend }),
      );
    }, runTimeoutMs);
    run.catch(() => {}); // one that fails after it was given up
    try {
      return await Promise.race([run, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Opens the model anew, as often as it takes; the lost one is let go of meanwhile. */
  async #renew(load: Reload): Promise<void> {
    const { maxFailures = 5, reopenDelayMs = 1000 } = this.#options;
    this.#leaving.push(this.#model[Symbol.asyncDispose]().catch(() => {}));
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#open(load);
      } catch (error) {
        if (this.#closing.signal.aborted || attempt >= maxFailures) throw error;
        await sleep(reopenDelayMs * 2 ** Math.min(attempt - 1, 16), this.#closing.signal);
      }
    }
  }

  async #open(load: Reload): Promise<void> {
    const { signal } = this.#closing;
    const model = await load(signal);
    try {
      signal.throwIfAborted();
      await this.#follow(model);
      const encoder = new WindowEncoder(model, this.#options);
      await encoder.prepare();
      await this.#inTime(encoder.probe());
      signal.throwIfAborted();
      this.#model = model;
      this.#encoder = encoder;
    } catch (error) {
      await model[Symbol.asyncDispose]().catch(() => {});
      throw error;
    }
  }

  /** Ends the model; a run that has begun fails. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new TypeError("Cannot use the model as it is closed"));
    await this.#model[Symbol.asyncDispose]();
    await Promise.all(this.#leaving);
  }
}

/** Longest time a timer takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

function requireLimits(options: DeviceOptions): void {
  const { runTimeoutMs = 60_000, maxFailures = 5, reopenDelayMs = 1000 } = options;
  const isTimer = runTimeoutMs === Infinity || (runTimeoutMs > 0 && runTimeoutMs <= MAX_TIMER_MS);
  if (isTimer && maxFailures >= 1 && reopenDelayMs >= 0) return;
  throw new RangeError(
    `Cannot use a device as runTimeoutMs must be above 0, and at most ${MAX_TIMER_MS} or Infinity, maxFailures at least 1 and reopenDelayMs at least 0: ${runTimeoutMs}, ${maxFailures} and ${reopenDelayMs}`,
  );
}

/** Waits. @throws The signal's reason. */
async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(resolve, Math.min(ms, MAX_TIMER_MS));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}
