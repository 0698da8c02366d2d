/**
 * What overlapping windows cost, and what shared runs and kept front-end frames save.
 *
 * @module
 */
import { loadModel } from "../../src/load_model.ts";
import type { SpeechModel } from "../../src/speech_model.ts";
import { type EncodeJob, WindowEncoder } from "../../src/window_encoder.ts";
import { type BenchRun, type BenchSpec, numbersOf } from "../bench_command.ts";
import {
  MODEL_OPTIONS,
  modelSource,
  type ModelValues,
  ROUNDS_OPTION,
  SHAPE_OPTION,
  systemsOf,
  threadOptions,
} from "../model_options.ts";
import { runsOf } from "../record.ts";
import { steadyJobs, type SteadyOptions, timed } from "../steady_windows.ts";
import { HOP_OPTION } from "../streaming_options.ts";

type Values = ModelValues & {
  hop?: string;
  window?: string;
  streams?: string;
  rounds?: number;
};

/** The benchmark. */
export const overlapBench: BenchSpec<Values> = {
  name: "overlap",
  summary: "What do overlapping windows cost, and what do shared runs and kept frames save?",
  options: [
    ...MODEL_OPTIONS,
    SHAPE_OPTION,
    HOP_OPTION,
    {
      name: "window",
      description: "lengths of windows, ms",
      value: { kind: "text", name: "list" },
      default: "7000",
    },
    {
      name: "streams",
      description: "streams that share a run",
      value: { kind: "text", name: "list" },
      default: "1,4",
    },
    ROUNDS_OPTION,
  ],
  notes: `Three ways of encoding the same windows, in turns: a run for each stream, one run for all,
and one run for all with front-end frames kept from window to window, where the model allows that.
Cost is seconds of computing for a second of one speaker's audio.

Example:
  hubcap bench overlap --hop 200,400,800 --window 4000,7000,10000`,
  plots: [
    { title: "Cost of overlap", x: "hop ms", y: ["cost"], yTitle: "computing ÷ audio" },
    { title: "Cost of context", x: "window ms", y: ["cost"], yTitle: "computing ÷ audio" },
  ],
  measure,
};

/** A way of encoding windows. */
interface Way {
  readonly name: string;
  readonly encoder: WindowEncoder;
  readonly isShared: boolean;
}

async function measure(values: Values, run: BenchRun): Promise<void> {
  const { hop = "400", window = "7000", streams = "1,4" } = values;
  const shapes = numbersOf(window, "window").flatMap((windowMs) =>
    numbersOf(hop, "hop").flatMap((hopMs) =>
      numbersOf(streams, "streams").map((streamCount) => ({ windowMs, hopMs, streamCount }))
    )
  );
  const systems = systemsOf(values);
  await using made = await modelSource(values);
  for (const [i, system] of systems.entries()) {
    await using model = await loadModel(made.source, {
      ...{ task: "ctc", ...system, ...threadOptions(values), parts: [], signal: run.signal },
    });
    const name = `${system.backend} ${system.dtype}`;
    const ways = waysOf(model, run);
    for (const [j, shape] of shapes.entries()) {
      const part = (i + j / shapes.length) / systems.length;
      run.progress(part, `${name} window ${shape.windowMs} hop ${shape.hopMs}`);
      const times = await measureShape(model, ways, { ...shape, rounds: values.rounds ?? 5 });
      for (const [k, way] of ways.entries()) {
        const perWindow = times[k]!.map((ms) => ms / shape.streamCount);
        await run.record({
          case: {
            ...{ system: name, "window ms": shape.windowMs, "hop ms": shape.hopMs },
            ...{ streams: shape.streamCount, way: way.name },
          },
          device: model.selection.reason,
          measures: {
            "time a window": runsOf(perWindow, "ms"),
            cost: runsOf(perWindow.map((ms) => ms / shape.hopMs), ""),
            "streams at most": runsOf(perWindow.map((ms) => shape.hopMs / ms), "", "higher"),
            "of a run each": runsOf(times[k]!.map((ms, n) => ms / times[0]![n]!), "×"),
          },
        });
      }
    }
  }
}

/** The ways there are for a model; one that it does not allow is left out aloud. */
function waysOf(model: SpeechModel<"ctc">, run: BenchRun): Way[] {
  const wayOf = (name: string, isShared: boolean, frontEndCache: boolean): Way => {
    const options = { isShared, normalization: "running", frontEndCache } as const;
    return { name, encoder: new WindowEncoder(model, options), isShared };
  };
  const ways = [wayOf("a run each", false, false), wayOf("one run", true, false)];
  try {
    ways.push(wayOf("one run, frames kept", true, true));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    run.say(`LEFT OUT frames kept: ${error.message}`);
  }
  return ways;
}

/** Times of each way, ms a round, after one round that does not count. */
async function measureShape(
  model: SpeechModel<"ctc">,
  ways: readonly Way[],
  { rounds, ...shape }: SteadyOptions & { rounds: number },
): Promise<number[][]> {
  const jobs: EncodeJob[][] = [];
  for (const { encoder } of ways) jobs.push(await steadyJobs(model, encoder, shape));
  const times: number[][] = ways.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [k, { encoder, isShared }] of ways.entries()) {
      const ms = await timed(async () => {
        if (isShared) await encoder.encode(jobs[k]!);
        else for (const job of jobs[k]!) await encoder.encode([job]);
      });
      if (round >= 0) times[k]!.push(ms);
    }
  }
  return times;
}
