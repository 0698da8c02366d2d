/**
 * Wav2Vec2-BERT: log-mel features → Conformer blocks with causal convolutions.
 *
 * Shapes: B batch, T frames, H hidden size.
 *
 * @see {@link https://arxiv.org/abs/2312.05187} w2v-BERT 2.0
 * @see {@link https://arxiv.org/abs/2005.08100} Conformer
 * @module
 */
import type { Value } from "../graph/builder.ts";
import { add, cast, mul, transpose, unsqueeze } from "../graph/ops.ts";
import { activate, type Activation } from "./activation.ts";
import { attentionBias } from "./frame_masks.ts";
import { type FramePositions, framePositions } from "./frame_positions.ts";
import type { EncoderResult, ProjectedFeatures } from "./hubert.ts";
import { type AttentionResult, convolution, linear, type Network, norm } from "./layers.ts";
import { linearWithoutBias, scaledLinear } from "./linear_variants.ts";
import { derive } from "./parameters.ts";
import { gatedLinearUnit } from "./wav2vec2_bert_adapter.ts";
import { selfAttention } from "./wav2vec2_bert_attention.ts";
import type { Wav2Vec2BertConfig } from "./wav2vec2_bert_config.ts";

/** First parts of the base model's parameter names. */
export const WAV2VEC2_BERT_MODULES = [
  "feature_projection",
  "encoder",
  "masked_spec_embed",
  "adapter",
  "intermediate_ffn",
] as const;

/** What the base model goes by in checkpoints of a model with a head. */
export const WAV2VEC2_BERT_PREFIX = "wav2vec2_bert";

/** Features [B, T, stride · M] → encoder input [B, T, H]. */
export function projectFeatures(
  net: Network,
  config: Wav2Vec2BertConfig,
  inputFeatures: Value,
): ProjectedFeatures {
  const features = cast(net.g, inputFeatures, net.precision.activations);
  const normalized = norm(
    net,
    features,
    "feature_projection.layer_norm",
    config.layer_norm_eps,
  );
  const hidden = linear(net, normalized, "feature_projection.projection", config.hidden_size);
  return { normalized, hidden };
}

/** Options of {@linkcode conformerEncoder}. */
export interface ConformerEncoderOptions {
  /** [B, T, H] */
  readonly hidden: Value;
  /** 1 where a frame is speech, 0 where it is padding. float32 [B, T] */
  readonly frameMask: Value | undefined;
  /** Whether attention probabilities are wanted. */
  readonly needsAttentions: boolean;
}

/** The blocks over frames. hidden: [B, T, H] → [B, T, H] */
export function conformerEncoder(
  net: Network,
  config: Wav2Vec2BertConfig,
  { hidden, frameMask, needsAttentions }: ConformerEncoderOptions,
): EncoderResult {
  const { g } = net;
  const mask = frameMask && cast(g, frameMask, hidden.dtype);
  const column = mask && unsqueeze(g, mask, 2);
  let x = column ? mul(g, hidden, column) : hidden;
  const shared = {
    positions: framePositions(net, config, x),
    scoreMask: mask && attentionBias(g, mask),
    column,
    needsAttentions,
  };
  const hiddenStates = [x];
  const attentions: Value[] = [];
  for (let index = 0; index < config.num_hidden_layers; index++) {
    const block = conformerBlock(net, config, { ...shared, x, name: `encoder.layers.${index}` });
    x = block.output;
    hiddenStates.push(x);
    if (block.probabilities) attentions.push(block.probabilities);
  }
  return { lastHiddenState: x, hiddenStates, attentions };
}

interface BlockInput {
  readonly x: Value; // [B, T, H]
  readonly name: string;
  readonly positions: FramePositions;
  readonly scoreMask: Value | undefined; // [B, 1, 1, T]
  readonly column: Value | undefined; // [B, T, 1]
  readonly needsAttentions: boolean;
}

/** Half a feed-forward block, attention, convolution, half a feed-forward block. */
function conformerBlock(
  net: Network,
  config: Wav2Vec2BertConfig,
  { x, name, positions, scoreMask, column, needsAttentions }: BlockInput,
): AttentionResult {
  const { g } = net;
  const epsilon = config.layer_norm_eps;
  const halfStep = (input: Value, part: string) => {
    const normed = norm(net, input, `${name}.${part}_layer_norm`, epsilon);
    return add(g, halfFeedForward(net, config, { x: normed, name: `${name}.${part}` }), input);
  };
  const y = halfStep(x, "ffn1");
  const attention = selfAttention(net, norm(net, y, `${name}.self_attn_layer_norm`, epsilon), {
    name: `${name}.self_attn`,
    headCount: config.num_attention_heads,
    positions,
    mask: scoreMask,
    needsProbabilities: needsAttentions,
  });
  const z = add(g, attention.output, y);
  const convolved = causalConvolution(net, config, { x: z, name: `${name}.conv_module`, column });
  const output = norm(
    net,
    halfStep(add(g, z, convolved), "ffn2"),
    `${name}.final_layer_norm`,
    epsilon,
  );
  return { output, probabilities: attention.probabilities };
}

/** Half of what a feed-forward block gives. x: [B, T, H] → [B, T, H] */
export function halfFeedForward(
  net: Network,
  config: Wav2Vec2BertConfig,
  { x, name, act = config.hidden_act }: { x: Value; name: string; act?: Activation },
): Value {
  const inner = linear(net, x, `${name}.intermediate_dense`, config.intermediate_size);
  return scaledLinear(net, activate(net.g, act, inner), {
    name: `${name}.output_dense`,
    outSize: config.hidden_size,
    factor: 0.5,
  });
}

/**
 * Gated, then convolved over the frames before. Its pointwise convolutions are
 * matrix products, which can be quantised. x: [B, T, H] → [B, T, H]
 */
function causalConvolution(
  net: Network,
  config: Wav2Vec2BertConfig,
  { x, name, column }: { x: Value; name: string; column: Value | undefined },
): Value {
  const { g, parameters } = net;
  const hidden = config.hidden_size;
  const kernel = config.conv_depthwise_kernel_size;
  const pointwise = (input: Value, part: string, outSize: number) => {
    const inSize = input.shape.at(-1) as number;
    const weight = parameters.get(`${name}.${part}.weight`, [outSize, inSize, 1]);
    const matrix = derive(`${weight.name}.matrix`, [outSize, inSize], () => weight.load());
    return linearWithoutBias(net, input, matrix);
  };
  const normed = norm(net, x, `${name}.layer_norm`, config.layer_norm_eps);
  const visible = column ? mul(g, normed, column) : normed;
  const gated = gatedLinearUnit(g, pointwise(visible, "pointwise_conv1", 2 * hidden), 2);
  const convolved = convolution(net, transpose(g, gated, [0, 2, 1]), {
    name: `${name}.depthwise_conv`,
    outChannels: hidden,
    kernel,
    groups: hidden,
    padding: [kernel - 1, 0],
    hasBias: false,
    length: "frames",
  });
  const y = norm(
    net,
    transpose(g, convolved, [0, 2, 1]),
    `${name}.depthwise_layer_norm`,
    config.layer_norm_eps,
  );
  return pointwise(activate(g, config.hidden_act, y), "pointwise_conv2", hidden);
}
