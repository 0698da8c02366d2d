import { compareRecords, differencesOf, verdictOf } from "../../bench/compare.ts";
import { type BenchRecord, countsOf, runsOf } from "../../bench/record.ts";
import { assertEquals } from "../assert.ts";
import { benchRecord } from "./records.ts";

const ms = (...runs: number[]) => runsOf(runs, "ms");

Deno.test("verdictOf: runs that lie wholly apart changed, for better or worse", () => {
  assertEquals(verdictOf(ms(100, 101, 102), ms(120, 121, 122)), "worse");
  assertEquals(verdictOf(ms(120, 121, 122), ms(100, 101, 102)), "better");
  const speed = (...runs: number[]) => runsOf(runs, "×", "higher");
  assertEquals(verdictOf(speed(2, 2.1, 2.2), speed(1, 1.1, 1.2)), "worse");
});

Deno.test("verdictOf: runs that lie among each other are the same", () => {
  assertEquals(verdictOf(ms(100, 130, 110), ms(105, 140, 120)), "same");
});

Deno.test("verdictOf: a certain change that is small does not matter", () => {
  assertEquals(verdictOf(ms(1000, 1001, 1002), ms(1010, 1011, 1012)), "same");
  assertEquals(verdictOf(ms(1000, 1001, 1002), ms(1010, 1011, 1012), 0.001), "worse");
});

Deno.test("verdictOf: two runs each tell nothing", () => {
  assertEquals(verdictOf(ms(1, 2), ms(100, 200)), "too few runs");
});

Deno.test("verdictOf: ratios over the same recordings are compared in pairs", () => {
  const counts = Array.from({ length: 30 }, (_, i) => [i % 10, 20] as const);
  const worse = counts.map(([errors, words]) => [errors + 1, words] as const);
  const mixed = counts.map(([errors, words], i) => [errors + (i % 2 ? 1 : -1), words] as const);
  assertEquals(verdictOf(countsOf(counts, "%"), countsOf(worse, "%")), "worse");
  assertEquals(verdictOf(countsOf(worse, "%"), countsOf(counts, "%")), "better");
  assertEquals(verdictOf(countsOf(counts, "%"), countsOf(mixed, "%")), "same");
});

Deno.test("compareRecords pairs cases whatever the order of their names, and skips context", () => {
  const record = (facts: BenchRecord["case"], latency: number[]) =>
    benchRecord({
      case: facts,
      measures: { p95: ms(...latency), load: runsOf([1], "", "neither") },
    });
  const old = [record({ hop: 400, right: 600 }, [1, 2, 3]), record({ hop: 200 }, [1, 2, 3])];
  const now = [record({ right: 600, hop: 400 }, [4, 5, 6]), record({ hop: 800 }, [1, 2, 3])];
  const comparisons = compareRecords(old, now);
  assertEquals(comparisons.map(({ measure, verdict, change }) => [measure, verdict, change]), [
    ["p95", "worse", 1.5],
  ]);
});

Deno.test("differencesOf names what was not alike, and not the date", () => {
  const old = benchRecord({ settings: { threads: 2 } });
  const { machine } = old;
  const now = { ...old, settings: { threads: 4 }, machine: { ...machine, cpu: "new", date: "x" } };
  assertEquals(differencesOf(old, now), ["cpu: some, now new", "threads: 2, now 4"]);
});
