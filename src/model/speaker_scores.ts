/**
 * What the outputs of the speaker heads mean.
 *
 * Shapes: B batch, T frames, L labels, E embedding size.
 *
 * @module
 */
import type { Tensor } from "../tensor.ts";

/**
 * How likely each label is in each frame, independently of the others:
 * speakers may talk at once. logits: [B, T, L] → [B, T, L]
 */
export function frameProbabilities(logits: Tensor): Tensor {
  return { data: logits.data.map((score) => 1 / (1 + Math.exp(-score))), shape: logits.shape };
}

/** Keeps the similarity of silence finite; PyTorch's value. */
const PRODUCT_FLOOR = 1e-8;

/**
 * Cosine of the angle between two embeddings: 1 for the same direction. Which
 * value means the same speaker depends on the model; 0.7 is a usual start.
 *
 * @param a [E]
 * @param b [E]
 * @throws {RangeError} If their lengths differ.
 *
 * @example
 * ```ts
 * import { cosineSimilarity } from "./speaker_scores.ts";
 * import { assertEquals } from "../../tests/assert.ts";
 *
 * assertEquals(cosineSimilarity(Float32Array.of(0, 2), Float32Array.of(0, 3)), 1);
 * ```
 */
export function cosineSimilarity(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) {
    throw new RangeError(
      `Cannot compare embeddings as their lengths differ: ${a.length} and ${b.length}`,
    );
  }
  let [product, aSquares, bSquares] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    product += a[i]! * b[i]!;
    aSquares += a[i]! ** 2;
    bSquares += b[i]! ** 2;
  }
  return product / Math.max(Math.sqrt(aSquares * bSquares), PRODUCT_FLOOR);
}
