/**
 * How many speakers devices would serve that are not there: measured costs under the real
 * scheduler, in virtual time.
 *
 * @module
 */
import { UsageError } from "../../src/cli/command.ts";
import { defaultMaxBatch } from "../../src/engine_options.ts";
import { loadModel } from "../../src/load_model.ts";
import type { SpeechModel } from "../../src/speech_model.ts";
import { planWorkers } from "../../src/workers.ts";
import { type BenchRun, type BenchSpec, numbersOf } from "../bench_command.ts";
import { largestPassing } from "../bisection.ts";
import { realClock, VirtualClock } from "../clock.ts";
import { type CostCurve, measureCosts } from "../cost_curve.ts";
import { drivenMs, type DrivenResult, driveStreams, type Load } from "../driven_streams.ts";
import {
  MODEL_OPTIONS,
  modelSource,
  type ModelValues,
  ROUNDS_OPTION,
  SHAPE_OPTION,
  type System,
  systemsOf,
  threadOptions,
  WORKERS_OPTION,
} from "../model_options.ts";
import { runsOf } from "../record.ts";
import {
  HOP_OPTION,
  LEFT_OPTION,
  RIGHT_OPTION,
  type StreamingValues,
} from "../streaming_options.ts";
import { virtualDevice } from "../virtual_device.ts";

type Values = ModelValues & StreamingValues & {
  rounds?: number;
  budget?: number;
  devices?: string;
  placement?: Load["placement"];
  speed?: string;
  max?: number;
  seconds?: number;
  check?: string;
};

/** The benchmark. */
export const simulateBench: BenchSpec<Values> = {
  name: "simulate",
  summary: "How many speakers would so many devices of such a speed serve?",
  options: [
    ...MODEL_OPTIONS,
    ...[WORKERS_OPTION, SHAPE_OPTION],
    ...[HOP_OPTION, LEFT_OPTION, RIGHT_OPTION],
    {
      name: "devices",
      description: "how many there are",
      value: { kind: "text", name: "list" },
      default: "1",
    },
    {
      name: "placement",
      description: "where a speaker goes: to the device with the fewest, or any",
      value: { kind: "choice", name: "rule", choices: ["fewest", "any"] },
      default: "fewest",
    },
    {
      name: "speed",
      description: "how many times as fast as this machine's each device is",
      value: { kind: "text", name: "list" },
      default: "1",
    },
    {
      name: "budget",
      description: "95 of 100 frames are final within this time, ms",
      value: { kind: "count", name: "ms" },
      default: "1300",
    },
    {
      name: "max",
      description: "most speakers a device to try",
      value: { kind: "count", name: "count" },
      default: "256",
    },
    {
      name: "seconds",
      description: "time that is simulated, after windows have their full length",
      value: { kind: "count", name: "count" },
      default: "10",
    },
    {
      name: "check",
      description: "also run so many speakers for real, in real time",
      value: { kind: "text", name: "list" },
    },
    ROUNDS_OPTION,
  ],
  notes:
    `First the costs of runs are measured on this machine, by batch and length of windows, of one
worker with its share of the threads. Then the real scheduler, with its overload policy, runs on a
virtual clock with devices whose workers cost as much; when it shortens windows, frames wait for
less context. What the simulation leaves out: transport, decoding, the way these share processors
with a cpu backend, and workers of one device that slow each other down. --check shows
what that amounts to here. A frame is final before the word it belongs to: a word's end must be
certain, so take a budget about 200 ms below the one you want for words.

Examples:
  hubcap bench simulate --check 4,8
  hubcap bench simulate --devices 1,2,4,8 --placement any --speed 1,10`,
  plots: [
    {
      title: "Speakers a device in time",
      x: "devices",
      y: ["streams a device"],
      yTitle: "streams",
    },
    { title: "Delay of windows", x: "streams", y: ["delay p50", "delay p95"], yTitle: "ms" },
  ],
  measure,
};

/** Windows in a run whose cost is measured, as far as an engine puts so many into one. */
const BATCHES = [1, 2, 4, 8, 16];

/** Latency may rise by this much of the time that passes. */
const FLAT_SLOPE = 0.02;

async function measure(values: Values, run: BenchRun): Promise<void> {
  const windows = windowsOf(values);
  const systems = systemsOf(values);
  const checks = values.check === undefined ? [] : numbersOf(values.check, "check");
  if (checks.length > 0) run.say(checksText(checks, drivenMs(loadOf(1, { windows, values }))));
  await using made = await modelSource(values);
  for (const [i, system] of systems.entries()) {
    const progress = (part: number, detail: string) =>
      run.progress(
        (i + part) / systems.length,
        `${system.backend} ${system.dtype} ${detail}`,
      );
    const { load, countWith } = await planWorkers(made.source, {
      ...{ ...system, ...threadOptions(values), workerCount: values.workers },
    });
    const loadWorker = (worker: number) => load(run.signal, worker);
    await using model = await loadWorker(0);
    const workerCount = countWith(model);
    const costs = await measureCosts(model, {
      batches: BATCHES.filter((batch) => batch <= defaultMaxBatch(model.selection.chosen)),
      windowsMs: costWindowsMs(windows),
      rounds: values.rounds ?? 5,
      onPart: (part) => progress(part / 2, "measuring costs"),
    });
    run.say(costsText(system, costs));
    const study = {
      ...{ model, workerCount, loadWorker, costs, windows, values, run, system, progress },
    };
    await checkForReal(checks, study);
    run.say("Now the most speakers in time are searched for, in virtual time.");
    for (const speed of numbersOf(values.speed ?? "1", "speed")) {
      for (const deviceCount of numbersOf(values.devices ?? "1", "devices")) {
        await findStreams({ deviceCount, speed }, study);
      }
    }
  }
}

/** How long checks take, which nothing can hurry. */
function checksText(checks: readonly number[], eachMs: number): string {
  const seconds = Math.round(eachMs / 1000);
  return `Once costs are measured, ${
    checks.join(", ")
  } speakers speak for real, ${seconds} s each: ` +
    `${seconds * checks.length} s on each system. Then comes what is virtual, some seconds a load.`;
}

interface Study {
  /** That of a device's first worker. */
  readonly model: SpeechModel<"ctc">;
  readonly workerCount: number;
  /** Loads another's. */
  readonly loadWorker: (worker: number) => Promise<SpeechModel<"ctc">>;
  /** Of one worker. */
  readonly costs: CostCurve;
  readonly windows: Load["windows"];
  readonly values: Values;
  readonly run: BenchRun;
  readonly system: System;
  readonly progress: (part: number, detail: string) => void;
}

function windowsOf({ hop = "400", left = "4000", right = "600" }: Values): Load["windows"] {
  const [hops, lefts, rights] = [
    ...[numbersOf(hop, "hop"), numbersOf(left, "left"), numbersOf(right, "right")],
  ];
  const [hopMs, leftMs, rightMs] = [hops![0]!, lefts![0]!, rights![0]!];
  if (hops!.length + lefts!.length + rights!.length === 3) return { hopMs, leftMs, rightMs };
  throw new UsageError("Cannot simulate several windows in one call: give one hop, left and right");
}

/** Lengths from a stream's first window to one that takes two hops. */
function costWindowsMs({ hopMs, leftMs, rightMs }: Load["windows"]): number[] {
  const steadyMs = leftMs + hopMs + rightMs;
  return [...new Set([Math.min(1000, steadyMs / 4), steadyMs / 2, steadyMs, steadyMs + hopMs])];
}

function costsText({ backend, dtype }: System, { batches, windowsMs, runMs }: CostCurve): string {
  const rows = batches.map((batch, i) =>
    `${batch}: ${runMs[i]!.map((ms) => ms.toFixed(0)).join(", ")}`
  );
  return `${backend} ${dtype}, ms of a run, by windows in it, of ${windowsMs.join(", ")} ms:\n` +
    rows.join("\n");
}

/** The load on virtual devices. */
async function simulateLoad(
  load: Load,
  { model, workerCount, costs, speed }: Pick<Study, "model" | "workerCount" | "costs"> & {
    speed: number;
  },
): Promise<DrivenResult> {
  const clock = new VirtualClock();
  const faster = { ...costs, runMs: costs.runMs.map((row) => row.map((ms) => ms / speed)) };
  await using virtual = await loadModel(model.source, {
    ...{ task: "ctc", parts: [], backend: virtualDevice(model, { clock, costs: faster }) },
    languageModel: false, // decoding takes no virtual time, and would take real time
  });
  // runs of one virtual device take no time from each other, so it serves for all
  const copies = Array.from({ length: workerCount - 1 }, () => virtual);
  return await driveStreams(virtual, { clock, load, copies });
}

function loadOf(streamCount: number, { windows, values }: Pick<Study, "windows" | "values">): Load {
  const { seconds = 10, placement = "fewest" } = values;
  return { streamCount, deviceCount: 1, placement, windows, seconds };
}

/** The most speakers in time, on so many devices of such a speed. */
async function findStreams(
  { deviceCount, speed }: { deviceCount: number; speed: number },
  study: Study,
): Promise<void> {
  const { values: { budget = 1300, max = 256, placement = "fewest" }, run, system } = study;
  const tried = new Map<number, DrivenResult>();
  const streams = await largestPassing(max, async (count) => {
    study.progress(0.6, `${deviceCount} devices, ${count} speakers each`);
    run.signal.throwIfAborted();
    const load = { ...loadOf(count * deviceCount, study), deviceCount };
    const result = await simulateLoad(load, { ...study, speed });
    tried.set(count, result);
    return result.frameP95 <= budget && result.rise <= FLAT_SLOPE && result.refusedCount === 0;
  });
  const best = tried.get(streams);
  await run.record({
    case: {
      ...{ system: `${system.backend} ${system.dtype}`, mode: "virtual", speed, placement },
      ...{ devices: deviceCount, workers: study.workerCount },
      ...{ ...study.windows, budgetMs: budget },
    },
    measures: {
      "streams a device": runsOf([streams], "", "higher"),
      ...(best === undefined ? {} : measuresOf(best)),
    },
  });
}

/** The same loads for real and in virtual time, side by side. */
async function checkForReal(counts: readonly number[], study: Study): Promise<void> {
  const { model, workerCount, loadWorker, run, system, windows } = study;
  await using stack = new AsyncDisposableStack();
  const copies: SpeechModel<"ctc">[] = [];
  while (copies.length + 1 < workerCount) {
    copies.push(stack.use(await loadWorker(copies.length + 1)));
  }
  const name = `${system.backend} ${system.dtype}`;
  for (const streams of counts) {
    run.signal.throwIfAborted();
    study.progress(0.5, `${streams} speakers for real`);
    const load = loadOf(streams, study);
    const results = {
      real: await driveStreams(model, { clock: realClock(), load, copies }),
      virtual: await simulateLoad(load, { ...study, speed: 1 }),
    };
    for (const [mode, result] of Object.entries(results)) {
      await run.record({
        case: { system: name, mode, workers: workerCount, streams, ...windows },
        measures: measuresOf(result),
      });
    }
    run.say(checkText(streams, results));
  }
}

/** What a check says, at once: the table comes at the end. */
function checkText(streams: number, { real, virtual }: Record<string, DrivenResult>): string {
  const lateness = ({ frameP95, delayP95 }: DrivenResult) =>
    `95 of 100 frames within ${frameP95.toFixed(0)} ms, windows ${delayP95.toFixed(0)} ms`;
  return `${streams} speakers for real: ${lateness(real!)}; in virtual time: ${lateness(virtual!)}`;
}

function measuresOf(result: DrivenResult) {
  return {
    "frame p95": runsOf([result.frameP95], "ms", "neither"),
    "delay p50": runsOf([result.delayP50], "ms", "neither"),
    "delay p95": runsOf([result.delayP95], "ms", "neither"),
    busy: runsOf([result.busy], "%", "neither"),
    "windows a run": runsOf([result.windowsPerRun], "", "neither"),
    shortened: runsOf([result.shortened], "%", "neither"),
  };
}
