/**
 * The loss of each task, as the reference's `forward` computes it from labels.
 *
 * Shapes: B batch, T frames, U label positions, V vocabulary or labels, E embedding size.
 *
 * @module
 */
import type { Tensor } from "../tensor.ts";
import type { Task } from "./config.ts";
import type { ModelConfig } from "./family.ts";
import { ctcLoss, sequenceClassificationLoss } from "./losses.ts";
import { AM_SOFTMAX_WEIGHT, amSoftmaxLoss, frameClassificationLoss } from "./speaker_losses.ts";

/** What a loss depends on besides scores and labels. */
export interface TaskLossOptions {
  readonly task: Exclude<Task, "base">;
  readonly config: ModelConfig;
  /** Frames of each row that are not padding. */
  readonly frameCounts: readonly number[];
  /** Reads a tensor of the checkpoint. */
  readonly readTensor: (name: string) => Promise<Tensor>;
}

/** Tensors of a checkpoint that a task's loss needs, and no graph. */
export function lossTensors(task: Task): readonly string[] {
  return task === "x-vector" ? [AM_SOFTMAX_WEIGHT] : [];
}

/**
 * The loss a model was trained with.
 *
 * @param logits [B, T, V], [B, V] or [B, E]
 * @param labels [B, U], [B], [B, V] or [B, T, V]
 * @throws {RangeError} If they do not fit each other.
 * @throws {TypeError} If classes or tokens are no integers.
 */
export async function taskLoss(
  logits: Tensor,
  labels: Tensor<Int32Array> | Tensor<Float32Array>,
  { task, config, frameCounts, readTensor }: TaskLossOptions,
): Promise<number> {
  switch (task) {
    case "ctc":
      return ctcLoss(logits, integers(labels, "tokens"), {
        blank: config.pad_token_id ?? 0,
        frameCounts,
        reduction: config.ctc_loss_reduction,
        zeroInfinity: config.ctc_zero_infinity,
      });
    case "sequence-classification":
      return sequenceClassificationLoss(logits, labels, config);
    case "frame-classification":
      return frameClassificationLoss(logits, labels);
    case "x-vector": {
      const weight = await readTensor(AM_SOFTMAX_WEIGHT);
      return amSoftmaxLoss(logits, integers(labels, "classes"), { weight });
    }
    default:
      return task satisfies never;
  }
}

function integers(
  { data, shape }: Tensor<Int32Array> | Tensor<Float32Array>,
  what: string,
): Tensor<Int32Array> {
  if (data instanceof Int32Array) return { data, shape };
  throw new TypeError(`Cannot compute the loss as labels must be ${what}: an Int32Array`);
}
