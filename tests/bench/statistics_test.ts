import {
  differenceInterval,
  median,
  quantile,
  rankSumProbability,
  ratioInterval,
  ratioOf,
} from "../../bench/statistics.ts";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";

Deno.test("quantiles lie between values in proportion, and do not ask for order", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(quantile([40, 10, 20, 30], 0.5), 25);
  assertEquals(quantile([7], 0.95), 7);
});

Deno.test("ratioOf weighs recordings by their length", () => {
  assertEquals(ratioOf([[1, 2], [0, 8]]), 0.1);
});

Deno.test("ratioInterval holds the ratio, and is a point where recordings agree", () => {
  const counts = Array.from({ length: 40 }, (_, i) => [i % 4, 10] as const);
  const [low, high] = ratioInterval(counts);
  assert(low < 0.15 && 0.15 < high, `${low} to ${high}`);
  assertEquals(ratioInterval([[1, 4], [2, 8], [3, 12]]), [0.25, 0.25]);
});

Deno.test("differenceInterval leaves out what recordings have in common", () => {
  const hard = Array.from({ length: 20 }, (_, i) => [i, 20] as const);
  const worse = hard.map(([errors, words]) => [errors + 1, words] as const);
  const [low, high] = differenceInterval(hard, worse);
  assertAlmostEquals(low, 0.05, 1e-12);
  assertAlmostEquals(high, 0.05, 1e-12);
});

Deno.test("rankSumProbability: exact values of small samples", () => {
  assertAlmostEquals(rankSumProbability([1, 2, 3], [4, 5, 6]), 2 / 20, 1e-12);
  assertAlmostEquals(rankSumProbability([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252, 1e-12);
  // U = 3 of 5 and 4 values: 0.11111 by scipy.stats.mannwhitneyu(method="exact")
  assertAlmostEquals(rankSumProbability([1, 2, 3, 4, 8], [5, 6, 7, 9]), 14 / 126, 1e-12);
  assertEquals(rankSumProbability([1, 1, 1], [1, 1, 1]), 1);
});
