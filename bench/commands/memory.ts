/**
 * Peak memory of loading a checkpoint and running it for a second. Each backend in a process of its
 * own; Linux only.
 *
 * @module
 */
import { loadModel } from "../../src/load_model.ts";
import { fromFileUrl, join } from "../../src/std.ts";
import { UsageError } from "../../src/cli/command.ts";
import type { BenchRun, BenchSpec } from "../bench_command.ts";
import {
  MODEL_OPTIONS,
  modelSource,
  type ModelValues,
  ROUNDS_OPTION,
  SHAPE_OPTION,
  type System,
  systemsOf,
} from "../model_options.ts";
import { runsOf } from "../record.ts";
import { makeWaveforms } from "../signal.ts";

type Values = ModelValues & { rounds?: number };

/** The benchmark. */
export const memoryBench: BenchSpec<Values> = {
  name: "memory",
  summary: "How much memory does a model take while it loads and runs?",
  options: [
    ...MODEL_OPTIONS.filter(({ name }) => name !== "threads"),
    SHAPE_OPTION,
    { ...ROUNDS_OPTION, default: "1" },
  ],
  notes: `The process's high-water mark (VmHWM) before, after loading, and after a run of a second.
With a software GPU "video memory" counts too.

Example:
  hubcap bench memory --backend cpu,wasm --shape large`,
  plots: [{ title: "Peak memory", y: ["loaded", "after a run"], yTitle: "MB" }],
  measure,
};

/** High-water marks of a process, bytes. */
interface Peaks {
  readonly start: number;
  readonly loaded: number;
  readonly run: number;
}

async function measure(values: Values, run: BenchRun): Promise<void> {
  if (Deno.build.os !== "linux") {
    throw new UsageError(`Cannot measure memory on ${Deno.build.os} as peaks come from /proc`);
  }
  const systems = systemsOf(values);
  await using made = await modelSource(values);
  const sizes = await Deno.stat(join(made.source, "model.safetensors")).catch(() => undefined);
  for (const [i, system] of systems.entries()) {
    run.progress(i / systems.length, `${system.backend} ${system.dtype}`);
    const peaks: Peaks[] = [];
    for (let round = 0; round < (values.rounds ?? 1); round++) {
      peaks.push(await measureApart(made.source, system));
    }
    const megabytes = (key: keyof Peaks) => runsOf(peaks.map((peak) => peak[key] / 1e6), "MB");
    await run.record({
      case: { system: `${system.backend} ${system.dtype}` },
      measures: {
        before: { ...megabytes("start"), better: "neither" },
        loaded: megabytes("loaded"),
        "after a run": megabytes("run"),
        ...(sizes === undefined
          ? {}
          : { "of the checkpoint": runsOf(peaks.map(({ run }) => run / sizes.size), "×") }),
      },
    });
  }
}

async function measureApart(source: string, { backend, dtype }: System): Promise<Peaks> {
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", fromFileUrl(import.meta.url), source, backend, dtype],
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`Cannot measure the memory of ${backend} ${dtype}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** The process's high-water mark of resident memory. */
function peakBytes(): number {
  const kib = Deno.readTextFileSync("/proc/self/status").match(/VmHWM:\s+(\d+) kB/)?.[1];
  return Number(kib) * 1024;
}

async function measureHere(source: string, { backend, dtype }: System): Promise<Peaks> {
  const start = peakBytes();
  await using model = await loadModel(source, { task: "ctc", backend, dtype });
  const loaded = peakBytes();
  await model.forward({ inputValues: makeWaveforms(1, 1) });
  return { start, loaded, run: peakBytes() };
}

if (import.meta.main) {
  const [source, backend, dtype] = Deno.args as [string, System["backend"], System["dtype"]];
  const peaks = await measureHere(source, { backend, dtype });
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(peaks)));
}
