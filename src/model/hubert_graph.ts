/**
 * A HuBERT checkpoint as an ONNX graph: inputs, the network, the head, the
 * outputs asked for.
 *
 * @module
 */
import { type Graph, GraphBuilder, type Value } from "../graph/builder.ts";
import { cast } from "../graph/ops.ts";
import type { HubertConfig, HubertTask } from "./config.ts";
import { ctcHead, sequenceClassificationHead, weightedLayerSum } from "./heads.ts";
import { encoder, type EncoderResult, featureProjection, frontEnd, maskTime } from "./hubert.ts";
import { type Network, type Precision, unquantized } from "./layers.ts";
import type { ParameterReader } from "./parameters.ts";

/**
 * How much of the network a graph holds: all of it, or one side of the cut
 * between the convolutional front end, whose frames never change once
 * computed, and the rest.
 */
export type GraphPart = "whole" | "front-end" | "encoder";

/** Which graph is wanted. */
export interface GraphRequest {
  /** How much of the network. @default {"whole"} */
  readonly part?: GraphPart;
  /** Takes `frame_mask` [B, T], 1 for speech and 0 for padding. @default {false} */
  readonly hasFrameMask?: boolean;
  /** Takes the mask as `attention_mask` [B, T] of integers, as other runtimes give it; Wav2Vec2-BERT only. @default {false} */
  readonly hasAttentionMask?: boolean;
  /** Takes `mask_time_indices` [B, T], 1 where the learned mask vector goes. @default {false} */
  readonly hasMaskTimeIndices?: boolean;
  /** Gives `hidden_states.0 …` [B, T, H]. @default {false} */
  readonly givesHiddenStates?: boolean;
  /** Gives `attentions.0 …` [B, N, T, T]. @default {false} */
  readonly givesAttentions?: boolean;
}

/** Builds the graph. Weights are asked for, not read. */
export function buildHubertGraph(
  config: HubertConfig,
  task: HubertTask,
  { parameters, precision, ...request }: GraphRequest & {
    parameters: ParameterReader;
    precision: Precision;
  },
): Graph {
  const { part = "whole" } = request;
  const g = new GraphBuilder(`${config.model_type}-${task}-${part}`);
  const net: Network = { g, parameters, precision };
  const features = part === "encoder"
    ? cast(
      g,
      g.input("features", "float32", ["batch", "frames", config.conv_dim.at(-1)!]),
      precision.activations,
    )
    : frontEnd(net, config, g.input("input_values", "float32", ["batch", "samples"]));
  if (part === "front-end") give(g, "features", features);
  else buildEncoder(net, config, { ...request, task, features });
  return g.build();
}

/** Every output leaves in single precision: half-precision tensors do not cross every runtime's door. */
function give(g: GraphBuilder, name: string, value: Value): void {
  g.output(name, cast(g, value, "float32"));
}

function buildEncoder(
  net: Network,
  config: HubertConfig,
  { task, features, ...request }: GraphRequest & { task: HubertTask; features: Value },
): void {
  const { g } = net;
  const ends = unquantized(net);
  const frameInput = (name: string, isWanted: boolean | undefined) =>
    isWanted ? g.input(name, "float32", ["batch", "frames"]) : undefined;
  const frameMask = frameInput("frame_mask", request.hasFrameMask);
  const maskTimeIndices = frameInput("mask_time_indices", request.hasMaskTimeIndices);

  const projected = featureProjection(ends, config, features);
  const hidden = maskTimeIndices
    ? maskTime(net, projected.hidden, maskTimeIndices)
    : projected.hidden;
  const needsAttentions = request.givesAttentions ?? false;
  const result = encoder(net, config, { hidden, frameMask, needsAttentions });

  const output = head(ends, config, { task, result, frameMask });
  give(g, output.name, output.value);
  if (task === "base") {
    // what transformers calls so: wav2vec 2.0 hands out the normalised features, HuBERT the raw ones
    const isNormalized = config.model_type === "wav2vec2";
    give(g, "extract_features", isNormalized ? projected.normalized : features);
  }
  if (request.givesHiddenStates) {
    result.hiddenStates.forEach((value, i) => give(g, `hidden_states.${i}`, value));
  }
  result.attentions.forEach((value, i) => give(g, `attentions.${i}`, value));
}

function head(
  net: Network,
  config: HubertConfig,
  { task, result, frameMask }: {
    task: HubertTask;
    result: EncoderResult;
    frameMask: Value | undefined;
  },
): { name: string; value: Value } {
  const { lastHiddenState, hiddenStates } = result;
  switch (task) {
    case "base":
      return { name: "last_hidden_state", value: lastHiddenState };
    case "ctc":
      return { name: "logits", value: ctcHead(net, lastHiddenState, config.vocab_size) };
    case "sequence-classification": {
      const pooled = config.use_weighted_layer_sum
        ? weightedLayerSum(net, hiddenStates)
        : lastHiddenState;
      const value = sequenceClassificationHead(net, pooled, {
        projectionSize: config.classifier_proj_size,
        labelCount: Object.keys(config.id2label).length,
        frameMask,
      });
      return { name: "logits", value };
    }
    default:
      return task satisfies never;
  }
}
