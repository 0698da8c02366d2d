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
