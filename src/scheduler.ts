/**
 * Runs the windows of all streams on the devices there are: each device takes the most urgent
 * batch as soon as it is free, what fails runs again, and a device that is lost for good leaves the
 * work to the others.
 *
 * @module
 */
import type { BatchLimit } from "./batch_limit.ts";
import type { Device, Recovery } from "./device.ts";
import type { EngineRecord, FailureRecord } from "./engine_observer.ts";
import type { EngineStats } from "./engine_options.ts";
import type { OverloadWatch } from "./overload_watch.ts";
import type { ServedStreams, WaitingWindow } from "./served_streams.ts";
import type { EncodedWindow } from "./window_encoder.ts";

/** What {@linkcode Scheduler} works with. */
export interface SchedulerParts {
  /** Where windows run, at least one; the scheduler owns them. */
  readonly devices: readonly Device[];
  /** Whose windows run. */
  readonly streams: ServedStreams;
  /** How many share a run. */
  readonly batches: BatchLimit;
  /** What is given up when devices are behind. */
  readonly overload: OverloadWatch;
  /** The clock, ms. */
  readonly nowMs: () => number;
  /** Is told of runs and failures. */
  readonly tell: ((record: EngineRecord) => void) | undefined;
  /** Failures in a row of a window alone that end its stream. */
  readonly maxFailures: number;
}

/** What a {@linkcode Scheduler} has done so far. */
export type SchedulerCounts = Pick<
  EngineStats,
  | "workerCount"
  | "lostWorkerCount"
  | "windowCount"
  | "runCount"
  | "failureCount"
  | "reloadCount"
  | "committedSeconds"
  | "runMs"
>;

/** Whether it goes on. */
export type SchedulerState =
  | { readonly kind: "running" | "closed" }
  | { readonly kind: "failed"; readonly error: unknown };

/** The scheduler of an engine. It runs from the start until it is closed or has lost every device. */
export class Scheduler implements AsyncDisposable {
  readonly #parts: SchedulerParts;
  readonly #loops: Promise<unknown>;
  #devices: readonly Device[];
  #wake = Promise.withResolvers<void>();
  #state: SchedulerState = { kind: "running" };
  readonly #counts = {
    workerCount: 0,
    lostWorkerCount: 0,
    windowCount: 0,
    runCount: 0,
    failureCount: 0,
    reloadCount: 0,
    committedSeconds: 0,
    runMs: 0,
  };

  /** Starts it. @param parts What it works with. */
  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#devices = parts.devices;
    this.#counts.workerCount = parts.devices.length;
    this.#loops = Promise.all(parts.devices.map((device) => this.#serve(device)));
  }

  /** Whether it runs; why not, if it has given up. */
  get state(): SchedulerState {
    return this.#state;
  }

  /** The devices that are left; of a scheduler that has given up, the last one. */
  get devices(): readonly Device[] {
    return this.#devices;
  }

  /** What it has done so far. */
  get counts(): SchedulerCounts {
    return this.#counts;
  }

  /** Has every device that waits look again. */
  wake(): void {
    const { resolve } = this.#wake;
    this.#wake = Promise.withResolvers();
    resolve();
  }

  /** Has a device do one run after the other, until it is lost for good. */
  async #serve(device: Device): Promise<void> {
    const { streams, batches, overload } = this.#parts;
    try {
      while (this.#isRunning && this.#devices.includes(device)) {
        const waiting = streams.waiting({ step: overload.state.step, calmMs: overload.calmMs });
        overload.observe(waiting);
        const windows = streams.next(waiting, batches.policy);
        if (windows.length === 0) await this.#wake.promise;
        else await this.#run(device, windows);
      }
    } catch (error) {
      this.#fail(error); // a bug; nobody may wait for ever because of it
    }
  }

  async #run(device: Device, windows: readonly WaitingWindow[]): Promise<void> {
    const { streams, batches, nowMs } = this.#parts;
    const startMs = nowMs();
    const jobs = streams.take(windows);
    let encoded: EncodedWindow[];
    try {
      encoded = await device.encode(jobs);
    } catch (error) {
      this.#release(windows);
      return await this.#recover(device, windows, { error, startMs });
    }
    this.#release(windows);
    const endMs = nowMs();
    this.#counts.runMs += endMs - startMs;
    this.#counts.runCount++;
    this.#tellRun(windows, { startMs, endMs });
    batches.succeeded();
    windows.forEach((window, index) => this.#accept(window, encoded[index]!));
  }

  /** A run is over: its streams may have more for any device. */
  #release(windows: readonly WaitingWindow[]): void {
    this.#parts.streams.release(windows);
    this.wake();
  }

  #tellRun(
    windows: readonly WaitingWindow[],
    { startMs, endMs }: { startMs: number; endMs: number },
  ): void {
    const records = windows.map((waiting) => {
      const { stream, sampleCount, newSampleCount, hopsSpared, readyMs, deadlineMs } = waiting;
      return {
        ...{ streamId: stream.id, sampleCount, newSampleCount, hopsSpared },
        queueMs: startMs - readyMs,
        latenessMs: endMs - deadlineMs,
      };
    });
    this.#parts.tell?.({ kind: "run", atMs: startMs, runMs: endMs - startMs, windows: records });
  }

  #accept(window: WaitingWindow, encoded: EncodedWindow): void {
    const { streams, overload } = this.#parts;
    const committedSeconds = streams.accept(window, encoded);
    if (committedSeconds === undefined) return;
    this.#counts.windowCount++;
    this.#counts.committedSeconds += committedSeconds;
    overload.count({ hops: window.hopsSpared });
  }

  /**
   * Nothing was committed by a run that failed: its windows are due again. On a device that works
   * they run in smaller batches, until it is the window of one stream that fails.
   */
  async #recover(
    device: Device,
    windows: readonly WaitingWindow[],
    { error, startMs }: { error: unknown; startMs: number },
  ): Promise<void> {
    if (!this.#isRunning) return;
    const { nowMs } = this.#parts;
    this.#counts.failureCount++;
    const failedMs = nowMs();
    const tell = (recovery: FailureRecord["recovery"], endedStreamId?: string) => {
      this.#parts.tell?.({
        ...{ kind: "failure", atMs: startMs, runMs: failedMs - startMs, error, recovery },
        windowCount: windows.length,
        recoveryMs: nowMs() - failedMs,
        endedStreamId,
        workerCount: this.#counts.workerCount,
      });
    };
    let recovery: Recovery;
    try {
      recovery = await device.recover(error);
    } catch (hopeless) {
      if (!this.#isRunning) return;
      this.#counts.workerCount--;
      this.#counts.lostWorkerCount++;
      const isLast = this.#counts.workerCount === 0;
      tell(isLast ? "hopeless" : "lost");
      return isLast ? this.#fail(hopeless) : await this.#drop(device);
    }
    if (recovery === "renewed") this.#counts.reloadCount++;
    tell(recovery, recovery === "well" ? this.#blame(windows, error) : undefined);
  }

  /** The others go on without a device; they have its windows already. */
  async #drop(device: Device): Promise<void> {
    this.#devices = this.#devices.filter((each) => each !== device);
    await device[Symbol.asyncDispose]().catch(() => {}); // it is lost, and may not end well
  }

  get #isRunning(): boolean {
    return this.#state.kind === "running";
  }

  /** Makes batches smaller, or blames the stream whose window failed alone; gives its id if that ends it. */
  #blame(windows: readonly WaitingWindow[], error: unknown): string | undefined {
    const { streams, batches, maxFailures } = this.#parts;
    const [only] = windows as [WaitingWindow];
    batches.failed(windows.length);
    if (windows.length > 1 || !streams.blame(only, { error, maxFailures })) return undefined;
    return only.stream.id;
  }

  /** Gives up: every reader gets the error. */
  #fail(error: unknown): void {
    if (this.#isRunning) this.#end({ kind: "failed", error });
  }

  #end(state: SchedulerState): void {
    this.#state = state;
    this.#parts.streams.abort(state.kind === "failed" ? state.error : undefined);
    this.wake();
  }

  /** Aborts every stream, ends the devices. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.kind !== "closed") this.#end({ kind: "closed" });
    await Promise.all(this.#parts.devices.map((device) => device[Symbol.asyncDispose]()));
    await this.#loops;
  }
}
