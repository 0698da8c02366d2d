/**
 * A Wav2Vec2-BERT checkpoint as an ONNX graph: inputs, the network, the head,
 * the outputs asked for.
 *
 * | input               | shape       | is                                          |
 * | ------------------- | ----------- | ------------------------------------------- |
 * | `input_features`    | [B, T, 160] | stacked log-mel frames, as `fbank.ts` makes |
 * | `frame_mask`        | [B, T]      | 1 for speech, 0 for padding                 |
 * | `attention_mask`    | [B, T]      | the same in 64-bit integers, for exports    |
 * | `mask_time_indices` | [B, T]      | 1 where the learned mask vector goes        |
 *
 * | output              | shape        | task                                        |
 * | ------------------- | ------------ | ------------------------------------------- |
 * | `last_hidden_state` | [B, U, A]    | base; after the adapter, where there is one |
 * | `extract_features`  | [B, T, 160]  | base                                        |
 * | `logits`            | [B, U, V]    | ctc                                         |
 * | `logits`            | [B, L]       | sequence-classification                     |
 * | `logits`            | [B, T, L]    | frame-classification                        |
 * | `logits`            | [B, E]       | x-vector                                    |
 * | `embeddings`        | [B, E]       | x-vector                                    |
 * | `hidden_states.i`   | [B, T, H]    | all, when asked for                         |
 * | `attentions.i`      | [B, N, T, T] | all, when asked for                         |
 *
 * @module
 */
import { type Graph, GraphBuilder, type Value } from "../graph/builder.ts";
import { add, cast } from "../graph/ops.ts";
import type { Task } from "./config.ts";
import { rowLengths } from "./frame_masks.ts";
import { ctcHead, sequenceClassificationHead, weightedLayerSum } from "./heads.ts";
import { type EncoderResult, maskTime } from "./hubert.ts";
import type { GraphRequest } from "./hubert_graph.ts";
import { type Network, type Precision, unquantized } from "./layers.ts";
import type { ParameterReader } from "./parameters.ts";
import { frameClassificationHead, xVectorHead } from "./speaker_heads.ts";
import { conformerEncoder, halfFeedForward, projectFeatures } from "./wav2vec2_bert.ts";
import { adapter, subSampledLengths } from "./wav2vec2_bert_adapter.ts";
import { checkTask, type Wav2Vec2BertConfig } from "./wav2vec2_bert_config.ts";

/** Which graph is wanted. There is no front end to cut off: features come from outside. */
export type Wav2Vec2BertGraphRequest = Omit<GraphRequest, "part">;

/**
 * Builds the graph. Weights are asked for, not read.
 *
 * @throws {UnsupportedConfigError} If the config has not what the task's head needs.
 */
export function buildWav2Vec2BertGraph(
  config: Wav2Vec2BertConfig,
  task: Task,
  { parameters, precision, ...request }: Wav2Vec2BertGraphRequest & {
    parameters: ParameterReader;
    precision: Precision;
  },
): Graph {
  checkTask(config, task);
  const g = new GraphBuilder(`${config.model_type}-${task}`);
  const net: Network = { g, parameters, precision };
  const ends = unquantized(net);
  const frameInput = (name: string, isWanted: boolean | undefined) =>
    isWanted ? g.input(name, "float32", ["batch", "frames"]) : undefined;
  const size = config.feature_projection_input_dim;
  const inputFeatures = g.input("input_features", "float32", ["batch", "frames", size]);
  const frameMask = request.hasAttentionMask
    ? cast(g, g.input("attention_mask", "int64", ["batch", "frames"]), "float32")
    : frameInput("frame_mask", request.hasFrameMask);
  const maskTimeIndices = frameInput("mask_time_indices", request.hasMaskTimeIndices);

  const projected = projectFeatures(ends, config, inputFeatures);
  const result = conformerEncoder(net, config, {
    hidden: maskTimeIndices ? maskTime(net, projected.hidden, maskTimeIndices) : projected.hidden,
    frameMask,
    needsAttentions: request.givesAttentions ?? false,
  });
  const lastHiddenState = afterEncoder(net, config, { hidden: result.lastHiddenState, frameMask });
  const outputs = head(ends, config, { task, result: { ...result, lastHiddenState }, frameMask });
  if (task === "base") outputs.extract_features = projected.normalized;
  if (request.givesHiddenStates) {
    result.hiddenStates.forEach((value, i) => outputs[`hidden_states.${i}`] = value);
  }
  result.attentions.forEach((value, i) => outputs[`attentions.${i}`] = value);
  // in single precision: half-precision tensors do not cross every runtime's door
  for (const [name, value] of Object.entries(outputs)) g.output(name, cast(g, value, "float32"));
  return g.build();
}

/** What stands between the encoder and the head. hidden: [B, T, H] */
function afterEncoder(
  net: Network,
  config: Wav2Vec2BertConfig,
  { hidden, frameMask }: { hidden: Value; frameMask: Value | undefined },
): Value {
  const widened = config.use_intermediate_ffn_before_adapter
    ? add(
      net.g,
      hidden,
      halfFeedForward(net, config, { x: hidden, name: "intermediate_ffn", act: "relu" }),
    )
    : hidden;
  return config.add_adapter ? adapter(net, config, { hidden: widened, frameMask }) : widened;
}

/** The outputs of a task by name. */
function head(
  net: Network,
  config: Wav2Vec2BertConfig,
  { task, result, frameMask }: {
    task: Task;
    result: EncoderResult;
    frameMask: Value | undefined;
  },
): Record<string, Value> {
  const { lastHiddenState, hiddenStates } = result;
  const labelCount = Object.keys(config.id2label).length;
  const seen = () =>
    config.use_weighted_layer_sum ? weightedLayerSum(net, hiddenStates) : lastHiddenState;
  switch (task) {
    case "base":
      return { last_hidden_state: lastHiddenState };
    case "ctc":
      return { logits: ctcHead(net, lastHiddenState, config.vocab_size!) };
    case "sequence-classification": {
      const projectionSize = config.classifier_proj_size;
      const options = { projectionSize, labelCount, frameMask };
      return { logits: sequenceClassificationHead(net, seen(), options) };
    }
    case "frame-classification":
      return { logits: frameClassificationHead(net, seen(), labelCount) };
    case "x-vector": {
      const lengths = frameMask && labelledLengths(net, config, frameMask);
      return { ...xVectorHead(net, seen(), { fields: config, lengths }) };
    }
    default:
      return task satisfies never;
  }
}

/** Frames of each row that count after the adapter. frameMask: [B, T] → [B, 1] */
function labelledLengths({ g }: Network, config: Wav2Vec2BertConfig, frameMask: Value): Value {
  let lengths = rowLengths(g, frameMask);
  for (let layer = 0; config.add_adapter && layer < config.num_adapter_layers; layer++) {
    lengths = subSampledLengths(g, lengths, config);
  }
  return lengths;
}
