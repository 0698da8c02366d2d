/**
 * How many speakers one device serves in time.
 *
 * @module
 */
import { UsageError } from "../../src/cli/command.ts";
import { CaptionClientError } from "../../src/server/client.ts";
import { type BenchRun, type BenchSpec, numbersOf } from "../bench_command.ts";
import { CLIP_OPTIONS, type ClipValues } from "../clips.ts";
import { leastRise, wordLatencies, type WordLatency } from "../emission_latency.ts";
import { speak } from "../live_speaker.ts";
import {
  DECODER_OPTIONS,
  decodersOf,
  type DecoderValues,
  MODEL_OPTIONS,
  modelSource,
  type ModelValues,
  ROUNDS_OPTION,
  type System,
  systemsOf,
  WORKERS_OPTION,
} from "../model_options.ts";
import { largestPassing } from "../bisection.ts";
import { runsOf } from "../record.ts";
import { type ServerProcess, startServerProcess } from "../server_process.ts";
import { quantile } from "../statistics.ts";
import {
  HOP_OPTION,
  LEFT_OPTION,
  RIGHT_OPTION,
  type StreamingValues,
} from "../streaming_options.ts";
import { SECONDS_OPTION, serverFlags, type TimedSpeech, timedSpeech, warmUp } from "./latency.ts";

type Values = ModelValues & DecoderValues & ClipValues & StreamingValues & {
  rounds?: number;
  seconds?: number;
  budget?: number;
  max?: number;
};

/** The benchmark. */
export const capacityBench: BenchSpec<Values> = {
  name: "capacity",
  summary: "How many speakers at once, with captions in time?",
  options: [
    ...[...MODEL_OPTIONS, WORKERS_OPTION],
    ...DECODER_OPTIONS,
    ...CLIP_OPTIONS,
    ...[HOP_OPTION, LEFT_OPTION, RIGHT_OPTION, SECONDS_OPTION],
    {
      name: "budget",
      description: "95 of 100 words are final within this time after their end, ms",
      value: { kind: "count", name: "ms" },
      default: "1500",
    },
    {
      name: "max",
      description: "most speakers to try",
      value: { kind: "count", name: "count" },
      default: "256",
    },
    { ...ROUNDS_OPTION, default: "1" },
  ],
  notes: `Speakers are clients of a hubcap serve in another process, over WebSockets, and speak at
the speed of speech. A number of them is served when p95 of their words' final latency is within
the budget, latency does not rise by more than 2 % of the time that passes, and nobody is turned
away. It is doubled until it is too much, then bisected. Words within --left from the beginning do
not count: windows are shorter there.

Example:
  hubcap bench capacity --backend cpu,wasm --dtype float32,int8 --budget 1500`,
  plots: [
    { title: "Speakers served in time", y: ["streams"], yTitle: "streams" },
    { title: "Speakers served in time", x: "hop ms", y: ["streams"], yTitle: "streams" },
  ],
  measure,
};

/** Latency may rise by this much of the time that passes. */
const FLAT_SLOPE = 0.02;

async function measure(values: Values, run: BenchRun): Promise<void> {
  const { hop = "400", left = "4000", right = "600" } = values;
  const setups = systemsOf(values).flatMap((system) =>
    decodersOf(values).flatMap((decoder) =>
      numbersOf(left, "left").flatMap((leftMs) =>
        numbersOf(right, "right").flatMap((rightMs) =>
          numbersOf(hop, "hop").map((hopMs) => ({ system, decoder, leftMs, rightMs, hopMs }))
        )
      )
    )
  );
  requireSteadyWords(numbersOf(left, "left"), values.seconds);
  await using made = await modelSource(values);
  const speech = await timedSpeech(made.source, values, run);
  for (const [i, setup] of setups.entries()) {
    await measureSetup(setup, {
      ...{ values, run, speech, source: made.source },
      onTry: (detail) => run.progress(i / setups.length, detail),
    });
  }
}

interface Setup extends Settings {
  readonly system: System;
  readonly decoder: string;
}

/** Every round has a server of its own. */
async function measureSetup(
  { system, decoder, ...settings }: Setup,
  { values, run, speech, source, onTry }: {
    values: Values;
    run: BenchRun;
    speech: TimedSpeech;
    source: string;
    onTry: (detail: string) => void;
  },
): Promise<void> {
  const { rounds = 1, budget = 1500 } = values;
  const { leftMs, rightMs, hopMs } = settings;
  const name = `${system.backend} ${system.dtype}`;
  const results: Capacity[] = [];
  let device = "";
  for (let round = 0; round < rounds; round++) {
    const flags = serverFlags(source, { values, system, decoder, leftMs });
    await using server = await startServerProcess(flags, run);
    device = server.device;
    await warmUp(server.url, run.signal);
    const trying = { server, speech, settings, run };
    results.push(
      await findCapacity(values, {
        ...trying,
        onTry: (count) => onTry(`${name} hop ${hopMs}: ${count} speakers`),
      }),
    );
  }
  const numbers = (key: keyof Capacity) =>
    results.map((result) => result[key]).filter(Number.isFinite);
  await run.record({
    case: {
      ...{ system: name, decoder, "left ms": leftMs, "right ms": rightMs },
      ...{ "hop ms": hopMs, "budget ms": budget },
    },
    device,
    measures: {
      streams: runsOf(numbers("streams"), "", "higher"),
      "final p95": runsOf(numbers("finalP95"), "ms", "neither"),
      busy: runsOf(numbers("busy"), "%", "neither"),
      "server cores": runsOf(numbers("serverCores"), "", "neither"),
    },
  });
}

/** Words are counted once windows are as long as they get. */
function requireSteadyWords(lefts: readonly number[], seconds = 30): void {
  const leastSeconds = Math.max(...lefts) / 1000 + 5;
  if (seconds >= leastSeconds) return;
  throw new UsageError(
    `Cannot measure as --seconds must be at least ${leastSeconds}, --left and 5 s: ${seconds}`,
  );
}

/** The most speakers that were served, and how that went. */
interface Capacity {
  readonly streams: number;
  readonly finalP95: number;
  readonly busy: number;
  readonly serverCores: number;
}

interface Settings {
  readonly leftMs: number;
  readonly rightMs: number;
  readonly hopMs: number;
}

/** How a number of speakers went. */
interface Attempt extends Capacity {
  /** By how much latency rises at least, ms a ms. */
  readonly rise: number;
}

interface Trying {
  readonly server: ServerProcess;
  readonly speech: TimedSpeech;
  readonly settings: Settings;
  readonly run: BenchRun;
  readonly onTry: (count: number) => void;
}

async function findCapacity(values: Values, trying: Trying): Promise<Capacity> {
  const { budget = 1500, max = 256 } = values;
  const tried = new Map<number, Capacity>();
  const streams = await largestPassing(max, async (count) => {
    trying.onTry(count);
    await untilCalm(trying);
    const attempt = await tryStreams(count, trying);
    if (attempt !== undefined) tried.set(count, attempt);
    trying.run.say(attemptText(count, attempt));
    return attempt !== undefined && attempt.finalP95 <= budget && attempt.rise <= FLAT_SLOPE;
  });
  return tried.get(streams) ?? { streams: 0, finalP95: NaN, busy: NaN, serverCores: NaN };
}

/** What was too much before is not to be held against the next. */
async function untilCalm({ server, run }: Trying): Promise<void> {
  while (await server.metric("hubcap_overload_step") > 0) {
    run.signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function attemptText(count: number, attempt: Attempt | undefined): string {
  const who = `${count} ${count === 1 ? "speaker" : "speakers"}`;
  if (attempt === undefined) return `${who}: one was turned away`;
  const { finalP95, rise, busy, serverCores } = attempt;
  return `${who}: p95 ${finalP95.toFixed(0)} ms, rising by at least ${
    Math.max(0, 1000 * rise).toFixed(0)
  } ms a second, device busy ${(100 * busy).toFixed(0)} %, ${serverCores.toFixed(2)} cores`;
}

/** So many speakers at once; undefined if one was turned away. */
async function tryStreams(
  count: number,
  { server, speech, settings, run }: Trying,
): Promise<Attempt | undefined> {
  const { hopMs, rightMs, leftMs } = settings;
  const cutOff = new AbortController();
  const signal = AbortSignal.any([run.signal, cutOff.signal]);
  const startMs = performance.now();
  const [startCpuMs, startRun] = [await server.cpuMs(), await server.busySeconds()];
  const speakers = Array.from({ length: count }, async (_, i) => {
    const { samples, words } = speech.of(i);
    const { seen } = await speak(samples, {
      ...{ url: server.url, sampleRateHz: speech.sampleRateHz, signal },
      settings: { hopMs, rightMs },
      delayMs: i * hopMs / count,
    });
    return wordLatencies(words, seen).filter(({ endMs }) => endMs > leftMs);
  });
  let latencies: WordLatency[];
  try {
    latencies = (await Promise.all(speakers)).flat();
  } catch (error) {
    cutOff.abort();
    await Promise.allSettled(speakers);
    if (error instanceof CaptionClientError) return undefined;
    throw error;
  }
  const elapsedMs = performance.now() - startMs;
  return {
    streams: count,
    finalP95: quantile(latencies.map(({ final }) => final), 0.95),
    rise: leastRise(latencies.map(({ endMs, final }) => [endMs, final])),
    busy: 1000 * (await server.busySeconds() - startRun) / elapsedMs,
    serverCores: (await server.cpuMs() - startCpuMs) / elapsedMs,
  };
}
