/**
 * Losses from the outputs of the heads and labels, equal to transformers'.
 * Sums run in 64 bits.
 *
 * Shapes: B batch, T frames, V vocabulary, U label positions, L classes.
 *
 * @module
 */
import { elementCount, type Tensor } from "../tensor.ts";
import type { CommonConfig } from "./common_config.ts";

/** Label that marks a position as not there. */
const IGNORED_LABEL: number = -100;

/** Options of {@linkcode ctcLoss}. */
export interface CtcLossOptions {
  /** Token that stands for "no token": `pad_token_id`. @default {0} */
  readonly blank?: number;
  /** Frames of each row that are not padding. [B] @default {all} */
  readonly frameCounts?: ArrayLike<number>;
  /** Sum over the batch, or mean of the losses each divided by its label count: `ctc_loss_reduction`. @default {"sum"} */
  readonly reduction?: "sum" | "mean";
  /** Whether rows with more labels than their frames can hold count as 0: `ctc_zero_infinity`. @default {false} */
  readonly zeroInfinity?: boolean;
}

/**
 * Connectionist temporal classification: minus the log-probability of the
 * labels, over all ways to lay them over the frames.
 *
 * @param logits Scores before softmax. [B, T, V]
 * @param labels Tokens; {@linkcode IGNORED_LABEL} and blanks are left out. [B, U]
 * @throws {RangeError} If a label is no token, or a row has more labels than its
 * frames can hold while `zeroInfinity` is off.
 */
export function ctcLoss(
  logits: Tensor,
  labels: Tensor<Int32Array>,
  options: CtcLossOptions = {},
): number {
  const { blank = 0, frameCounts, reduction = "sum", zeroInfinity = false } = options;
  const [batch, frames, vocabulary] = shapeOf(logits, 3, "logits [B, T, V]");
  const [labelBatch, positions] = shapeOf(labels, 2, "labels [B, U]");
  if (batch !== labelBatch) {
    throw new RangeError(`Cannot pair ${batch} rows of logits with ${labelBatch} rows of labels`);
  }
  if (!(blank >= 0 && blank < vocabulary)) {
    throw new RangeError(`Cannot use blank ${blank} as the vocabulary has ${vocabulary} tokens`);
  }
  let total = 0;
  for (let row = 0; row < batch; row++) {
    const own = labels.data.subarray(row * positions, (row + 1) * positions);
    const targets = own.filter((label) => label !== IGNORED_LABEL && label !== blank);
    targets.forEach((label) => checkLabel(label, vocabulary));
    const frameCount = frameCounts?.[row] ?? frames;
    if (!(frameCount >= 0 && frameCount <= frames)) {
      throw new RangeError(`Cannot use ${frameCount} frames of row ${row} as it has ${frames}`);
    }
    const needed = framesNeeded(targets);
    if (needed > frameCount) {
      if (zeroInfinity) continue;
      throw new RangeError(
        `Cannot compute the CTC loss of row ${row} as its ${targets.length} labels need ${needed} frames: it has ${frameCount}. Set ctc_zero_infinity to count such rows as 0`,
      );
    }
    const start = row * frames * vocabulary;
    const scores = logits.data.subarray(start, start + frameCount * vocabulary);
    const loss = -alignmentLogProbability(scores, targets, { blank, vocabulary });
    total += reduction === "sum" ? loss : loss / Math.max(1, targets.length) / batch;
  }
  return total;
}

/** Frames that labels take up: one each, and a blank between equal neighbours. */
function framesNeeded(targets: Int32Array): number {
  return targets.reduce(
    (sum, label, i) => sum + (i > 0 && label === targets[i - 1] ? 2 : 1),
    0,
  );
}

/**
 * The forward algorithm: `alpha[s]` is the log-probability of having read the
 * first `s` of blank, label, blank, label, …, blank. scores: [T, V]
 */
function alignmentLogProbability(
  scores: Float32Array,
  targets: Int32Array,
  { blank, vocabulary }: { blank: number; vocabulary: number },
): number {
  const states = Array.from(
    { length: 2 * targets.length + 1 },
    (_, s) => s % 2 === 0 ? blank : targets[(s - 1) / 2]!,
  );
  let alpha = new Float64Array(states.length).fill(-Infinity);
  alpha[0] = 0; // before the first frame, as if one blank had been read
  for (let start = 0; start < scores.length; start += vocabulary) {
    const frame = scores.subarray(start, start + vocabulary);
    const normalizer = logSumExp(frame);
    alpha = alpha.map((stay, s) => {
      const step = s > 0 ? alpha[s - 1]! : -Infinity;
      const maySkip = s > 1 && states[s] !== blank && states[s] !== states[s - 2];
      const skip = maySkip ? alpha[s - 2]! : -Infinity;
      return logSumExp([stay, step, skip]) + frame[states[s]!]! - normalizer;
    });
  }
  return logSumExp(alpha.subarray(-2));
}

/** `log Σ exp(x)` without overflow. */
function logSumExp(values: ArrayLike<number>): number {
  let largest = -Infinity;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, values[i]!);
  if (largest === -Infinity) return -Infinity;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - largest);
  return largest + Math.log(sum);
}

/**
 * Mean cross-entropy over the rows that have a label.
 *
 * @param logits Scores before softmax. [B, L]
 * @param labels Classes; {@linkcode IGNORED_LABEL} leaves a row out. [B]
 * @throws {RangeError} If a label is no class.
 */
export function crossEntropyLoss(logits: Tensor, labels: Tensor<Int32Array>): number {
  const [batch, classes] = shapeOf(logits, 2, "logits [B, L]");
  checkCount(labels, batch, "one label a row");
  let total = 0;
  let count = 0;
  for (const [row, label] of labels.data.entries()) {
    if (label === IGNORED_LABEL) continue;
    checkLabel(label, classes);
    const scores = logits.data.subarray(row * classes, (row + 1) * classes);
    total += logSumExp(scores) - scores[label]!;
    count++;
  }
  return total / count;
}

/** Mean squared difference. predictions, targets: [B, L] */
export function meanSquaredLoss(predictions: Tensor, targets: Tensor): number {
  checkCount(targets, predictions.data.length, "one number a prediction");
  const squares = predictions.data.reduce((sum, x, i) => sum + (x - targets.data[i]!) ** 2, 0);
  return squares / predictions.data.length;
}

/** Mean binary cross-entropy of scores before the sigmoid. logits, targets: [B, L] */
export function binaryCrossEntropyLoss(logits: Tensor, targets: Tensor): number {
  checkCount(targets, logits.data.length, "one flag a score");
  const total = logits.data.reduce((sum, x, i) => {
    // max(x, 0) − x·y + log(1 + e^−|x|), which overflows for no x
    return sum + Math.max(x, 0) - x * targets.data[i]! + Math.log1p(Math.exp(-Math.abs(x)));
  }, 0);
  return total / logits.data.length;
}

/**
 * The loss a sequence classifier was trained with: what `problem_type` says, or
 * what labels and class count suggest when it says nothing.
 *
 * @param logits Scores of the classes. [B, L]
 * @param labels Classes as integers [B], or numbers or flags as floats [B, L].
 * @param config The classifier's config.
 * @throws {RangeError} If a label is no class, or there are too few or too many.
 * @throws {TypeError} If classes are not integers, or numbers and flags not floats.
 */
export function sequenceClassificationLoss(
  logits: Tensor,
  labels: Tensor<Int32Array> | Tensor<Float32Array>,
  config: Pick<CommonConfig, "problem_type">,
): number {
  const isInteger = hasIntegers(labels);
  const [, classes] = shapeOf(logits, 2, "logits [B, L]");
  const several = isInteger ? "single_label_classification" : "multi_label_classification";
  const problem = config.problem_type ?? (classes === 1 ? "regression" : several);
  if (problem === "single_label_classification") {
    if (isInteger) return crossEntropyLoss(logits, labels);
    throw new TypeError("Cannot take floats as classes: labels must be an Int32Array");
  }
  const floats = hasIntegers(labels)
    ? { data: Float32Array.from(labels.data), shape: labels.shape }
    : labels;
  return problem === "regression"
    ? meanSquaredLoss(logits, floats)
    : binaryCrossEntropyLoss(logits, floats);
}

function hasIntegers(
  labels: Tensor<Int32Array> | Tensor<Float32Array>,
): labels is Tensor<Int32Array> {
  return labels.data instanceof Int32Array;
}

function checkLabel(label: number, count: number): void {
  if (label >= 0 && label < count) return;
  throw new RangeError(
    `Cannot use label ${label} as labels must be from 0 to ${
      count - 1
    }, or ${IGNORED_LABEL} to be ignored`,
  );
}

function checkCount(labels: Tensor<Int32Array | Float32Array>, count: number, rule: string): void {
  if (labels.data.length === count) return;
  throw new RangeError(
    `Cannot pair labels with logits as there must be ${rule}, ${count} in all: got ${labels.data.length}`,
  );
}

function shapeOf<D extends Float32Array | Int32Array>(
  { data, shape }: Tensor<D>,
  rank: number,
  name: string,
): [number, number, number] {
  if (shape.length === rank && elementCount(shape) === data.length) {
    return shape as unknown as [number, number, number];
  }
  throw new RangeError(
    `Cannot compute a loss as ${name} must have ${rank} dimensions and as many elements: got shape [${shape}] with ${data.length} elements`,
  );
}
