/**
 * What a session costs the server besides the model: memory, and processor time.
 *
 * @module
 */
import { CaptionClient } from "../../src/server/client.ts";
import type { BenchRun, BenchSpec } from "../bench_command.ts";
import { CLIP_OPTIONS, type ClipValues } from "../clips.ts";
import { speak } from "../live_speaker.ts";
import {
  MODEL_OPTIONS,
  modelSource,
  type ModelValues,
  ROUNDS_OPTION,
  systemsOf,
} from "../model_options.ts";
import { runsOf } from "../record.ts";
import { type ServerProcess, startServerProcess } from "../server_process.ts";
import { SECONDS_OPTION, serverFlags, type TimedSpeech, timedSpeech, warmUp } from "./latency.ts";

type Values = ModelValues & ClipValues & { rounds?: number; seconds?: number; sessions?: number };

/** The benchmark. */
export const sessionsBench: BenchSpec<Values> = {
  name: "sessions",
  summary: "What does a session cost the server besides the model?",
  options: [
    ...MODEL_OPTIONS.filter(({ name }) => name !== "threads"),
    ...CLIP_OPTIONS,
    SECONDS_OPTION,
    {
      name: "sessions",
      description: "sessions at once",
      value: { kind: "count", name: "count" },
      default: "4",
    },
    { ...ROUNDS_OPTION, default: "3" },
  ],
  notes:
    `A server without sessions, then with idle ones, then with as many that speak. The model runs
in a thread of its own that is not counted: what is left is transport, buffers, decoding and
protocol. Take no more than the model keeps up with in one thread, which shows in the windows that
each has: 1000 ÷ hop. Linux only.

Example:
  hubcap bench sessions --sessions 4`,
  plots: [{ title: "Memory of a session", y: ["memory"], yTitle: "MB" }],
  measure,
};

interface Costs {
  readonly memoryMb: number;
  /** Processor time besides the model's ÷ time. */
  readonly cores: number;
  /** Windows encoded, 1/s. */
  readonly windowsHz: number;
}

async function measure(values: Values, run: BenchRun): Promise<void> {
  const { rounds = 3, sessions = 4, seconds = 30 } = values;
  const systems = systemsOf(values);
  await using made = await modelSource(values);
  const speech = await timedSpeech(made.source, values, run);
  for (const [i, system] of systems.entries()) {
    const costs: Record<"idle" | "speaking", Costs[]> = { idle: [], speaking: [] };
    let device = "";
    for (let round = 0; round < rounds; round++) {
      const name = `${system.backend} ${system.dtype}, round ${round + 1}`;
      run.progress((i + round / rounds) / systems.length, name);
      const flags = serverFlags(made.source, {
        ...{ values: { ...values, threads: 1 }, system, decoder: "auto", leftMs: 4000 },
      });
      await using server = await startServerProcess(flags, run);
      device = server.device;
      await warmUp(server.url, run.signal);
      const load = { server, speech, sessions, seconds, run };
      costs.idle.push(await measureIdle(load));
      costs.speaking.push(await measureSpeaking(load));
    }
    for (const [state, each] of Object.entries(costs)) {
      await run.record({
        case: { system: `${system.backend} ${system.dtype}`, state, sessions },
        device,
        measures: {
          memory: runsOf(each.map(({ memoryMb }) => memoryMb), "MB"),
          "of a core": runsOf(each.map(({ cores }) => cores), "%"),
          windows: runsOf(each.map(({ windowsHz }) => windowsHz), "1/s"),
        },
      });
    }
  }
}

interface Load {
  readonly server: ServerProcess;
  readonly speech: TimedSpeech;
  readonly sessions: number;
  readonly seconds: number;
  readonly run: BenchRun;
}

/** Sessions that have begun and say nothing. */
async function measureIdle({ server, speech, sessions, run }: Load): Promise<Costs> {
  const before = await look(server);
  await using stack = new AsyncDisposableStack();
  for (let i = 0; i < sessions; i++) {
    const welcome = Promise.withResolvers<void>();
    const client = stack.use(
      new CaptionClient({
        url: `${server.url}/v1/captions`,
        audio: { encoding: "s16le", sampleRateHz: speech.sampleRateHz },
        bytesPerSample: 2,
        signal: run.signal,
        onMessage: ({ type }) => type === "hello" && welcome.resolve(),
      }),
    );
    client.finished.catch(() => {}); // it is given up at the end
    await Promise.race([welcome.promise, client.finished]);
  }
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  return costsOf(before, await look(server), sessions);
}

const IDLE_MS = 5000;

/** Sessions that speak; looked at just before they end. */
async function measureSpeaking(
  { server, speech, sessions, seconds, run }: Load,
): Promise<Costs> {
  const before = await look(server);
  const speakers = Array.from({ length: sessions }, (_, i) =>
    speak(speech.of(i).samples, {
      ...{ url: server.url, sampleRateHz: speech.sampleRateHz, signal: run.signal },
      delayMs: i * 25,
    }));
  await Promise.race([
    new Promise((resolve) => setTimeout(resolve, 1000 * seconds)),
    Promise.all(speakers),
  ]);
  const after = await look(server);
  await Promise.all(speakers);
  return costsOf(before, after, sessions);
}

interface Look {
  readonly atMs: number;
  readonly memoryBytes: number;
  readonly hostMs: number;
  readonly windowCount: number;
}

/** How the server is: its memory, its processor time besides the model's, and what it has encoded. */
async function look(server: ServerProcess): Promise<Look> {
  return {
    atMs: performance.now(),
    memoryBytes: await server.metric("hubcap_resident_memory_bytes"),
    windowCount: await server.metric("hubcap_windows_total"),
    hostMs: await server.hostCpuMs(),
  };
}

function costsOf(before: Look, after: Look, sessions: number): Costs {
  const share = (after.atMs - before.atMs) * sessions;
  return {
    memoryMb: (after.memoryBytes - before.memoryBytes) / 1e6 / sessions,
    cores: (after.hostMs - before.hostMs) / share,
    windowsHz: 1000 * (after.windowCount - before.windowCount) / share,
  };
}
