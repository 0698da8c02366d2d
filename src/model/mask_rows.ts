/**
 * Masks outside of graphs: one number for each sample or frame of a batch.
 *
 * Shapes: B batch, T frames.
 *
 * @module
 */
import type { Tensor } from "../tensor.ts";

/** Ones in each row. mask: [B, T] → [B] */
export function rowSums({ data, shape }: Tensor<Int32Array>): number[] {
  const [rowCount, length] = shape as [number, number];
  return Array.from(
    { length: rowCount },
    (_, row) => data.subarray(row * length, (row + 1) * length).reduce((sum, one) => sum + one, 0),
  );
}

/** 1 for the first frames of each row, 0 for the rest. counts: [B] → [B, T] */
export function prefixRows(
  counts: readonly number[],
  frameCount: number,
): Float32Array<ArrayBuffer> {
  const mask = new Float32Array(counts.length * frameCount);
  counts.forEach((count, row) => mask.fill(1, row * frameCount, row * frameCount + count));
  return mask;
}
