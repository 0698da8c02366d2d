/**
 * What repeated measurements come to.
 *
 * @module
 */

/** Repeated measurements in one number and how far they lie apart. */
export interface Summary {
  /** Half of the measurements took longer. */
  readonly median: number;
  /** The least disturbed measurement. */
  readonly best: number;
  /** Distance of the quartiles, as a part of the median. */
  readonly spread: number;
  /** How many there were. */
  readonly count: number;
}

/** Sums measurements up. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const median = quantile(sorted, 0.5);
  return {
    median,
    best: sorted[0]!,
    spread: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / median,
    count: sorted.length,
  };
}

function quantile(sorted: readonly number[], part: number): number {
  const position = (sorted.length - 1) * part;
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low]! + (sorted[high]! - sorted[low]!) * (position - low);
}
