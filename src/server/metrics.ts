/**
 * What the server counts, and the door to prom-client.
 *
 * @module
 */
import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { CaptionEngine } from "../engine.ts";
import { OVERLOAD_STEPS } from "../schedule/overload.ts";

/** What is read when the metrics are asked for. */
export interface MetricSources {
  /** The engine, once there is one. */
  readonly engine: () => CaptionEngine | undefined;
  /** Sessions by their state. */
  readonly sessions: () => Readonly<Record<string, number>>;
  /** Open connections. */
  readonly socketCount: () => number;
}

/** Seconds; a caption is at least a hop and the right context behind. */
const LATENCY_BUCKETS = [0.1, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 5, 10, 30];

/** The server's counters. */
export class ServerMetrics {
  readonly #registry = new Registry();
  readonly #sessionsStarted = this.#counter("hubcap_sessions_started_total", "Sessions begun", [
    "dialect",
  ]);
  readonly #sessionsEnded = this.#counter("hubcap_sessions_ended_total", "Sessions over", [
    "dialect",
    "outcome",
  ]);
  readonly #audioSeconds = this.#counter("hubcap_audio_seconds_total", "Audio accepted", [
    "dialect",
  ]);
  readonly #words = this.#counter("hubcap_words_total", "Words committed", ["dialect"]);
  readonly #errors = this.#counter("hubcap_errors_total", "Errors told to clients", ["code"]);
  readonly #refusals = this.#counter("hubcap_refusals_total", "Requests refused", ["code"]);
  readonly #droppedSamples = this.#counter(
    "hubcap_dropped_samples_total",
    "Samples accepted by sessions that ended and not captioned: 0, or a bug",
    [],
  );
  readonly #resumes = this.#counter("hubcap_resumes_total", "Sessions resumed", []);
  readonly #readersCut = this.#counter("hubcap_slow_readers_total", "Slow readers cut", []);
  readonly #wordLatency = new Histogram({
    name: "hubcap_word_emission_latency_seconds",
    help: "From the arrival of a word's last sample to its captions",
    labelNames: ["kind"],
    buckets: LATENCY_BUCKETS,
    registers: [this.#registry],
  });

  /** @param sources What gauges read. */
  constructor(sources: MetricSources) {
    this.#addSessionGauges(sources);
    this.#addEngineGauges(sources);
  }

  /** A session of a dialect (`native`, `deepgram`, …) began. */
  sessionStarted(dialect: string): void {
    this.#sessionsStarted.inc({ dialect });
  }

  /** A session is over: `ended`, `failed`, or the code of what ended it. */
  sessionEnded(dialect: string, outcome: string): void {
    this.#sessionsEnded.inc({ dialect, outcome });
  }

  /** Audio was taken in. */
  audioAccepted(dialect: string, seconds: number): void {
    this.#audioSeconds.inc({ dialect }, seconds);
  }

  /** A session has ended by itself, and this many accepted samples were not captioned. */
  samplesDropped(count: number): void {
    this.#droppedSamples.inc(count);
  }

  /** Words were committed. */
  wordsCommitted(dialect: string, count: number): void {
    this.#words.inc({ dialect }, count);
  }

  /** A word was shown for the first time, or became final, so long after its last sample came. */
  wordEmitted(kind: "first" | "final", latencySeconds: number): void {
    this.#wordLatency.observe({ kind }, latencySeconds);
  }

  /** A client was told of an error. */
  errorSent(code: string): void {
    this.#errors.inc({ code });
    if (code === "slow_reader") this.#readersCut.inc();
  }

  /** A request was refused. */
  refused(code: string): void {
    this.#refusals.inc({ code });
  }

  /** A speaker came back. */
  resumed(): void {
    this.#resumes.inc();
  }

  /** The type of {@linkcode ServerMetrics.text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All of it in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter<T extends string>(name: string, help: string, labelNames: T[]): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  #addSessionGauges({ sessions, socketCount }: MetricSources): void {
    const registers = [this.#registry];
    new Gauge({
      name: "hubcap_sessions",
      help: "Sessions by state",
      labelNames: ["state"],
      registers,
      collect() {
        for (const [state, count] of Object.entries(sessions())) this.set({ state }, count);
      },
    });
    new Gauge({
      name: "hubcap_sockets",
      help: "Open connections",
      registers,
      collect() {
        this.set(socketCount());
      },
    });
    new Gauge({
      name: "hubcap_resident_memory_bytes",
      help: "Resident memory of the process",
      registers,
      collect() {
        this.set(Deno.memoryUsage().rss);
      },
    });
  }

  #addEngineGauges({ engine }: MetricSources): void {
    const registers = [this.#registry];
    const total = (name: string, help: string, read: (engine: CaptionEngine) => number) => {
      new Counter({
        name,
        help,
        registers,
        collect() {
          const running = engine();
          this.reset();
          if (running !== undefined) this.inc(read(running));
        },
      });
    };
    const level = (name: string, help: string, read: (engine: CaptionEngine) => number) => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          const running = engine();
          this.set(running === undefined ? 0 : read(running));
        },
      });
    };
    total("hubcap_windows_total", "Windows encoded", ({ stats }) => stats.windowCount);
    total("hubcap_runs_total", "Runs of the model: windows a run", ({ stats }) => stats.runCount);
    total("hubcap_run_seconds_total", "Time in runs", ({ stats }) => stats.runMs / 1000);
    total("hubcap_run_failures_total", "Runs that failed", ({ stats }) => stats.failureCount);
    total("hubcap_model_reloads_total", "Devices lost", ({ stats }) => stats.reloadCount);
    total("hubcap_committed_seconds_total", "Audio committed", (e) => e.stats.committedSeconds);
    total("hubcap_streams_refused_total", "Streams refused", ({ stats }) => stats.refusedCount);
    level("hubcap_streams", "Streams in the engine", ({ stats }) => stats.streamCount);
    level(
      "hubcap_lateness_seconds",
      "Wait of the window that waits longest",
      ({ stats }) => stats.lagMs / 1000,
    );
    level(
      "hubcap_overload_step",
      "0 admit, 1 coalesce, 2 degrade, 3 refuse",
      ({ stats }) => OVERLOAD_STEPS.indexOf(stats.overload.step),
    );
    for (const step of OVERLOAD_STEPS.slice(1)) {
      total(
        `hubcap_overload_${step}_total`,
        `Times that '${step}' was entered`,
        ({ stats }) => stats.overload.entered[step],
      );
    }
  }
}
