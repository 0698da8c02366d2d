/**
 * Records as Markdown tables.
 *
 * @module
 */
import { type BenchRecord, intervalOf, type Measure, valueOf } from "./record.ts";

/** A number with three digits that count, as people write it. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 100) return value.toFixed(0);
  if (value !== 0 && Math.abs(value) < 0.001) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}

/** A measured number and where it lies. */
export function measureText(measure: Measure): string {
  const scale = measure.unit === "%" ? 100 : 1;
  const shown = (value: number) => numberText(scale * value);
  const interval = intervalOf(measure);
  const value = shown(valueOf(measure));
  if (interval === undefined || value === "–") return value;
  const [low, high] = interval.map(shown);
  return low === value && high === value ? value : `${value} (${low}–${high})`;
}

/** A table: a row for each of `rows`, numbers to the right. */
export function markdownTable(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const isNumeric = columns.map((_, i) => rows.every((row) => /^(–|[-+\d.]|$)/.test(row[i] ?? "")));
  return [
    line(columns),
    line(isNumeric.map((numeric) => numeric ? "---:" : "---")),
    ...rows.map(line),
  ].join("\n");
}

function namesOf(records: readonly (Readonly<Record<string, unknown>>)[]): string[] {
  return [...new Set(records.flatMap((record) => Object.keys(record)))];
}

/**
 * Records of one benchmark: what differs between them as columns, what is the same in a line
 * above, then what was measured.
 */
export function recordsTable(records: readonly BenchRecord[]): string {
  const names = namesOf(records.map((record) => record.case));
  const isConstant = (name: string) =>
    records.length > 1 && new Set(records.map((record) => record.case[name])).size === 1;
  const constants = names.filter(isConstant)
    .map((name) => `${name} ${records[0]!.case[name]}`);
  const varied = names.filter((name) => !isConstant(name));
  const measures = namesOf(records.map((record) => record.measures));
  const headOf = (name: string) => {
    const unit = records.find((record) => name in record.measures)!.measures[name]!.unit;
    return unit === "" ? name : `${name}, ${unit}`;
  };
  const table = markdownTable(
    [...varied, ...measures.map(headOf)],
    records.map((record) => [
      ...varied.map((name) => String(record.case[name] ?? "")),
      ...measures.map((name) => name in record.measures ? measureText(record.measures[name]!) : ""),
    ]),
  );
  return constants.length === 0 ? table : `${constants.join(", ")}\n\n${table}`;
}
