/**
 * What the parts of a stream cost that run in JavaScript.
 *
 * @module
 */
import { fromFileUrl } from "../../src/std.ts";
import type { BenchRun, BenchSpec } from "../bench_command.ts";
import { ROUNDS_OPTION } from "../model_options.ts";
import { runsOf } from "../record.ts";

interface Values {
  readonly rounds?: number;
}

/** The benchmark. */
export const microBench: BenchSpec<Values> = {
  name: "micro",
  summary: "What do ring buffer, resampler, features, decoder and stitching cost?",
  options: [{ ...ROUNDS_OPTION, default: "3" }],
  notes: `bench/micro_bench.ts, run by Deno.bench in a process of its own.

Example:
  hubcap bench micro --json micro.jsonl`,
  plots: [{ title: "Parts of a stream", y: ["time"], yTitle: "µs" }],
  measure,
};

const SCRIPT = fromFileUrl(new URL("../micro_bench.ts", import.meta.url));

/** What `deno bench --json` says of one benchmark, as far as it matters here. */
interface DenoBench {
  readonly name: string;
  readonly results: readonly { readonly ok?: { readonly avg: number } }[];
}

async function measure({ rounds = 3 }: Values, run: BenchRun): Promise<void> {
  const times = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    run.progress(round / rounds, `round ${round + 1}`);
    for (const { name, results } of await runDenoBench()) {
      const nanoseconds = results[0]?.ok?.avg;
      if (nanoseconds === undefined) throw new Error(`Cannot measure "${name}" as it failed`);
      times.set(name, [...times.get(name) ?? [], nanoseconds / 1000]);
    }
  }
  for (const [part, micros] of times) {
    await run.record({ case: { part }, measures: { time: runsOf(micros, "µs") } });
  }
}

async function runDenoBench(): Promise<readonly DenoBench[]> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bench", "--no-check", "--allow-all", "--json", SCRIPT],
    stderr: "piped",
  }).output();
  if (success) return JSON.parse(new TextDecoder().decode(stdout)).benches;
  throw new Error(`Cannot run deno bench: ${new TextDecoder().decode(stderr).trim()}`);
}
