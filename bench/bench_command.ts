/**
 * What all benchmarks have in common: their options, and what becomes of their records.
 *
 * @module
 */
import { type CommandSpec, EXIT_CODES, type OptionSpec, UsageError } from "../src/cli/command.ts";
import { Progress } from "../src/cli/progress.ts";
import type { Terminal } from "../src/cli/terminal.ts";
import { compareRecords, comparisonText, differencesOf } from "./compare.ts";
import { machineFacts } from "./machine.ts";
import type { PlotSpec } from "./plot.ts";
import { appendRecord, type BenchRecord, readRecords } from "./record.ts";
import { writeReport } from "./report_page.ts";
import { recordsTable } from "./table.ts";

/** A benchmark. `V` are the values of its own options. */
export interface BenchSpec<V> {
  /** The word it is called by. */
  readonly name: string;
  /** What it answers, in one line. */
  readonly summary: string;
  /** Its own options. */
  readonly options: readonly OptionSpec[];
  /** Shown under its help. */
  readonly notes: string;
  /** How its records are drawn. */
  readonly plots: readonly PlotSpec[];
  /** Does it. */
  readonly measure: (values: V, run: BenchRun) => Promise<void>;
}

/** What a benchmark sees of its run. */
export interface BenchRun {
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Takes in a result. */
  record(result: Pick<BenchRecord, "case" | "measures" | "device">): Promise<void>;
  /** Shows how far it is. @param fraction 0 to 1. @param detail What is being done. */
  progress(fraction: number, detail: string): void;
  /** Says something that belongs to the result: what was skipped, and why. */
  say(text: string): void;
}

/** Options of every benchmark. */
export interface CommonValues {
  readonly json?: string;
  readonly plot?: string;
  readonly compare?: string;
}

/** Options that every benchmark takes. */
const COMMON_OPTIONS: readonly OptionSpec[] = [
  {
    name: "json",
    description: "append every result to this file, one JSON object a line",
    value: { kind: "text", name: "file" },
  },
  {
    name: "plot",
    description: "draw the results: SVG files and report.html in this folder",
    value: { kind: "text", name: "folder" },
  },
  {
    name: "compare",
    description:
      "judge the results against those of a file that --json wrote; fails if one is worse",
    value: { kind: "text", name: "file" },
  },
];

/** Makes a command of a benchmark. */
export function benchCommand<V extends object>(spec: BenchSpec<V>): CommandSpec<V & CommonValues> {
  return {
    name: spec.name,
    summary: spec.summary,
    parameters: [],
    options: [...spec.options, ...COMMON_OPTIONS],
    notes: spec.notes,
    run: (_parameters, values, terminal) => runBench(spec, values, terminal),
  };
}

async function runBench<V extends object>(
  spec: BenchSpec<V>,
  values: V & CommonValues,
  terminal: Terminal,
): Promise<number> {
  const { json, plot, compare } = values;
  const old = compare === undefined ? [] : await readRecords(compare);
  const machine = await machineFacts();
  const { json: _json, plot: _plot, compare: _compare, ...settings } = values;
  const records: BenchRecord[] = [];
  const progress = new Progress(terminal);
  const run: BenchRun = {
    signal: terminal.signal,
    record: async (result) => {
      const record: BenchRecord = {
        format: 1,
        bench: spec.name,
        ...result,
        ...{ settings: { ...settings }, machine },
      };
      records.push(record);
      if (json !== undefined) await appendRecord(json, record);
    },
    progress: (fraction, detail) => progress.show({ label: spec.name, fraction, detail }),
    say: (text) => {
      progress.clear();
      terminal.write(`${text}\n`);
    },
  };
  terminal.write(`${JSON.stringify(machine)}\n`);
  try {
    await spec.measure(values, run);
  } finally { // what was measured is shown, however it ended
    progress.clear();
    if (records.length > 0) terminal.write(`\n${recordsTable(records)}\n`);
  }
  if (records.length === 0) return EXIT_CODES.failure;
  return await concludeRecords(records, {
    terminal,
    old,
    plots: new Map([[spec.name, spec.plots]]),
    ...(plot === undefined ? {} : { folder: plot }),
  });
}

/** Draws records, and judges them against older ones. Result: the exit code. */
export async function concludeRecords(
  records: readonly BenchRecord[],
  { terminal, old, plots, folder }: {
    terminal: Terminal;
    old: readonly BenchRecord[];
    plots: ReadonlyMap<string, readonly PlotSpec[]>;
    folder?: string;
  },
): Promise<number> {
  if (folder !== undefined) {
    const sections = [...Map.groupBy(records, ({ bench }) => bench)].map(([bench, records]) => {
      return { bench, records, plots: plots.get(bench) ?? [] };
    });
    const files = await writeReport(folder, sections);
    terminal.write(`\nDrawn: ${files.join(", ")}\n`);
  }
  if (old.length === 0) return EXIT_CODES.ok;
  const comparisons = compareRecords(old, records);
  const differences = differencesOf(old.at(-1)!, records.at(-1)!);
  if (differences.length > 0) {
    terminal.write(`\nNot measured alike: ${differences.join("; ")}\n`);
  }
  terminal.write(`\n${comparisonText(comparisons)}\n`);
  const isWorse = comparisons.some(({ verdict }) => verdict === "worse");
  return isWorse ? EXIT_CODES.failure : EXIT_CODES.ok;
}

/**
 * Numbers of a list such as `200,400`.
 *
 * @throws {UsageError} If one is no number, or negative.
 */
export function numbersOf(list: string, option: string): number[] {
  return list.split(",").map((text) => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
    throw new UsageError(`Cannot use --${option} as it must be numbers and commas: ${list}`);
  });
}

/**
 * Words of a list such as `cpu,wasm`.
 *
 * @throws {UsageError} If one is not among the choices.
 */
export function choicesOf<T extends string>(
  list: string,
  { option, choices }: { option: string; choices: readonly T[] },
): T[] {
  return list.split(",").map((text) => {
    const choice = choices.find((name) => name === text.trim());
    if (choice !== undefined) return choice;
    throw new UsageError(
      `Cannot use --${option} as it must be some of ${choices.join(", ")}: ${list}`,
    );
  });
}
