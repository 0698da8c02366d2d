/**
 * What every benchmark says: one record a case, one JSON line a record.
 *
 * @module
 */
import type { MachineFacts } from "./machine.ts";
import { type Count, type Interval, median, ratioInterval, ratioOf } from "./statistics.ts";

/** Values of what is varied; together with the benchmark's name they tell records apart. */
export type Case = Readonly<Record<string, string | number>>;

/** One number that was measured, with all that its spread is computed from. */
export type Measure =
  & {
    /** Its unit; "%" is a part of 1, shown as percent; "×" a ratio; "" a number. */
    readonly unit: string;
    /** Which way is better; `neither` is context, and is not compared. */
    readonly better: "lower" | "higher" | "neither";
  }
  & (
    | {
      /** The value in each of the repeated runs. */
      readonly runs: readonly number[];
    }
    | {
      /** Parts of wholes, in each recording: errors and words. */
      readonly counts: readonly Count[];
    }
  );

/** What was measured, by name. */
export type Measures = Readonly<Record<string, Measure>>;

/** A benchmark's result in one case. */
export interface BenchRecord {
  /** Version of this form. */
  readonly format: 1;
  /** The benchmark. */
  readonly bench: string;
  /** What distinguishes it from the others of its run. */
  readonly case: Case;
  /** What was measured. */
  readonly measures: Measures;
  /** The system or device in its own words: adapter, versions, threads. */
  readonly device?: string;
  /** Options of the benchmark. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Where and when. */
  readonly machine: MachineFacts;
}

/** Repeated measurements. */
export function runsOf(
  runs: readonly number[],
  unit: string,
  better: Measure["better"] = "lower",
): Measure {
  return { unit, better, runs };
}

/** Parts of wholes in each recording. */
export function countsOf(
  counts: readonly Count[],
  unit: string,
  better: Measure["better"] = "lower",
): Measure {
  return { unit, better, counts };
}

/** The value: the median of the runs, or the ratio over all recordings. NaN without any. */
export function valueOf(measure: Measure): number {
  if ("counts" in measure) return ratioOf(measure.counts);
  return measure.runs.length === 0 ? NaN : median(measure.runs);
}

/** Its spread: from the least run to the largest, or the ratio's 95 % interval. */
export function intervalOf(measure: Measure): Interval | undefined {
  if ("counts" in measure) {
    return measure.counts.length < 2 ? undefined : ratioInterval(measure.counts);
  }
  const { runs } = measure;
  return runs.length < 2 ? undefined : [Math.min(...runs), Math.max(...runs)];
}

/** Appends a record to a file. */
export async function appendRecord(path: string, record: BenchRecord): Promise<void> {
  await Deno.writeTextFile(path, `${JSON.stringify(record)}\n`, { append: true });
}

/**
 * Reads the records of a file.
 *
 * @throws {TypeError} If a line is no record.
 */
export async function readRecords(path: string): Promise<BenchRecord[]> {
  const lines = (await Deno.readTextFile(path)).split("\n");
  return lines.flatMap((line, index) =>
    line.trim() === "" ? [] : [parseRecord(line, `${path}:${index + 1}`)]
  );
}

function parseRecord(line: string, place: string): BenchRecord {
  try {
    const record = JSON.parse(line);
    if (record?.format === 1 && typeof record.bench === "string") return record;
  } catch {
    // said below
  }
  throw new TypeError(
    `Cannot read ${place} as it is not a line that --json wrote: ${line.slice(0, 40)}`,
  );
}
