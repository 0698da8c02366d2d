/**
 * Whether results became better or worse, or merely differ by noise.
 *
 * @module
 */
import { type BenchRecord, intervalOf, type Measure, valueOf } from "./record.ts";
import { differenceInterval, rankSumProbability } from "./statistics.ts";
import { markdownTable, measureText, numberText } from "./table.ts";

/** What a comparison comes to. `too few runs`: nothing could be told from so few. */
export type Verdict = "better" | "worse" | "same" | "too few runs";

/** One measure, then and now. */
export interface Comparison {
  readonly bench: string;
  readonly case: string;
  readonly measure: string;
  readonly old: Measure;
  readonly new: Measure;
  /** Change as a part of the old value. */
  readonly change: number;
  readonly verdict: Verdict;
}

/** Chance of calling noise a change; three runs each can just reach it. */
const FALSE_ALARM = 0.1;

/** Smaller changes are the same even where they are certain, as a part of the old value. */
const DEFAULT_TOLERANCE = 0.03;

/**
 * Judges one measure: runs by the rank-sum test, ratios over the same recordings by their paired
 * bootstrap interval.
 *
 * @param old Then. @param now Now. @param tolerance Change that does not matter.
 */
export function verdictOf(
  old: Measure,
  now: Measure,
  tolerance: number = DEFAULT_TOLERANCE,
): Verdict {
  const difference = valueOf(now) - valueOf(old);
  const evidence = evidenceOf(old, now);
  if (evidence === "none") return "too few runs";
  const isSmall = Math.abs(difference) <= tolerance * Math.abs(valueOf(old));
  if (evidence === "noise" || isSmall || !Number.isFinite(difference)) return "same";
  return (difference < 0) === (now.better === "lower") ? "better" : "worse";
}

function evidenceOf(old: Measure, now: Measure): "change" | "noise" | "none" {
  if ("counts" in old && "counts" in now && old.counts.length === now.counts.length) {
    if (old.counts.length < 2) return "none";
    const [low, high] = differenceInterval(old.counts, now.counts);
    return low > 0 || high < 0 ? "change" : "noise";
  }
  if ("runs" in old && "runs" in now) {
    const chance = rankSumProbability(old.runs, now.runs);
    if (chance <= FALSE_ALARM + 1e-9) return "change";
    const [a, b] = [old.runs, now.runs].map(({ length }) =>
      Array.from({ length }, (_, i) => i)
    ) as [number[], number[]];
    const leastChance = rankSumProbability(a, b.map((value) => value + a.length));
    return leastChance > FALSE_ALARM + 1e-9 ? "none" : "noise";
  }
  const [first, second] = [intervalOf(old), intervalOf(now)];
  if (first === undefined || second === undefined) return "none";
  return first[1] < second[0] || second[1] < first[0] ? "change" : "noise";
}

const keyOf = ({ bench, case: facts }: BenchRecord) =>
  JSON.stringify([bench, Object.entries(facts).toSorted(([a], [b]) => a < b ? -1 : 1)]);

const caseText = ({ case: facts }: BenchRecord) =>
  Object.entries(facts).map(([name, value]) => `${name} ${value}`).join(", ");

/** Compares the records that are in both; of several of one case the last counts. */
export function compareRecords(
  old: readonly BenchRecord[],
  now: readonly BenchRecord[],
  tolerance?: number,
): Comparison[] {
  const before = new Map(old.map((record) => [keyOf(record), record]));
  return now.flatMap((record) => {
    const other = before.get(keyOf(record));
    if (other === undefined) return [];
    return Object.entries(record.measures).flatMap(([measure, value]) => {
      const then = other.measures[measure];
      if (then === undefined || value.better === "neither") return [];
      const [oldValue, newValue] = [valueOf(then), valueOf(value)];
      return [{
        ...{ bench: record.bench, case: caseText(record), measure, old: then, new: value },
        change: oldValue === 0 ? NaN : newValue / oldValue - 1,
        verdict: verdictOf(then, value, tolerance),
      }];
    });
  });
}

/** Facts of two runs that make their numbers hard to compare, in words. */
export function differencesOf(old: BenchRecord, now: BenchRecord): string[] {
  const names = ["cpu", "coreCount", "os", "deno", "onnxruntime"] as const;
  const machine = names.filter((name) => old.machine[name] !== now.machine[name])
    .map((name) => `${name}: ${old.machine[name]}, now ${now.machine[name]}`);
  const settings = Object.keys({ ...old.settings, ...now.settings })
    .filter((name) => JSON.stringify(old.settings[name]) !== JSON.stringify(now.settings[name]))
    .map((name) => `${name}: ${old.settings[name]}, now ${now.settings[name]}`);
  return [...machine, ...settings];
}

/** The comparison for people. */
export function comparisonText(comparisons: readonly Comparison[]): string {
  if (comparisons.length === 0) return "Nothing to compare: no case is in both";
  const rows = comparisons.map((comparison) => [
    ...[comparison.bench, comparison.case, comparison.measure],
    measureText(comparison.old),
    measureText(comparison.new),
    Number.isFinite(comparison.change)
      ? `${comparison.change > 0 ? "+" : ""}${numberText(100 * comparison.change)} %`
      : "–",
    comparison.verdict,
  ]);
  return markdownTable(["bench", "case", "measure", "then", "now", "change", "verdict"], rows);
}
