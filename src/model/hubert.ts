/**
 * HuBERT, and Wav2Vec2, which is the same network: waveform → convolutional
 * front end → Transformer.
 *
 * Shapes: B batch, S samples, C channels of the front end, T frames, H hidden size.
 *
 * @see {@link https://arxiv.org/abs/2106.07447} HuBERT
 * @see {@link https://arxiv.org/abs/2006.11477} wav2vec 2.0
 * @module
 */
import { add, cast, mul, scalar, sub, transpose, unsqueeze } from "../graph/ops.ts";
import type { Value } from "../graph/builder.ts";
import { activate } from "./activation.ts";
import type { HubertConfig } from "./config.ts";
import {
  attend,
  type AttentionResult,
  constantOf,
  convolution,
  linear,
  type Network,
  norm,
  parameter,
  timeNorm,
} from "./layers.ts";
import { LONG_KERNEL, longConvolution } from "./long_convolution.ts";
import { derive } from "./parameters.ts";

/** PyTorch's default for GroupNorm, LayerNorm and BatchNorm, which the front end uses whatever the config says. */
const DEFAULT_EPSILON = 1e-5;

/** First parts of the base model's parameter names. */
export const HUBERT_MODULES = [
  "feature_extractor",
  "feature_projection",
  "encoder",
  "masked_spec_embed",
] as const;

/** Name of the hidden length after each layer of the front end; the last is `frames`. */
function lengthName(config: HubertConfig, layer: number): string {
  return layer === config.conv_dim.length - 1 ? "frames" : `length_${layer}`;
}

/** Waveform [B, S] → features [B, T, C]. */
export function frontEnd(net: Network, config: HubertConfig, inputValues: Value): Value {
  const { g } = net;
  let x = unsqueeze(g, cast(g, inputValues, net.precision.activations), 1); // [B, 1, S]
  for (const [layer, outChannels] of config.conv_dim.entries()) {
    const name = `feature_extractor.conv_layers.${layer}`;
    x = convolution(net, x, {
      name: `${name}.conv`,
      outChannels,
      kernel: config.conv_kernel[layer]!,
      stride: config.conv_stride[layer]!,
      hasBias: config.conv_bias,
      length: lengthName(config, layer),
    });
    x = frontEndNorm(net, config, { x, layer });
    x = activate(g, config.feat_extract_activation, x);
  }
  return transpose(g, x, [0, 2, 1]);
}

function frontEndNorm(
  net: Network,
  config: HubertConfig,
  { x, layer }: { x: Value; layer: number },
): Value {
  const name = `feature_extractor.conv_layers.${layer}.layer_norm`;
  if (config.feat_extract_norm === "group") {
    return layer === 0 ? timeNorm(net, x, name, DEFAULT_EPSILON) : x;
  }
  const channelsLast = transpose(net.g, x, [0, 2, 1]);
  return transpose(net.g, norm(net, channelsLast, name, DEFAULT_EPSILON), [0, 2, 1]);
}

/** What lies between the front end and the encoder. */
export interface ProjectedFeatures {
  /** Features as the projection sees them. [B, T, C] */
  readonly normalized: Value;
  /** Encoder input. [B, T, H] */
  readonly hidden: Value;
}

/** Features [B, T, C] → encoder input [B, T, H]. */
export function featureProjection(
  net: Network,
  config: HubertConfig,
  features: Value,
): ProjectedFeatures {
  const normalized = config.feat_proj_layer_norm
    ? norm(net, features, "feature_projection.layer_norm", config.layer_norm_eps)
    : features;
  const hidden = linear(net, normalized, "feature_projection.projection", config.hidden_size);
  return { normalized, hidden };
}

/** Puts the learned mask vector where `maskTimeIndices` [B, T] is 1. hidden: [B, T, H]. */
export function maskTime(net: Network, hidden: Value, maskTimeIndices: Value): Value {
  const { g } = net;
  const embedding = parameter(net, "masked_spec_embed", [hidden.shape.at(-1) as number]);
  const masked = unsqueeze(g, cast(g, maskTimeIndices, hidden.dtype), 2);
  const kept = sub(g, scalar(g, hidden, 1), masked);
  return add(g, mul(g, hidden, kept), mul(g, embedding, masked));
}

/** What the encoder can give. */
export interface EncoderResult {
  /** [B, T, H] */
  readonly lastHiddenState: Value;
  /** Input of each layer, then the output of the last. [B, T, H] each. */
  readonly hiddenStates: readonly Value[];
  /** Attention probabilities of each layer, when asked for. [B, N, T, T] each. */
  readonly attentions: readonly Value[];
}

/** Options of {@linkcode encoder}. */
export interface EncoderOptions {
  /** 1 where a frame is speech, 0 where it is padding. [B, T] @default {undefined} */
  readonly frameMask?: Value | undefined;
  /** Whether attention probabilities are wanted; this rules the fused kernel out. @default {false} */
  readonly needsAttentions?: boolean;
}

/** Transformer over frames. hidden: [B, T, H]. */
export function encoder(
  net: Network,
  config: HubertConfig,
  { hidden, frameMask, needsAttentions = false }: EncoderOptions & { hidden: Value },
): EncoderResult {
  const { g } = net;
  const epsilon = config.layer_norm_eps;
  const mask = frameMask && cast(g, frameMask, hidden.dtype);
  let x = mask ? mul(g, hidden, unsqueeze(g, mask, 2)) : hidden;
  x = add(g, x, positionalConvolution(net, config, x));
  if (!config.do_stable_layer_norm) x = norm(net, x, "encoder.layer_norm", epsilon);
  const scoreMask = mask && attentionBias(net, mask);
  const hiddenStates = [x];
  const attentions: Value[] = [];
  const layer = config.do_stable_layer_norm ? preNormLayer : postNormLayer;
  for (let index = 0; index < config.num_hidden_layers; index++) {
    const name = `encoder.layers.${index}`;
    const attention = (input: Value) =>
      selfAttention(net, config, { x: input, name, mask: scoreMask, needsAttentions });
    const result = layer(net, config, { x, name, attention });
    x = result.output;
    hiddenStates.push(x);
    if (result.probabilities) attentions.push(result.probabilities);
  }
  const lastHiddenState = config.do_stable_layer_norm
    ? norm(net, x, "encoder.layer_norm", epsilon)
    : x;
  return { lastHiddenState, hiddenStates, attentions };
}

/** 0 where a frame may be attended to, the lowest number where not. [B, T] → [B, 1, 1, T]. */
function attentionBias({ g }: Network, mask: Value): Value {
  const lowest = mask.dtype === "float16" ? -65504 : -3.4028234663852886e38;
  const padding = sub(g, scalar(g, mask, 1), mask);
  return unsqueeze(g, unsqueeze(g, mul(g, padding, scalar(g, mask, lowest)), 1), 1);
}

/** Relative position by a wide grouped convolution. x: [B, T, H] → [B, T, H]. */
function positionalConvolution(net: Network, config: HubertConfig, x: Value): Value {
  const { g } = net;
  const name = "encoder.pos_conv_embed";
  let y = transpose(g, x, [0, 2, 1]);
  if (config.conv_pos_batch_norm) y = batchNorm(net, y, `${name}.batch_norm`);
  y = positionalTaps(net, config, y, `${name}.conv`);
  return transpose(g, activate(g, config.feat_extract_activation, y), [0, 2, 1]);
}

/** x: [B, H, T] → [B, H, T] */
function positionalTaps(net: Network, config: HubertConfig, x: Value, name: string): Value {
  const { parameters } = net;
  const kernel = config.num_conv_pos_embeddings;
  const groups = config.num_conv_pos_embedding_groups;
  const hidden = config.hidden_size;
  const shape = [hidden, hidden / groups, kernel];
  const weight = config.conv_pos_batch_norm
    ? parameters.get(`${name}.weight`, shape)
    : parameters.weightNormed(name, shape);
  const paddingBefore = Math.floor(kernel / 2);
  if (groups === hidden && kernel >= LONG_KERNEL) {
    const bias = parameters.get(`${name}.bias`, [hidden]);
    return longConvolution(net, x, { weight, bias, paddingBefore });
  }
  return convolution(net, x, {
    name,
    outChannels: hidden,
    kernel,
    groups,
    weight,
    // an even kernel makes one frame too many, which the reference cuts off at the end
    padding: [paddingBefore, kernel - 1 - paddingBefore],
    length: "frames",
  });
}

/** Batch normalisation with its running statistics. x: [B, C, T]. */
function batchNorm(net: Network, x: Value, name: string): Value {
  const { g, parameters } = net;
  const size = x.shape[1] as number;
  const get = (part: string) => parameters.get(`${name}.${part}`, [size]);
  const [mean, variance, weight, bias] = [
    get("running_mean"),
    get("running_var"),
    get("weight"),
    get("bias"),
  ];
  const factor = async () => {
    const w = await weight.load();
    return (await variance.load()).map((v, i) => w[i]! / Math.sqrt(v + DEFAULT_EPSILON));
  };
  const column = (part: string, load: () => Promise<Float32Array>): Value =>
    constantOf(net, derive(`${name}.${part}`, [size, 1], load));
  const scale = column("scale", factor);
  const shift = column("shift", async () => {
    const [f, m, b] = [await factor(), await mean.load(), await bias.load()];
    return f.map((value, i) => b[i]! - m[i]! * value);
  });
  return add(g, mul(g, x, scale), shift);
}

interface LayerInput {
  readonly x: Value; // [B, T, H]
  readonly name: string;
  readonly attention: (input: Value) => AttentionResult;
}

/** Transformer layer that normalises after each residual (HuBERT base). */
function postNormLayer(
  net: Network,
  config: HubertConfig,
  { x, name, attention }: LayerInput,
): AttentionResult {
  const { g } = net;
  const epsilon = config.layer_norm_eps;
  const { output, probabilities } = attention(x);
  const y = norm(net, add(g, x, output), `${name}.layer_norm`, epsilon);
  const z = add(g, y, feedForward(net, config, { x: y, name: `${name}.feed_forward` }));
  return { output: norm(net, z, `${name}.final_layer_norm`, epsilon), probabilities };
}

/** Transformer layer that normalises before each branch (HuBERT large), with an adapter if the config has one. */
function preNormLayer(
  net: Network,
  config: HubertConfig,
  { x, name, attention }: LayerInput,
): AttentionResult {
  const { g } = net;
  const epsilon = config.layer_norm_eps;
  const { output, probabilities } = attention(norm(net, x, `${name}.layer_norm`, epsilon));
  const y = add(g, x, output);
  const normed = norm(net, y, `${name}.final_layer_norm`, epsilon);
  const z = add(g, y, feedForward(net, config, { x: normed, name: `${name}.feed_forward` }));
  return { output: languageAdapter(net, config, { x: z, name }), probabilities };
}

function selfAttention(
  net: Network,
  config: HubertConfig,
  { x, name, mask, needsAttentions }: {
    x: Value;
    name: string;
    mask: Value | undefined;
    needsAttentions: boolean;
  },
): AttentionResult {
  const project = (input: Value, part: string) =>
    linear(net, input, `${name}.attention.${part}`, config.hidden_size);
  const { output, probabilities } = attend(net, {
    query: project(x, "q_proj"),
    key: project(x, "k_proj"),
    value: project(x, "v_proj"),
    headCount: config.num_attention_heads,
    mask,
    needsProbabilities: needsAttentions,
  });
  return { output: project(output, "out_proj"), probabilities };
}

function feedForward(
  net: Network,
  config: HubertConfig,
  { x, name }: { x: Value; name: string },
): Value {
  const inner = linear(net, x, `${name}.intermediate_dense`, config.intermediate_size);
  const activated = activate(net.g, config.hidden_act, inner);
  return linear(net, activated, `${name}.output_dense`, config.hidden_size);
}

/** The small per-language bottleneck of MMS-style checkpoints. x: [B, T, H]. */
function languageAdapter(
  net: Network,
  config: HubertConfig,
  { x, name }: { x: Value; name: string },
): Value {
  if (config.adapter_attn_dim === null) return x;
  const { g } = net;
  const adapter = `${name}.adapter_layer`;
  const normed = norm(net, x, `${adapter}.norm`, DEFAULT_EPSILON);
  const inner = linear(net, normed, `${adapter}.linear_1`, config.adapter_attn_dim);
  const outer = linear(net, activate(g, "relu", inner), `${adapter}.linear_2`, config.hidden_size);
  return add(g, x, outer);
}
