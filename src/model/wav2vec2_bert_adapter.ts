/**
 * The adapter of Wav2Vec2-BERT: layers on top of the encoder that sub-sample
 * its frames by strided convolutions, then attend over what is left.
 *
 * Shapes: B batch, T frames before a layer, U after, A adapter size.
 *
 * @module
 */
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { add, cast, div, mul, scalar, split, transpose, unary } from "../graph/ops.ts";
import { activate } from "./activation.ts";
import { attentionBias, prefixMask, rowLengths } from "./frame_masks.ts";
import { convolution, linear, type Network, norm } from "./layers.ts";
import { selfAttention } from "./wav2vec2_bert_attention.ts";
import type { Wav2Vec2BertConfig } from "./wav2vec2_bert_config.ts";

/** Gated linear unit: one half of an axis, gated by the other. */
export function gatedLinearUnit(g: GraphBuilder, x: Value, axis: number): Value {
  const [value, gate] = split(g, x, axis, 2) as [Value, Value];
  return mul(g, value, unary(g, "Sigmoid", gate));
}

/**
 * Frames of each row that count after one adapter layer. The reference takes
 * half the kernel for the padding here, and half the stride in the convolution.
 * lengths: float32 [B, 1] → [B, 1]
 */
export function subSampledLengths(
  g: GraphBuilder,
  lengths: Value,
  config: Wav2Vec2BertConfig,
): Value {
  const { adapter_kernel_size: kernel, adapter_stride: stride } = config;
  // half a frame more keeps whole quotients clear of a device's rounding
  const shift = 2 * Math.floor(kernel / 2) - kernel + 0.5;
  const span = add(g, lengths, scalar(g, lengths, shift));
  const steps = unary(g, "Floor", div(g, span, scalar(g, lengths, stride)));
  return add(g, steps, scalar(g, lengths, 1));
}

/** Encoder output [B, T, H] → [B, U, A]. */
export function adapter(
  net: Network,
  config: Wav2Vec2BertConfig,
  { hidden, frameMask }: {
    hidden: Value;
    frameMask: Value | undefined; // float32 [B, T]
  },
): Value {
  const { g } = net;
  let x = hidden;
  if (config.output_hidden_size !== config.hidden_size) {
    const projected = linear(net, x, "adapter.proj", config.output_hidden_size);
    x = norm(net, projected, "adapter.proj_layer_norm", config.layer_norm_eps);
  }
  let lengths = frameMask && rowLengths(g, frameMask);
  for (let index = 0; index < config.num_adapter_layers; index++) {
    lengths = lengths && subSampledLengths(g, lengths, config);
    x = adapterLayer(net, config, { x, index, lengths });
  }
  return x;
}

/** x: [B, T, A] → [B, U, A] */
function adapterLayer(
  net: Network,
  config: Wav2Vec2BertConfig,
  { x, index, lengths }: {
    x: Value;
    index: number;
    lengths: Value | undefined; // float32 [B, 1]
  },
): Value {
  const { g } = net;
  const name = `adapter.layers.${index}`;
  const pool = (part: string) => pooled(net, config, { x, name: `${name}.${part}`, index });
  const residual = pool("residual");
  const input = pool("self_attn");
  const mask = lengths &&
    attentionBias(g, cast(g, prefixMask(g, lengths, input), input.dtype));
  const { output } = selfAttention(net, input, {
    name: `${name}.self_attn`,
    headCount: config.num_attention_heads,
    positions: { kind: "none" },
    mask,
    needsProbabilities: false,
  });
  const y = add(g, output, residual);
  const normed = norm(net, y, `${name}.ffn_layer_norm`, config.layer_norm_eps);
  const inner = linear(net, normed, `${name}.ffn.intermediate_dense`, config.intermediate_size);
  const activated = activate(g, config.adapter_act, inner);
  return add(g, linear(net, activated, `${name}.ffn.output_dense`, config.output_hidden_size), y);
}

/** Normalised, strided, gated. x: [B, T, A] → [B, U, A] */
function pooled(
  net: Network,
  config: Wav2Vec2BertConfig,
  { x, name, index }: { x: Value; name: string; index: number },
): Value {
  const { g } = net;
  const padding = Math.floor(config.adapter_stride / 2);
  const normed = norm(net, x, `${name}_layer_norm`, config.layer_norm_eps);
  const strided = convolution(net, transpose(g, normed, [0, 2, 1]), {
    name: `${name}_conv`,
    outChannels: 2 * config.output_hidden_size,
    kernel: config.adapter_kernel_size,
    stride: config.adapter_stride,
    padding: [padding, padding],
    length: `frames_${index}`,
  });
  return transpose(g, gatedLinearUnit(g, strided, 1), [0, 2, 1]);
}
