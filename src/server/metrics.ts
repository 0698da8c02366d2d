/**
 * What the server counts.
 *
 * @module
 */
import type { CaptionEngine } from "../engine.ts";
import { EngineMetrics } from "./engine_metrics.ts";
import { Counter, Gauge, Histogram, Registry } from "./prometheus.ts";

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
  /** What the engine does. */
  readonly engine: EngineMetrics;
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
    this.engine = new EngineMetrics(this.#registry, sources.engine);
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
}
