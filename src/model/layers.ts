/**
 * The layers the architectures share, each a function from values and
 * parameter names to a value, in whatever precision the network is built.
 *
 * Shapes: B batch, T frames, H hidden size, N heads, D = H / N.
 *
 * @module
 */
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { conv1d, type Conv1dOptions } from "../graph/conv.ts";
import {
  add,
  dynamicQuantizeMatMul,
  instanceNorm,
  layerNorm,
  matMul,
  matMulNBits,
  mul,
  multiHeadAttention,
  reshape,
  scalar,
  softmax,
  transpose,
} from "../graph/ops.ts";
import { quantizeBlocks, quantizeInt8 } from "../graph/quantize.ts";
import { type Parameter, type ParameterReader, transposed } from "./parameters.ts";

/** How numbers are kept while the network computes. */
export interface Precision {
  /** Element type of activations and of weights that are not quantised. */
  readonly activations: "float32" | "float16";
  /** How matrices are kept; `full` means like the activations. */
  readonly matrices: "full" | "int8" | "blocks8" | "blocks4";
}

/** A network under construction. */
export interface Network {
  readonly g: GraphBuilder;
  readonly parameters: ParameterReader;
  readonly precision: Precision;
}

/**
 * The same network with no matrix quantised: for its two ends, the feature projection and the
 * head, whose few weights decide much.
 */
export function unquantized(net: Network): Network {
  return { ...net, precision: { ...net.precision, matrices: "full" } };
}

/** Inputs that share a scale in `blocks8` and `blocks4`. */
const BLOCK_SIZE = 32;

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A parameter as a constant of the graph, in the network's precision. */
export function constantOf({ g, precision }: Network, parameter: Parameter): Value {
  const { name, shape } = parameter;
  const dtype = precision.activations;
  return g.initializer({
    name,
    dtype,
    shape,
    load: async () => {
      const values = await parameter.load();
      return bytesOf(dtype === "float32" ? values : new Float16Array(values));
    },
  });
}

/** The named parameter as a constant of the graph. */
export function parameter(net: Network, name: string, shape: readonly number[]): Value {
  return constantOf(net, net.parameters.get(name, shape));
}

/** x · Wᵀ + b. x: [..., K] → [..., N]; parameters `name.weight` [N, K] and `name.bias` [N]. */
export function linear(net: Network, x: Value, name: string, outSize: number): Value {
  const inSize = x.shape.at(-1) as number;
  const weight = net.parameters.get(`${name}.weight`, [outSize, inSize]);
  const bias = parameter(net, `${name}.bias`, [outSize]);
  return affine(net, x, { weight, bias });
}

/** x · Wᵀ + b with a given weight [N, K] and bias [N]. */
export function affine(
  net: Network,
  x: Value,
  { weight, bias }: { weight: Parameter; bias: Value },
): Value {
  const { g, precision } = net;
  switch (precision.matrices) {
    case "full":
      return add(g, matMul(g, x, constantOf(net, transposed(weight))), bias);
    case "int8":
      return int8Linear(net, x, { weight, bias });
    case "blocks8":
      return add(g, blockLinear(net, x, weight, 8), bias);
    case "blocks4":
      return add(g, blockLinear(net, x, weight, 4), bias);
    default:
      return precision.matrices satisfies never;
  }
}

function int8Linear(
  { g }: Network,
  x: Value,
  { weight, bias }: { weight: Parameter; bias: Value },
): Value {
  const [outSize, inSize] = weight.shape as [number, number];
  const quantized = twice(async () => quantizeInt8(await weight.load(), outSize, inSize));
  return dynamicQuantizeMatMul(g, x, {
    weight: g.initializer({
      name: `${weight.name}.int8`,
      dtype: "int8",
      shape: [inSize, outSize],
      load: async () => bytesOf((await quantized()).values),
    }),
    scale: g.initializer({
      name: `${weight.name}.int8_scale`,
      dtype: "float32",
      shape: [outSize],
      load: async () => bytesOf((await quantized()).scales),
    }),
    bias,
  });
}

function blockLinear({ g, precision }: Network, x: Value, weight: Parameter, bits: 4 | 8): Value {
  const [outSize, inSize] = weight.shape as [number, number];
  const blockCount = Math.ceil(inSize / BLOCK_SIZE);
  const quantized = twice(async () =>
    quantizeBlocks(await weight.load(), { outSize, inSize, bits, blockSize: BLOCK_SIZE })
  );
  const dtype = precision.activations;
  return matMulNBits(g, x, {
    packed: g.initializer({
      name: `${weight.name}.blocks${bits}`,
      dtype: "uint8",
      shape: [outSize, blockCount, BLOCK_SIZE * bits / 8],
      load: async () => (await quantized()).packed,
    }),
    scales: g.initializer({
      name: `${weight.name}.blocks${bits}_scale`,
      dtype,
      shape: [outSize * blockCount],
      load: async () => {
        const { scales } = await quantized();
        return bytesOf(dtype === "float32" ? scales : new Float16Array(scales));
      },
    }),
    inSize,
    outSize,
    bits,
    blockSize: BLOCK_SIZE,
  });
}

/** Shares one computation between its two readers, and forgets it after the second. */
function twice<T>(compute: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => {
    if (pending === undefined) return pending = compute();
    const result = pending;
    pending = undefined;
    return result;
  };
}

/** Layer normalisation over the last axis; parameters `name.weight`, `name.bias`. */
export function norm(net: Network, x: Value, name: string, epsilon: number): Value {
  const size = x.shape.at(-1) as number;
  const weight = parameter(net, `${name}.weight`, [size]);
  const bias = parameter(net, `${name}.bias`, [size]);
  return layerNorm(net.g, x, { weight, bias, epsilon });
}

/** Normalisation of each channel over time. x: [B, C, T]; parameters `name.weight`, `name.bias`. */
export function timeNorm(net: Network, x: Value, name: string, epsilon: number): Value {
  const size = x.shape[1] as number;
  const weight = parameter(net, `${name}.weight`, [size]);
  const bias = parameter(net, `${name}.bias`, [size]);
  return instanceNorm(net.g, x, { weight, bias, epsilon });
}

/** 1-D convolution. x: [B, C, T] → [B, D, length]; `name.weight` [D, C / groups, K], `name.bias`. */
export function convolution(
  net: Network,
  x: Value,
  { name, outChannels, kernel, hasBias = true, weight, ...options }: Conv1dOptions & {
    name: string;
    outChannels: number;
    kernel: number;
    hasBias?: boolean;
    weight?: Parameter;
  },
): Value {
  const shape = [outChannels, (x.shape[1] as number) / (options.groups ?? 1), kernel];
  return conv1d(net.g, x, {
    weight: constantOf(net, weight ?? net.parameters.get(`${name}.weight`, shape)),
    bias: hasBias ? parameter(net, `${name}.bias`, [outChannels]) : undefined,
    ...options,
  });
}

/** What attention gives back. */
export interface AttentionResult {
  /** [B, T, H] */
  readonly output: Value;
  /** [B, N, T, T]; absent when the fused kernel ran, which keeps them to itself. */
  readonly probabilities: Value | undefined;
}

/**
 * Multi-head self-attention before its output projection. One fused kernel
 * where nothing asks for its insides, plain products otherwise.
 */
export function attend(
  { g }: Network,
  { query, key, value, headCount, mask, needsProbabilities }: {
    query: Value; // [B, T, H]
    key: Value; // [B, T, H]
    value: Value; // [B, T, H]
    headCount: number;
    mask: Value | undefined; // [B, 1, 1, T], added to the scores
    needsProbabilities: boolean;
  },
): AttentionResult {
  if (mask === undefined && !needsProbabilities) {
    const output = multiHeadAttention(g, query, { key, value, headCount });
    return { output, probabilities: undefined };
  }
  const [batch, frames, hidden] = query.shape as [string, string, number];
  const headSize = hidden / headCount;
  const heads = (x: Value, permutation: readonly number[]) =>
    transpose(g, reshape(g, x, [batch, frames, headCount, headSize]), permutation);
  const scaled = mul(g, query, scalar(g, query, headSize ** -0.5));
  const scores = matMul(g, heads(scaled, [0, 2, 1, 3]), heads(key, [0, 2, 3, 1]));
  const probabilities = softmax(g, mask ? add(g, scores, mask) : scores);
  const mixed = matMul(g, probabilities, heads(value, [0, 2, 1, 3]));
  const output = reshape(g, transpose(g, mixed, [0, 2, 1, 3]), [batch, frames, hidden]);
  return { output, probabilities };
}
