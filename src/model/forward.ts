/**
 * A loaded model: inputs to outputs, as the reference's `forward`.
 *
 * Shapes: B batch, S samples, T frames, H hidden size, N heads, V vocabulary or labels.
 *
 * @module
 */
import type { GraphSession } from "../runtime/backend.ts";
import { elementCount, indexOfNonFinite, type Tensor, type TensorData } from "../tensor.ts";
import type { Task } from "./config.ts";
import type { InputGrid, ModelConfig } from "./family.ts";
import type { GraphRequest } from "./hubert_graph.ts";
import { rowSums } from "./mask_rows.ts";
import { taskLoss } from "./task_loss.ts";

/** What a forward pass takes. */
export interface ForwardInputs {
  /** For HuBERT and wav2vec 2.0: waveforms at the model's rate, scaled as its preprocessor says. [B, S] */
  readonly inputValues?: Tensor | undefined;
  /** For Wav2Vec2-BERT: features as its preprocessor makes them. [B, T, F] */
  readonly inputFeatures?: Tensor | undefined;
  /** 1 for samples or frames, 0 for padding. Without it padding counts as sound. [B, S] or [B, T] */
  readonly attentionMask?: Tensor<Int32Array> | undefined;
  /** 1 where the learned mask vector replaces a frame. [B, T] */
  readonly maskTimeIndices?: Tensor<Uint8Array> | undefined;
  /**
   * What the output should have been; gives the loss. Tokens for CTC [B, U], −100 ignored; for a
   * classifier or speaker vectors a class each [B], or numbers or flags [B, V]; for a classifier of
   * frames flags [B, T, V].
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
  /** Features of the convolutional front end, or the normalised ones that came in. [B, T, C] */
  readonly extractFeatures: Tensor;
}

/** Output of a model with a head. */
export interface LogitsOutput extends CommonOutput {
  /** Scores before softmax: of every frame [B, T, V], or of the whole input [B, V]; of an x-vector what its loss takes [B, E]. */
  readonly logits: Tensor;
  /** The loss the model was trained with, when there are labels. */
  readonly loss?: number;
}

/** Output of a model of speaker vectors. */
export interface XVectorOutput extends LogitsOutput {
  /** A vector for each input; those of one speaker point in similar directions. [B, E] */
  readonly embeddings: Tensor;
}

/** Output by task. */
export interface TaskOutput {
  /** Of a model without a head. */
  "base": BaseOutput;
  /** Of a CTC model: scores of every frame. */
  "ctc": LogitsOutput;
  /** Of a classifier: scores of the whole input. */
  "sequence-classification": LogitsOutput;
  /** Of a classifier of frames, such as one of who speaks: scores of every frame. */
  "frame-classification": LogitsOutput;
  /** Of a model of speaker vectors. */
  "x-vector": XVectorOutput;
}

/** Gives the session of a kind of graph. */
export type SessionSource = (request: GraphRequest) => Promise<GraphSession>;

/** What {@linkcode forward} runs. */
export interface ForwardModel<T extends Task> {
  /** What it is for. */
  readonly task: T;
  /** Its config. */
  readonly config: ModelConfig;
  /** Its main input. */
  readonly grid: InputGrid;
  /** Gives its graphs. */
  readonly session: SessionSource;
  /** Reads a tensor of its checkpoint that no graph holds, such as a loss's. */
  readonly readTensor: (name: string) => Promise<Tensor>;
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
  const { config, grid } = model;
  const input = mainInput(inputs, grid);
  const frameCounts = checkInputs(inputs, { input, grid });
  const request: GraphRequest = {
    hasFrameMask: inputs.attentionMask !== undefined,
    hasMaskTimeIndices: inputs.maskTimeIndices !== undefined && config.apply_spec_augment,
    givesHiddenStates: outputHiddenStates,
    givesAttentions: outputAttentions,
  };
  const session = await model.session(request);
  const results = await session.run(
    feedsOf(inputs, { input, grid, session, request }),
    session.outputNames,
  );
  return await outputOf(model, results as Record<string, Tensor>, {
    frameCounts,
    labels: inputs.labels,
  });
}

/** The input of the model's family. */
function mainInput(inputs: ForwardInputs, { name, dimensions }: InputGrid): Tensor {
  const input = inputs[name];
  const other = name === "inputValues" ? "inputFeatures" : "inputValues";
  if (input !== undefined && inputs[other] === undefined) return input;
  throw new TypeError(
    `Cannot run the model as it takes ${name} [${dimensions.join(", ")}]: got ${
      inputs[other] === undefined ? "none" : other
    }. model.prepare() makes what it takes`,
  );
}

function checkInputs(
  { attentionMask, maskTimeIndices }: ForwardInputs,
  { input, grid }: { input: Tensor; grid: InputGrid },
): number[] {
  checkMainInput(input, grid);
  const [rowCount, length] = input.shape as [number, number];
  checkShape("attentionMask", attentionMask, [rowCount, length]);
  checkShape("maskTimeIndices", maskTimeIndices, [rowCount, grid.encoderFrameCount(length)]);
  const lengths = attentionMask
    ? rowSums(attentionMask)
    : Array.from({ length: rowCount }, () => length);
  return lengths.map((own, row) => {
    const frames = grid.outputFrameCount(own);
    if (frames > 0 && length >= grid.leastLength) return frames;
    throw new RangeError(
      `Cannot run the model as a row needs at least ${grid.leastLength} ${grid.unit} for one frame: row ${row} has ${own}`,
    );
  });
}

function checkMainInput({ shape, data }: Tensor, { name, dimensions, unit }: InputGrid): void {
  const fits = shape.length === dimensions.length && elementCount(shape) === data.length &&
    dimensions.every((wanted, i) => typeof wanted === "string" || wanted === shape[i]);
  if (!fits) {
    throw new RangeError(
      `Cannot run the model as ${name} must be [${
        dimensions.join(", ")
      }]: its shape is [${shape}] and it holds ${data.length} values`,
    );
  }
  const bad = indexOfNonFinite(data);
  if (bad < 0) return;
  const size = elementCount(shape.slice(2));
  const place = Math.floor(bad / size);
  const thing = unit.slice(0, -1);
  throw new RangeError(
    `Cannot run the model as every ${thing} must be finite: ${thing} ${place % shape[1]!} of row ${
      Math.floor(place / shape[1]!)
    } is ${data[bad]}`,
  );
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

function feedsOf(
  inputs: ForwardInputs,
  { input, grid, session, request }: {
    input: Tensor;
    grid: InputGrid;
    session: GraphSession;
    request: GraphRequest;
  },
): Record<string, Tensor<TensorData>> {
  const [rowCount, length] = input.shape as [number, number];
  const shape = [rowCount, grid.encoderFrameCount(length)];
  const feeds: Record<string, Tensor<TensorData>> = { [grid.graphName]: input };
  if (session.inputNames.includes("attention_mask")) { // an export made elsewhere
    feeds.attention_mask = integerMask(inputs, [rowCount, length]);
  } else if (request.hasFrameMask) {
    feeds.frame_mask = { data: grid.frameMask(inputs.attentionMask!), shape };
  }
  if (request.hasMaskTimeIndices) {
    feeds.mask_time_indices = { data: Float32Array.from(inputs.maskTimeIndices!.data), shape };
  }
  return feeds;
}

function integerMask(
  { attentionMask }: ForwardInputs,
  shape: readonly number[],
): Tensor<BigInt64Array> {
  const data = attentionMask
    ? BigInt64Array.from(attentionMask.data, BigInt)
    : new BigInt64Array(elementCount(shape)).fill(1n);
  return { data, shape };
}

function numbered(results: Record<string, Tensor>, prefix: string): Tensor[] {
  const tensors: Tensor[] = [];
  for (let i = 0; results[`${prefix}.${i}`]; i++) tensors.push(results[`${prefix}.${i}`]!);
  return tensors;
}

async function outputOf<T extends Task>(
  { task, config, readTensor }: ForwardModel<T>,
  results: Record<string, Tensor>,
  { frameCounts, labels }: { frameCounts: readonly number[]; labels: ForwardInputs["labels"] },
): Promise<TaskOutput[T]> {
  const hiddenStates = numbered(results, "hidden_states");
  const attentions = numbered(results, "attentions");
  const common: CommonOutput = {
    frameCounts,
    ...(hiddenStates.length > 0 ? { hiddenStates } : {}),
    ...(attentions.length > 0 ? { attentions } : {}),
  };
  const { last_hidden_state, extract_features, embeddings } = results;
  if (task === "base") {
    const output: BaseOutput = {
      ...common,
      lastHiddenState: last_hidden_state!,
      extractFeatures: extract_features!,
    };
    return output as TaskOutput[T];
  }
  const logits = results.logits!;
  const output: LogitsOutput = {
    ...common,
    logits,
    ...(embeddings ? { embeddings } : {}),
    ...(labels
      ? { loss: await taskLoss(logits, labels, { task, config, frameCounts, readTensor }) }
      : {}),
  };
  return output as TaskOutput[T];
}
