/**
 * A loaded model: inputs to outputs, as the reference's `forward`.
 *
 * Shapes: B batch, S samples, T frames, H hidden size, N heads, V vocabulary or labels.
 *
 * @module
 */
import type { FrameGeometry } from "../geometry.ts";
import type { GraphSession } from "../runtime/backend.ts";
import { elementCount, type Tensor, type TensorData } from "../tensor.ts";
import type { HubertConfig, Task } from "./config.ts";
import type { GraphRequest } from "./hubert_graph.ts";
import { ctcLoss, sequenceClassificationLoss } from "./losses.ts";

/** What a forward pass takes. */
export interface ForwardInputs {
  /** Waveforms at the model's rate, normalised as its preprocessor says. [B, S] */
  readonly inputValues: Tensor;
  /** 1 for samples, 0 for padding at the end. Without it padding counts as sound. [B, S] */
  readonly attentionMask?: Tensor<Int32Array> | undefined;
  /** 1 where the learned mask vector replaces a frame. [B, T] */
  readonly maskTimeIndices?: Tensor<Uint8Array> | undefined;
  /**
   * What the output should have been; gives the loss. Tokens for CTC [B, U], −100 ignored; for a
   * classifier a class each [B], or numbers or flags [B, V].
   */
  readonly labels?: Tensor<Int32Array> | Tensor<Float32Array> | undefined;
}

/** What else a forward pass should give. */
export interface ForwardOptions {
  /** Hidden states of every layer. @default {false} */
  readonly outputHiddenStates?: boolean;
  /** Attention probabilities of every layer; slower, as fused attention keeps them to itself. @default {false} */
  readonly outputAttentions?: boolean;
}

/** What every task gives. */
export interface CommonOutput {
  /** Frames of each row that are not padding. */
  readonly frameCounts: readonly number[];
  /** Encoder input, then the output of each layer, when asked for. [B, T, H] each. */
  readonly hiddenStates?: readonly Tensor[];
  /** Attention probabilities of each layer, when asked for. [B, N, T, T] each. */
  readonly attentions?: readonly Tensor[];
}

/** Output of a model without a head. */
export interface BaseOutput extends CommonOutput {
  /** [B, T, H] */
  readonly lastHiddenState: Tensor;
  /** Features of the convolutional front end. [B, T, C] */
  readonly extractFeatures: Tensor;
}

/** Output of a model with a head. */
export interface LogitsOutput extends CommonOutput {
  /** Scores before softmax: of every frame [B, T, V], or of the whole input [B, V]. */
  readonly logits: Tensor;
  /** The loss the model was trained with, when there are labels. */
  readonly loss?: number;
}

/** Output by task. */
export interface TaskOutput {
  /** Of a model without a head. */
  "base": BaseOutput;
  /** Of a CTC model: scores of every frame. */
  "ctc": LogitsOutput;
  /** Of a classifier: scores of the whole input. */
  "sequence-classification": LogitsOutput;
}

/** Gives the session of a kind of graph. */
export type SessionSource = (request: GraphRequest) => Promise<GraphSession>;

/** What {@linkcode forward} runs. */
export interface ForwardModel<T extends Task> {
  /** What it is for. */
  readonly task: T;
  /** Its config. */
  readonly config: HubertConfig;
  /** Its frame grid. */
  readonly geometry: FrameGeometry;
  /** Gives its graphs. */
  readonly session: SessionSource;
}

/**
 * Runs the model once.
 *
 * @throws {RangeError} If a shape does not fit, a row is shorter than one frame, or a sample is not finite.
 */
export async function forward<T extends Task>(
  model: ForwardModel<T>,
  inputs: ForwardInputs,
  options: ForwardOptions = {},
): Promise<TaskOutput[T]> {
  const { outputHiddenStates = false, outputAttentions = false } = options;
  const { config, geometry } = model;
  const frameCounts = checkInputs(inputs, geometry);
  const request: GraphRequest = {
    hasFrameMask: inputs.attentionMask !== undefined,
    hasMaskTimeIndices: inputs.maskTimeIndices !== undefined && config.apply_spec_augment,
    givesHiddenStates: outputHiddenStates,
    givesAttentions: outputAttentions,
  };
  const session = await model.session(request);
  const frameCount = geometry.frameCount(inputs.inputValues.shape[1]!);
  const results = await session.run(
    feedsOf(inputs, { session, request, frameCounts, frameCount }),
    session.outputNames,
  );
  return outputOf(model, results as Record<string, Tensor>, { frameCounts, labels: inputs.labels });
}

function checkInputs(inputs: ForwardInputs, geometry: FrameGeometry): number[] {
  const { inputValues, attentionMask, maskTimeIndices } = inputs;
  const [rowCount, sampleCount] = inputValues.shape;
  if (
    inputValues.shape.length !== 2 || elementCount(inputValues.shape) !== inputValues.data.length
  ) {
    throw new RangeError(
      `Cannot run the model as inputValues must be [batch, samples]: its shape is [${inputValues.shape}] and it holds ${inputValues.data.length} values`,
    );
  }
  const bad = inputValues.data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new RangeError(
      `Cannot run the model as every sample must be finite: sample ${bad % sampleCount!} of row ${
        Math.floor(bad / sampleCount!)
      } is ${inputValues.data[bad]}`,
    );
  }
  checkShape("attentionMask", attentionMask, [rowCount!, sampleCount!]);
  const frameCount = geometry.frameCount(sampleCount!);
  checkShape("maskTimeIndices", maskTimeIndices, [rowCount!, frameCount]);
  return Array.from({ length: rowCount! }, (_, row) => {
    const length = attentionMask ? rowSum(attentionMask, row) : sampleCount!;
    const frames = geometry.frameCount(length);
    if (frames > 0) return frames;
    throw new RangeError(
      `Cannot run the model as a row needs at least ${geometry.receptiveFieldSamples} samples for one frame: row ${row} has ${length}`,
    );
  });
}

function checkShape(
  name: string,
  tensor: Tensor<TensorData> | undefined,
  expected: readonly number[],
): void {
  if (tensor === undefined) return;
  if (
    tensor.shape.join() === expected.join() && tensor.data.length === elementCount(expected)
  ) return;
  throw new RangeError(
    `Cannot run the model as ${name} must have shape [${expected}]: it has [${tensor.shape}]`,
  );
}

function rowSum({ data, shape }: Tensor<Int32Array>, row: number): number {
  const length = shape[1]!;
  return data.subarray(row * length, (row + 1) * length).reduce((sum, value) => sum + value, 0);
}

function feedsOf(
  inputs: ForwardInputs,
  { session, request, frameCounts, frameCount }: {
    session: GraphSession;
    request: GraphRequest;
    frameCounts: readonly number[];
    frameCount: number;
  },
): Record<string, Tensor<TensorData>> {
  const shape = [frameCounts.length, frameCount];
  const feeds: Record<string, Tensor<TensorData>> = { input_values: inputs.inputValues };
  if (session.inputNames.includes("attention_mask")) { // an export made elsewhere
    feeds.attention_mask = sampleMask(inputs);
  } else if (request.hasFrameMask) {
    feeds.frame_mask = { data: frameMask(frameCounts, frameCount), shape };
  }
  if (request.hasMaskTimeIndices) {
    feeds.mask_time_indices = { data: Float32Array.from(inputs.maskTimeIndices!.data), shape };
  }
  return feeds;
}

function sampleMask({ attentionMask, inputValues }: ForwardInputs): Tensor<BigInt64Array> {
  const data = attentionMask
    ? BigInt64Array.from(attentionMask.data, BigInt)
    : new BigInt64Array(inputValues.data.length).fill(1n);
  return { data, shape: inputValues.shape };
}

/** 1 for the first frames of each row, 0 for the rest. Result: [B, T]. */
export function frameMask(
  frameCounts: readonly number[],
  frameCount: number,
): Float32Array<ArrayBuffer> {
  const mask = new Float32Array(frameCounts.length * frameCount);
  frameCounts.forEach((count, row) => mask.fill(1, row * frameCount, row * frameCount + count));
  return mask;
}

function numbered(results: Record<string, Tensor>, prefix: string): Tensor[] {
  const tensors: Tensor[] = [];
  for (let i = 0; results[`${prefix}.${i}`]; i++) tensors.push(results[`${prefix}.${i}`]!);
  return tensors;
}

function outputOf<T extends Task>(
  { task, config }: ForwardModel<T>,
  results: Record<string, Tensor>,
  { frameCounts, labels }: { frameCounts: readonly number[]; labels: ForwardInputs["labels"] },
): TaskOutput[T] {
  const hiddenStates = numbered(results, "hidden_states");
  const attentions = numbered(results, "attentions");
  const common: CommonOutput = {
    frameCounts,
    ...(hiddenStates.length > 0 ? { hiddenStates } : {}),
    ...(attentions.length > 0 ? { attentions } : {}),
  };
  const { last_hidden_state, extract_features, logits } = results;
  const output = task === "base"
    ? { ...common, lastHiddenState: last_hidden_state!, extractFeatures: extract_features! }
    : {
      ...common,
      logits: logits!,
      ...(labels ? { loss: lossOf(logits!, labels, { task, config, frameCounts }) } : {}),
    };
  return output as TaskOutput[T];
}

function lossOf(
  logits: Tensor,
  labels: NonNullable<ForwardInputs["labels"]>,
  { task, config, frameCounts }: {
    task: Task;
    config: HubertConfig;
    frameCounts: readonly number[];
  },
): number {
  if (task !== "ctc") return sequenceClassificationLoss(logits, labels, config);
  if (!(labels.data instanceof Int32Array)) {
    throw new TypeError("Cannot compute the CTC loss as labels must be tokens: an Int32Array");
  }
  return ctcLoss(logits, { data: labels.data, shape: labels.shape }, {
    blank: config.pad_token_id ?? 0,
    frameCounts,
    reduction: config.ctc_loss_reduction,
    zeroInfinity: config.ctc_zero_infinity,
  });
}
