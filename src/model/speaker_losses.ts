/**
 * Losses of the speaker heads, equal to transformers'.
 *
 * Shapes: B batch, T frames, L labels, E embedding size.
 *
 * @module
 */
import { elementCount, type Tensor } from "../tensor.ts";
import { crossEntropyLoss } from "./losses.ts";

/** Where a checkpoint keeps the class vectors of {@linkcode amSoftmaxLoss}. [E, L] */
export const AM_SOFTMAX_WEIGHT = "objective.weight";

/**
 * Mean cross-entropy over all frames, each labelled by the largest of its flags.
 *
 * @param logits Scores before softmax. [B, T, L]
 * @param labels One flag a label. [B, T, L]
 * @throws {RangeError} If the shapes differ.
 */
export function frameClassificationLoss(
  logits: Tensor,
  labels: Tensor<Int32Array> | Tensor<Float32Array>,
): number {
  if (logits.shape.length !== 3 || labels.shape.join() !== logits.shape.join()) {
    throw new RangeError(
      `Cannot compute a loss as labels must have the shape of logits [B, T, L]: got [${labels.shape}] and [${logits.shape}]`,
    );
  }
  const [batch, frames, labelCount] = logits.shape as [number, number, number];
  const rowCount = batch * frames;
  const classes = Int32Array.from({ length: rowCount }, (_, row) => {
    const flags = Array.from(labels.data.subarray(row * labelCount, (row + 1) * labelCount));
    return flags.indexOf(Math.max(...flags));
  });
  return crossEntropyLoss(
    { data: logits.data, shape: [rowCount, labelCount] },
    { data: classes, shape: [rowCount] },
  );
}

/** Options of {@linkcode amSoftmaxLoss}. */
export interface AmSoftmaxLossOptions {
  /** A vector for each class, the checkpoint's {@linkcode AM_SOFTMAX_WEIGHT}. [E, L] */
  readonly weight: Tensor;
  /** What cosines are multiplied by. @default {30} */
  readonly scale?: number;
  /** What is taken from the right class's cosine. @default {0.4} */
  readonly margin?: number;
}

/**
 * Additive margin softmax: cross-entropy of scaled cosines between vectors and
 * classes, the right class handicapped by a margin.
 *
 * @param logits What the x-vector head gives as `logits`. [B, E]
 * @param labels Classes. [B]
 * @throws {RangeError} If a label is no class, or the shapes do not fit.
 * @see {@link https://arxiv.org/abs/1801.05599}
 */
export function amSoftmaxLoss(
  logits: Tensor,
  labels: Tensor<Int32Array>,
  { weight, scale = 30, margin = 0.4 }: AmSoftmaxLossOptions,
): number {
  const [batch, size] = logits.shape as [number, number];
  const classCount = weight.shape[1]!;
  if (
    logits.shape.length !== 2 || weight.shape.length !== 2 || weight.shape[0] !== size ||
    elementCount(weight.shape) !== weight.data.length
  ) {
    throw new RangeError(
      `Cannot compute a loss as weight must be [E, L] for logits [B, E]: got [${weight.shape}] and [${logits.shape}]`,
    );
  }
  const classes = Array.from(
    { length: classCount },
    (_, id) =>
      unit(Float64Array.from({ length: size }, (_, i) => weight.data[i * classCount + id]!)),
  );
  const scores = new Float32Array(batch * classCount);
  for (let row = 0; row < batch; row++) {
    const vector = unit(Float64Array.from(logits.data.subarray(row * size, (row + 1) * size)));
    for (const [id, direction] of classes.entries()) {
      const cosine = vector.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      const handicap = id === labels.data[row] ? margin : 0;
      scores[row * classCount + id] = scale * (cosine - handicap);
    }
  }
  return crossEntropyLoss({ data: scores, shape: [batch, classCount] }, labels);
}

/** Keeps a vector of zeros from being divided by 0. */
const LENGTH_FLOOR = 1e-12;

/** A vector of length 1 in the same direction. */
function unit(vector: Float64Array): Float64Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / Math.max(length, LENGTH_FLOOR));
}
