/**
 * `hubcap bench`: everything that is measured, one sub-command each.
 *
 * @module
 */
import { runCommandLine } from "../src/cli/command_line.ts";
import type { Terminal } from "../src/cli/terminal.ts";
import { VERSION } from "../src/cli/version.ts";
import { benchCommand } from "./bench_command.ts";
import { accuracyBench } from "./commands/accuracy.ts";
import { agreementBench } from "./commands/agreement.ts";
import { capacityBench } from "./commands/capacity.ts";
import { latencyBench } from "./commands/latency.ts";
import { memoryBench } from "./commands/memory.ts";
import { microBench } from "./commands/micro.ts";
import { overlapBench } from "./commands/overlap.ts";
import { precisionBench } from "./commands/precision.ts";
import { sessionsBench } from "./commands/sessions.ts";
import { simulateBench } from "./commands/simulate.ts";
import { throughputBench } from "./commands/throughput.ts";
import { reportCommand } from "./commands/report.ts";
import type { PlotSpec } from "./plot.ts";

/** All benchmarks. */
const BENCHES = [
  ...[latencyBench, capacityBench, throughputBench],
  ...[accuracyBench, agreementBench, overlapBench, simulateBench],
  ...[sessionsBench, precisionBench, memoryBench, microBench],
] as const;

const PLOTS: ReadonlyMap<string, readonly PlotSpec[]> = new Map(
  BENCHES.map(({ name, plots }) => [name, plots]),
);

/**
 * Runs a benchmark.
 *
 * @param args The sub-command and its options.
 * @param terminal Where it writes, and what ends it.
 * @returns The exit code.
 */
export async function runBenchmarks(args: readonly string[], terminal: Terminal): Promise<number> {
  const commands = [...BENCHES.map((bench) => benchCommand(bench as never)), reportCommand(PLOTS)];
  const line = {
    name: "hubcap bench",
    version: VERSION,
    summary: "Measures on this machine: how late, how many, how fast, how right",
    commands,
  };
  return await runCommandLine(args.length === 0 ? ["--help"] : args, { line, terminal });
}
