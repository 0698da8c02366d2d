/**
 * What the server counts of its engine: totals and levels as the engine knows them, and how runs
 * and windows spread, as its observer is told.
 *
 * @module
 */
import type { CaptionEngine, EngineStats } from "../engine.ts";
import type { EngineRecord, FailureRecord, RunRecord } from "../engine_observer.ts";
import { OVERLOAD_STEPS } from "../schedule/overload.ts";
import { log } from "./log.ts";
import { Counter, Gauge, Histogram, type Registry } from "./prometheus.ts";

/** Windows in a run. */
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128];

/** Seconds; a run takes from a few milliseconds on a GPU to seconds on a slow machine. */
const RUN_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Seconds; 0 is in time. */
const DELAY_BUCKETS = [0, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Counts what an engine does. */
export class EngineMetrics {
  readonly #registry: Registry;
  readonly #engine: () => CaptionEngine | undefined;
  readonly #batch: Histogram;
  readonly #run: Histogram;
  readonly #queue: Histogram;
  readonly #lateness: Histogram;
  readonly #failures: Counter<"recovery">;

  /** @param registry Where metrics are told. @param engine The engine, once there is one. */
  constructor(registry: Registry, engine: () => CaptionEngine | undefined) {
    this.#registry = registry;
    this.#engine = engine;
    this.#batch = this.#histogram("hubcap_batch_windows", "Windows in a run", BATCH_BUCKETS);
    this.#run = this.#histogram("hubcap_run_duration_seconds", "Time of a run", RUN_BUCKETS);
    this.#queue = this.#histogram(
      "hubcap_queue_delay_seconds",
      "Wait of a window from the arrival of its last sample to its run",
      DELAY_BUCKETS,
    );
    this.#lateness = this.#histogram(
      "hubcap_lateness_seconds",
      "Time from a window's deadline to its scores; 0 where they were in time",
      DELAY_BUCKETS,
    );
    this.#failures = new Counter({
      name: "hubcap_run_failures_total",
      help: "Runs that failed and ran again, by what was found of the device",
      labelNames: ["recovery"],
      registers: [registry],
    });
    this.#addTotals();
    this.#addLevels();
  }

  /** Takes what the engine tells. */
  observe(record: EngineRecord): void {
    if (record.kind === "run") this.#observeRun(record);
    if (record.kind === "failure") {
      this.#failures.inc({ recovery: record.recovery });
      logFailure(record);
    }
    if (record.kind === "overload") {
      const { from, to, lagMs } = record;
      log.info("Overload policy: {from} to {to}, {lagMs} ms behind", {
        ...{ from, to, lagMs: Math.round(lagMs) },
      });
    }
  }

  #observeRun({ runMs, windows }: RunRecord): void {
    this.#batch.observe(windows.length);
    this.#run.observe(runMs / 1000);
    for (const { queueMs, latenessMs } of windows) {
      this.#queue.observe(Math.max(0, queueMs) / 1000);
      this.#lateness.observe(Math.max(0, latenessMs) / 1000);
    }
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name, help, buckets, registers: [this.#registry] });
  }

  #addTotals(): void {
    this.#total("hubcap_windows_total", "Windows encoded", ({ windowCount }) => windowCount);
    this.#total("hubcap_run_seconds_total", "Time in runs", ({ runMs }) => runMs / 1000);
    this.#total("hubcap_model_reloads_total", "Devices renewed", (s) => s.reloadCount);
    this.#total("hubcap_workers_lost_total", "Devices lost for good", (s) => s.lostWorkerCount);
    this.#total("hubcap_committed_seconds_total", "Audio committed", (s) => s.committedSeconds);
    this.#total("hubcap_streams_refused_total", "Streams refused", (s) => s.refusedCount);
    const engine = this.#engine;
    new Counter({
      name: "hubcap_overload_steps_total",
      help: "Times that a step of the overload policy was entered",
      labelNames: ["step"],
      registers: [this.#registry],
      collect() {
        this.reset();
        const entered = engine()?.stats.overload.entered;
        for (const step of OVERLOAD_STEPS.slice(1)) {
          this.inc({ step }, entered?.[step as keyof typeof entered] ?? 0);
        }
      },
    });
  }

  #addLevels(): void {
    this.#level("hubcap_workers", "Devices left to run windows", (s) => s.workerCount);
    this.#level("hubcap_streams", "Streams in the engine", ({ streamCount }) => streamCount);
    this.#level(
      "hubcap_lag_seconds",
      "Wait of the window that waits longest",
      ({ lagMs }) => lagMs / 1000,
    );
    this.#level(
      "hubcap_overload_step",
      "0 admit, 1 coalesce, 2 degrade, 3 refuse",
      ({ overload }) => OVERLOAD_STEPS.indexOf(overload.step),
    );
  }

  #total(name: string, help: string, read: (stats: EngineStats) => number): void {
    const engine = this.#engine;
    new Counter({
      name,
      help,
      registers: [this.#registry],
      collect() {
        const stats = engine()?.stats;
        this.reset();
        if (stats !== undefined) this.inc(read(stats));
      },
    });
  }

  #level(name: string, help: string, read: (stats: EngineStats) => number): void {
    const engine = this.#engine;
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        const stats = engine()?.stats;
        this.set(stats === undefined ? 0 : read(stats));
      },
    });
  }
}

function logFailure({ recovery, windowCount, workerCount, error }: FailureRecord): void {
  const about = { windowCount, workerCount, recovery, error: String(error) };
  if (recovery === "hopeless") log.error("The engine has given up: {error}", about);
  else if (recovery === "lost") {
    log.error("A device is lost for good, {workerCount} go on: {error}", about);
  } else log.warning("A run of {windowCount} windows failed, device {recovery}: {error}", about);
}
