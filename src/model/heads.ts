/**
 * The heads on top of an encoder.
 *
 * Shapes: B batch, T frames, H hidden size, V vocabulary, L labels.
 *
 * @module
 */
import { add, cast, div, mul, reduceMean, reduceSum, unsqueeze } from "../graph/ops.ts";
import type { Value } from "../graph/builder.ts";
import { constantOf, linear, type Network } from "./layers.ts";
import { derive } from "./parameters.ts";

/** Vocabulary scores of every frame. hidden: [B, T, H] → [B, T, V]. */
export function ctcHead(net: Network, hidden: Value, vocabularySize: number): Value {
  return linear(net, hidden, "lm_head", vocabularySize);
}

/** Options of {@linkcode sequenceClassificationHead}. */
export interface SequenceClassificationOptions {
  /** Width between projector and classifier: `classifier_proj_size`. */
  readonly projectionSize: number;
  /** Labels: `num_labels`. */
  readonly labelCount: number;
  /** 1 where a frame is speech, 0 where it is padding; the mean leaves padding out. [B, T] */
  readonly frameMask: Value | undefined;
}

/** Label scores of the mean frame. hidden: [B, T, H] → [B, L]. */
export function sequenceClassificationHead(
  net: Network,
  hidden: Value,
  { projectionSize, labelCount, frameMask }: SequenceClassificationOptions,
): Value {
  const projected = linear(net, hidden, "projector", projectionSize);
  return linear(net, meanOverTime(net, projected, frameMask), "classifier", labelCount);
}

/** Mean over frames, padding left out. x: [B, T, C] → [B, C]. */
function meanOverTime({ g }: Network, x: Value, frameMask: Value | undefined): Value {
  if (frameMask === undefined) return reduceMean(g, x, 1);
  const mask = unsqueeze(g, cast(g, frameMask, x.dtype), 2);
  return div(g, reduceSum(g, mul(g, x, mask), 1), reduceSum(g, mask, 1));
}

/** Softmax-weighted sum of all hidden states, weights learned: `use_weighted_layer_sum`. */
export function weightedLayerSum(net: Network, hiddenStates: readonly Value[]): Value {
  const { g, parameters } = net;
  const count = hiddenStates.length;
  const learned = parameters.get("layer_weights", [count]);
  const softmax = async () => {
    const exponentials = (await learned.load()).map(Math.exp);
    const total = exponentials.reduce((sum, value) => sum + value, 0);
    return exponentials.map((value) => value / total);
  };
  const weighted = hiddenStates.map((hidden, index) => {
    const weight = derive(
      `layer_weights.softmax.${index}`,
      [1],
      async () => (await softmax()).slice(index, index + 1),
    );
    return mul(g, hidden, constantOf(net, weight));
  });
  return weighted.reduce((sum, value) => add(g, sum, value));
}
