/**
 * What repeated measurements come to, and whether two sets of them differ.
 *
 * @module
 */

/** The value below which a part of the values lies, between two of them in proportion. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * part;
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (position - low);
}

/** Half of the values lie below. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Numbers from 0 up to 1, the same every time. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => { // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A part of a whole in each of several recordings: errors of words, say. */
export type Count = readonly [part: number, whole: number];

/** The parts together by the wholes together. */
export function ratioOf(counts: readonly Count[]): number {
  const [part, whole] = counts.reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
  return part / whole;
}

const DRAW_COUNT = 2000;

/** What 95 % of the draws lie between. */
function bootstrap(itemCount: number, draw: (picks: readonly number[]) => number): Interval {
  const random = seededRandom(1);
  const drawn = Array.from({ length: DRAW_COUNT }, () => {
    return draw(Array.from({ length: itemCount }, () => Math.floor(random() * itemCount)));
  }).filter(Number.isFinite); // a draw of empty recordings alone has no ratio
  return [quantile(drawn, 0.025), quantile(drawn, 0.975)];
}

/** Where a value lies, from low to high. */
export type Interval = readonly [low: number, high: number];

/** 95 % interval of the ratio, by drawing recordings with replacement (bootstrap, percentiles). */
export function ratioInterval(counts: readonly Count[]): Interval {
  return bootstrap(counts.length, (picks) => ratioOf(picks.map((i) => counts[i]!)));
}

/**
 * 95 % interval of the difference of two ratios over the same recordings, second less first: both
 * are drawn together, so what a recording has in common falls out.
 */
export function differenceInterval(first: readonly Count[], second: readonly Count[]): Interval {
  return bootstrap(
    first.length,
    (picks) => ratioOf(picks.map((i) => second[i]!)) - ratioOf(picks.map((i) => first[i]!)),
  );
}

/**
 * How likely two sets of measurements lie as far apart as they do, or farther, if nothing
 * distinguishes them: the rank-sum test of Wilcoxon, Mann and Whitney, exact and two-sided, ties
 * sharing their ranks.
 */
export function rankSumProbability(first: readonly number[], second: readonly number[]): number {
  const ranks = doubledRanks([...first, ...second]);
  const observed = ranks.slice(0, first.length).reduce((sum, rank) => sum + rank, 0);
  const ways = waysToSum(ranks, first.length);
  const expected = first.length * (ranks.length + 1); // of doubled ranks
  let [all, asFar] = [0, 0];
  for (const [sum, count] of ways) {
    all += count;
    if (Math.abs(sum - expected) >= Math.abs(observed - expected)) asFar += count;
  }
  return asFar / all;
}

/** Twice each value's rank, so that shared ranks are whole numbers. */
function doubledRanks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return 2 * below + equal + 1;
  });
}

/** In how many ways so many of the numbers have each sum. */
function waysToSum(numbers: readonly number[], size: number): Map<number, number> {
  const ways = Array.from({ length: size + 1 }, () => new Map<number, number>());
  ways[0]!.set(0, 1);
  for (const number of numbers) {
    for (let taken = size; taken > 0; taken--) {
      for (const [sum, count] of ways[taken - 1]!) {
        ways[taken]!.set(sum + number, (ways[taken]!.get(sum + number) ?? 0) + count);
      }
    }
  }
  return ways[size]!;
}
