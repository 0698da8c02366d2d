/**
 * Tensors as plain records. The element type is the class of `data`.
 *
 * @module
 */

/** Element storage that crosses the backend port. */
export type TensorData = Float32Array | Int32Array | BigInt64Array | Uint8Array;

/** A dense row-major tensor. */
export interface Tensor<D extends TensorData = Float32Array> {
  /** Elements, row-major, `Π shape` of them. */
  readonly data: D;
  /** Lengths of the dimensions. */
  readonly shape: readonly number[];
}

/** Elements in a tensor of this shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Where the first value lies that is infinite or no number; -1 if there is none. */
export function indexOfNonFinite(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) { // findIndex takes ten times as long
    if (!Number.isFinite(values[i])) return i;
  }
  return -1;
}

/**
 * Where the largest element lies along the last dimension, the first of equals: the likeliest
 * token of each frame, the likeliest class of each input. // [..., V] → [...]
 *
 * @throws {RangeError} If there is nothing along the last dimension.
 *
 * @example
 * ```ts
 * import { argmax } from "./tensor.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const logits = { data: Float32Array.of(0, 2, 1, 5, 3, 4), shape: [2, 3] };
 * assertEquals(argmax(logits), { data: Int32Array.of(1, 0), shape: [2] });
 * ```
 */
export function argmax({ data, shape }: Tensor): Tensor<Int32Array> {
  const width = shape.at(-1) ?? 0;
  if (width === 0) throw new RangeError(`Cannot find the largest of nothing: shape is [${shape}]`);
  const largest = Int32Array.from({ length: data.length / width }, (_, row) => {
    let index = 0;
    for (let i = 1; i < width; i++) {
      if (data[row * width + i]! > data[row * width + index]!) index = i;
    }
    return index;
  });
  return { data: largest, shape: shape.slice(0, -1) };
}

/** The rows of a batch: tensors over the same memory. // [B, ...] → B of [...] */
export function rowsOf<D extends TensorData>({ data, shape }: Tensor<D>): Tensor<D>[] {
  const [rowCount = 0, ...rest] = shape;
  const length = elementCount(rest);
  return Array.from({ length: rowCount }, (_, row) => {
    return { data: data.subarray(row * length, (row + 1) * length) as D, shape: rest };
  });
}
