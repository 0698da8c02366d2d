/**
 * How late words come, and how often shown words change.
 *
 * @module
 */
import type { OptionSpec } from "../../src/cli/command.ts";
import { loadModel } from "../../src/load_model.ts";
import { type BenchRun, type BenchSpec, numbersOf } from "../bench_command.ts";
import { CLIP_OPTIONS, type ClipValues, loadClips } from "../clips.ts";
import { erasure, wordLatencies } from "../emission_latency.ts";
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
import { joinClips, timeClips, type TimedClip } from "../monologue.ts";
import { type Measures, runsOf } from "../record.ts";
import { type ServerProcess, startServerProcess } from "../server_process.ts";
import { quantile, ratioOf } from "../statistics.ts";
import {
  HOP_OPTION,
  LEFT_OPTION,
  RIGHT_OPTION,
  type StreamingValues,
} from "../streaming_options.ts";

type Values = ModelValues & DecoderValues & ClipValues & StreamingValues & {
  rounds?: number;
  seconds?: number;
  streams?: number;
};

/** Options of audio as it is spoken. */
export const SECONDS_OPTION: OptionSpec = {
  name: "seconds",
  description: "speech in each run: recordings are joined until they are as long",
  value: { kind: "count", name: "count" },
  default: "30",
};

/** The benchmark. */
export const latencyBench: BenchSpec<Values> = {
  name: "latency",
  summary: "How late do words come, and how often do shown words change?",
  options: [
    ...[...MODEL_OPTIONS, WORKERS_OPTION],
    ...DECODER_OPTIONS,
    ...CLIP_OPTIONS,
    ...[HOP_OPTION, LEFT_OPTION, RIGHT_OPTION, SECONDS_OPTION],
    { ...ROUNDS_OPTION, default: "3" },
    {
      name: "streams",
      description: "speakers at once",
      value: { kind: "count", name: "count" },
      default: "1",
    },
  ],
  notes: `Speakers are clients of a hubcap serve in another process, over WebSockets, and speak at
the speed of speech: --rounds times --seconds for every case. Word times come from forced
alignment, by the model itself, of the transcript, or of what it hears offline without one.

Examples:
  hubcap bench latency
  hubcap bench latency --clips recordings/ --hop 200,400,600 --right 300,600 --plot plots/`,
  plots: [
    {
      title: "Word emission latency",
      x: "hop ms",
      y: ["interim p50", "final p50", "final p95"],
      yTitle: "ms",
    },
    { title: "Normalised erasure", x: "hop ms", y: ["erasure"], yTitle: "erased ÷ final words" },
    {
      title: "Final latency against right context",
      x: "right ms",
      y: ["final p50", "final p95"],
      yTitle: "ms",
    },
  ],
  measure,
};

interface LatencyCase {
  readonly hopMs: number;
  readonly rightMs: number;
}

/** What one run of a case gave. */
interface Round {
  readonly interim: number[];
  readonly stable: number[];
  readonly final: number[];
  readonly erasure: number;
  readonly heard: number;
  readonly busy: number;
}

async function measure(values: Values, run: BenchRun): Promise<void> {
  const { hop = "400", left = "4000", right = "600" } = values;
  const cases = numbersOf(right, "right").flatMap((rightMs) =>
    numbersOf(hop, "hop").map((hopMs) => ({ hopMs, rightMs }))
  );
  await using made = await modelSource(values);
  const speech = await timedSpeech(made.source, values, run);
  const setups = systemsOf(values).flatMap((system) =>
    decodersOf(values).flatMap((decoder) =>
      numbersOf(left, "left").map((leftMs) => ({ system, decoder, leftMs }))
    )
  );
  for (const [i, { system, decoder, leftMs }] of setups.entries()) {
    const name = `${system.backend} ${system.dtype}`;
    await using server = await startServerProcess(
      serverFlags(made.source, { values, system, decoder, leftMs }),
      run,
    );
    const rounds = await measureCases(cases, {
      ...{ values, run, server, speech },
      onPart: (part, detail) => run.progress((i + part) / setups.length, `${name} ${detail}`),
    });
    for (const [j, { hopMs, rightMs }] of cases.entries()) {
      await run.record({
        case: { system: name, decoder, "left ms": leftMs, "right ms": rightMs, "hop ms": hopMs },
        device: server.device,
        measures: measuresOf(rounds[j]!),
      });
    }
  }
}

/** Settings of the server under measurement. */
export function serverFlags(
  source: string,
  { values, system, decoder, leftMs }: {
    values: ModelValues & DecoderValues;
    system: System;
    decoder: string;
    leftMs: number;
  },
): Record<string, string | number | undefined> {
  return {
    ...{ model: source, backend: system.backend, dtype: system.dtype },
    ...{ threads: values.threads, workers: values.workers },
    ...{ decoder, "language-model": values.languageModel },
    ...{ "left-ms": leftMs, "max-sessions": 10_000, "max-sessions-per-address": 10_000 },
  };
}

/** Speech whose words' times are known. */
export interface TimedSpeech {
  /** Rate of the samples, Hz. */
  readonly sampleRateHz: number;
  /** What a speaker says; the recordings come in another order for each. */
  of(speaker: number): TimedClip;
}

/** Aligns the recordings; the model that does it is gone before anything is measured. */
export async function timedSpeech(
  source: string,
  values: ClipValues & { seconds?: number },
  run: BenchRun,
): Promise<TimedSpeech> {
  run.progress(0, "aligning words");
  await using model = await loadModel(source, { task: "ctc", parts: [], signal: run.signal });
  const { sampleRateHz } = model;
  const clips = await timeClips(model, await loadClips(values, { sampleRateHz }), run.say);
  const { seconds = 30 } = values;
  return { sampleRateHz, of: (first) => joinClips(clips, { seconds, first, sampleRateHz }) };
}

interface Measuring {
  readonly values: Values;
  readonly run: BenchRun;
  readonly server: ServerProcess;
  readonly speech: TimedSpeech;
  readonly onPart: (part: number, detail: string) => void;
}

/** Every case in turns, after one short run that does not count. */
async function measureCases(
  cases: readonly LatencyCase[],
  measuring: Measuring,
): Promise<Round[][]> {
  const { values: { rounds: roundCount = 3 }, onPart } = measuring;
  const rounds: Round[][] = cases.map(() => []);
  await warmUp(measuring.server.url, measuring.run.signal);
  for (let round = 0; round < roundCount; round++) {
    for (const [i, each] of cases.entries()) {
      const part = (round * cases.length + i) / (roundCount * cases.length);
      onPart(part, `hop ${each.hopMs} right ${each.rightMs}, round ${round + 1}`);
      rounds[i]!.push(await measureRound(each, measuring));
    }
  }
  return rounds;
}

const WARM_UP_MS = 3000;

/** Lets a server compile and allocate what it compiles and allocates. */
export async function warmUp(url: string, signal: AbortSignal): Promise<void> {
  const sampleRateHz = 16_000;
  const samples = new Float32Array(WARM_UP_MS * sampleRateHz / 1000)
    .map((_, i) => 0.1 * Math.sin(i * i / 9000));
  await speak(samples, { url, sampleRateHz, signal });
}

async function measureRound(settings: LatencyCase, measuring: Measuring): Promise<Round> {
  const { values: { streams = 1 }, run, server, speech } = measuring;
  const [startMs, startRunSeconds] = [performance.now(), await server.busySeconds()];
  const spoken = await Promise.all(Array.from({ length: streams }, async (_, i) => {
    const { samples, words } = speech.of(i);
    const { seen } = await speak(samples, {
      ...{ url: server.url, sampleRateHz: speech.sampleRateHz, settings, signal: run.signal },
      delayMs: i * settings.hopMs / streams,
    });
    return { words, seen, latencies: wordLatencies(words, seen) };
  }));
  const busySeconds = await server.busySeconds() - startRunSeconds;
  const latencies = spoken.flatMap((one) => one.latencies);
  const wordCount = spoken.reduce((sum, { words }) => sum + words.length, 0);
  return {
    interim: latencies.map(({ interim }) => interim),
    stable: latencies.map(({ stable }) => stable),
    final: latencies.map(({ final }) => final),
    erasure: ratioOf(spoken.map(({ seen }) => erasure(seen))),
    heard: latencies.length / wordCount,
    busy: 1000 * busySeconds / (performance.now() - startMs),
  };
}

function measuresOf(rounds: readonly Round[]): Measures {
  const parts = [["p50", 0.5], ["p95", 0.95], ["p99", 0.99]] as const;
  const latencies = (["interim", "stable", "final"] as const).flatMap((kind) =>
    parts.map(([name, part]) =>
      [
        `${kind} ${name}`,
        runsOf(rounds.map((round) => quantile(round[kind], part)), "ms"),
      ] as const
    )
  );
  return {
    ...Object.fromEntries(latencies),
    erasure: runsOf(rounds.map((round) => round.erasure), ""),
    heard: runsOf(rounds.map((round) => round.heard), "%", "neither"),
    busy: runsOf(rounds.map((round) => round.busy), "%"),
  };
}
