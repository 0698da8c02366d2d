/**
 * Work that several callers wait for, and that is done once.
 *
 * @module
 */

/** One caller of a task. */
export interface JoinOptions<T, P> {
  /** Ends this caller's wait; the last one's ends the task. */
  signal: AbortSignal | undefined;
  /** Hears of the task's progress. */
  onProgress: ((progress: P) => void) | undefined;
  /** Does the work, unless someone is at it. */
  run: (context: { signal: AbortSignal; onProgress: (progress: P) => void }) => Promise<T>;
}

interface Task<T, P> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  readonly listeners: Set<(progress: P) => void>;
  callerCount: number;
}

/** Tasks under way, by key. Results and failures are not kept. */
export class SharedTasks<T, P> {
  readonly #tasks = new Map<string, Task<T, P>>();

  /**
   * Joins the task of a key, or starts it.
   *
   * @throws What the task throws, or the signal's reason.
   */
  async join(key: string, options: JoinOptions<T, P>): Promise<T> {
    const { signal, onProgress, run } = options;
    signal?.throwIfAborted();
    const task = this.#tasks.get(key) ?? this.#start(key, run);
    const listener = (progress: P) => onProgress?.(progress);
    task.listeners.add(listener);
    task.callerCount++;
    try {
      return await withSignal(task.result, signal);
    } catch (error) {
      if (signal?.aborted && task.callerCount === 1) await this.#stop(key, task, signal.reason);
      throw error;
    } finally {
      task.callerCount--;
      task.listeners.delete(listener);
    }
  }

  #start(key: string, run: JoinOptions<T, P>["run"]): Task<T, P> {
    const controller = new AbortController();
    const listeners = new Set<(progress: P) => void>();
    const result = run({
      signal: controller.signal,
      onProgress: (progress) => listeners.forEach((listener) => listener(progress)),
    });
    const task = { result, controller, listeners, callerCount: 0 };
    this.#tasks.set(key, task);
    result.catch(() => {}).then(() => this.#forget(key, task));
    return task;
  }

  /** Ends a task that nobody waits for, and waits until it has let go of its files. */
  async #stop(key: string, task: Task<T, P>, reason: unknown) {
    this.#forget(key, task);
    task.controller.abort(reason);
    await task.result.catch(() => {});
  }

  #forget(key: string, task: Task<T, P>) {
    if (this.#tasks.get(key) === task) this.#tasks.delete(key);
  }
}

/** A promise's result, or the signal's reason if that comes first. */
async function withSignal<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await promise;
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
