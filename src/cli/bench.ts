/**
 * `hubcap bench`: hands over to the benchmarks, which lie beside `src/` in a checkout and are no
 * part of the library.
 *
 * @module
 */
import type { CommandSpec } from "./command.ts";
import type { Terminal } from "./terminal.ts";

/** What `bench/main.ts` gives. */
interface Benchmarks {
  runBenchmarks(args: readonly string[], terminal: Terminal): Promise<number>;
}

/** Where the benchmarks are; no part of the program until they are asked for. */
const BENCHMARKS = new URL("../../bench/main.ts", import.meta.url);

/** The command. */
export const benchCommand: CommandSpec = {
  name: "bench",
  summary: "Measure how late, how many, how fast, how right",
  parameters: [{ usage: "[args...]", description: "a benchmark and its options" }],
  options: [],
  passesThrough: true,
  notes: "",
  run: async (args, _values, terminal) => {
    await requireBenchmarks();
    const { runBenchmarks }: Benchmarks = await import(BENCHMARKS.href);
    return await runBenchmarks(args, terminal);
  },
};

async function requireBenchmarks(): Promise<void> {
  const isThere = BENCHMARKS.protocol === "file:" &&
    await Deno.stat(BENCHMARKS).then(() => true, () => false);
  if (isThere) return;
  throw new Error(
    "Cannot measure as the benchmarks are no part of the library: run this in a checkout",
  );
}
