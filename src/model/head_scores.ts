/**
 * What the outputs of the heads mean.
 *
 * Shapes: B batch, T frames, L labels, E embedding size.
 *
 * @module
 */
import { rowsOf, type Tensor } from "../tensor.ts";
import type { ModelConfig } from "./family.ts";

/** A class and how far it applies. */
export interface LabelScore {
  /** Its name, from `id2label`. */
  readonly label: string;
  /**
   * How likely it is: all of them together 1, or each by itself where labels do not exclude each
   * other (`multi_label_classification`); for a `regression` the predicted number.
   */
  readonly score: number;
}

/**
 * The classes of each input, likeliest first, as transformers' pipeline of audio classification
 * gives them.
 *
 * @param logits Scores of a sequence classifier. [B, L]
 * @param config The classifier's config.
 *
 * @example
 * ```ts
 * import { labelScores } from "./head_scores.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const config = { id2label: { 0: "no", 1: "yes" }, problem_type: null };
 * const logits = { data: Float32Array.of(0, Math.log(3)), shape: [1, 2] };
 * const [likeliest] = labelScores(logits, config)[0]!;
 * assertEquals(likeliest!.label, "yes");
 * assertEquals(likeliest!.score.toFixed(3), "0.750");
 * ```
 */
export function labelScores(
  logits: Tensor,
  { id2label, problem_type }: Pick<ModelConfig, "id2label" | "problem_type">,
): LabelScore[][] {
  const toScores = problem_type === "regression"
    ? (row: Float32Array) => row
    : problem_type === "multi_label_classification"
    ? (row: Float32Array) => row.map(sigmoid)
    : softmax;
  return rowsOf(logits).map(({ data }) =>
    Array.from(toScores(data), (score, id) => ({ label: id2label[id]!, score }))
      .sort((a, b) => b.score - a.score)
  );
}

/** `e^x / Σ e^x`, without overflow. row: [L] → [L] */
function softmax(row: Float32Array): Float32Array {
  const largest = Math.max(...row);
  const exponentials = row.map((score) => Math.exp(score - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

/**
 * How likely each label is in each frame, independently of the others:
 * speakers may talk at once. logits: [B, T, L] → [B, T, L]
 */
export function frameProbabilities(logits: Tensor): Tensor {
  return { data: logits.data.map(sigmoid), shape: logits.shape };
}

function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-score));
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
 * import { cosineSimilarity } from "./head_scores.ts";
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
