/**
 * Another try for what may work the next time.
 *
 * @module
 */

/** Longest pause between two tries; a server that asks for more is given up on. */
const MAX_DELAY_MS = 60_000;

/** A failure that may not be one the next time. */
export class TransientError extends Error {
  /** Tells it from lasting failures. */
  override name = "TransientError";
  /** What to throw when there is no next time. */
  readonly error: Error;
  /** Pause that the other side asks for, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  /** A failure. @param error What to throw in the end. @param retryAfterMs Pause asked for, in milliseconds. */
  constructor(error: Error, retryAfterMs?: number) {
    super(error.message, { cause: error });
    this.error = error;
    this.retryAfterMs = retryAfterMs;
  }
}

/** How often and how long to try. */
export interface RetryOptions {
  /** Tries after the first one that make no progress. */
  retryCount: number;
  /** Pause before the first further try, in milliseconds; it doubles each time. */
  retryDelayMs: number;
  /** Ends the wait. */
  signal: AbortSignal;
  /** A number that grows while things move; growth resets the count of tries. */
  progress?: () => number;
}

/**
 * Calls until it does not throw a {@linkcode TransientError}.
 *
 * @throws What the last call failed with, or the signal's reason.
 */
export async function retry<T>(call: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { retryCount, retryDelayMs, signal, progress = () => 0 } = options;
  let reached = progress();
  for (let failures = 0;;) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof TransientError)) throw error;
      if (progress() > reached) failures = 0;
      reached = progress();
      const delayMs = error.retryAfterMs ?? Math.min(retryDelayMs * 2 ** failures, MAX_DELAY_MS);
      if (failures++ >= retryCount || delayMs > MAX_DELAY_MS) throw error.error;
      await delay(delayMs, signal);
    }
  }
}

/** Waits, and rejects with the signal's reason when that comes first. */
export function delay(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, delayMs);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** A signal that fires when nothing has moved for a while, or with another. */
export class Watchdog implements Disposable {
  readonly #controller = new AbortController();
  readonly #parent: AbortSignal;
  readonly #timeoutMs: number;
  readonly #onAbort = () => this.#controller.abort(this.#parent.reason);
  #timer: ReturnType<typeof setTimeout>;

  /** Starts to watch. @param parent Fires this one too. @param timeoutMs Longest standstill, in milliseconds. */
  constructor(parent: AbortSignal, timeoutMs: number) {
    parent.throwIfAborted();
    this.#parent = parent;
    this.#timeoutMs = timeoutMs;
    this.#timer = this.#start();
    parent.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The signal. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      const seconds = this.#timeoutMs / 1000;
      this.#controller.abort(new DOMException(`no answer in ${seconds} s`, "TimeoutError"));
    }, this.#timeoutMs);
  }

  /** Something moved. */
  touch() {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  /** Stops watching. */
  [Symbol.dispose]() {
    clearTimeout(this.#timer);
    this.#parent.removeEventListener("abort", this.#onAbort);
  }
}
