/**
 * A depthwise convolution with a long kernel, several positions at a time.
 *
 * ONNX Runtime computes a depthwise convolution channel by channel, as the
 * product of one row (the kernel) and a matrix of every position's
 * neighbourhood, and most of the time goes into filling that matrix. With P
 * neighbouring positions as P output channels and P as the stride, the matrix
 * shrinks P-fold and the row becomes P rows, each the kernel shifted by one:
 * the same sums, several times as fast.
 *
 * In an input shorter than the kernel most taps meet nothing but padding; those that do for every
 * position are left out, with their padding.
 *
 * Shapes: B batch, C channels, T positions, K kernel, P positions at a time, W what is left of
 * K + P - 1 taps.
 *
 * @module
 */
import type { GraphBuilder, Value } from "../graph/builder.ts";
import { conv1d } from "../graph/conv.ts";
import {
  add,
  lengthOf,
  min,
  pad,
  reshape,
  scalar,
  slice,
  sub,
  transpose,
  unsqueeze,
} from "../graph/ops.ts";
import { constantOf, type Network } from "./layers.ts";
import { derive, type Parameter } from "./parameters.ts";

/** From this many taps on the detour is worth its memory. */
export const LONG_KERNEL = 256;

/** P: more gains little time and costs P times the kernel's memory. */
const POSITIONS_AT_ONCE = 16;

/** The kernel and how it is laid over the input. */
export interface LongConvolution {
  /** [C, 1, K] */
  readonly weight: Parameter;
  /** [C] */
  readonly bias: Parameter;
  /** Zeros before; after come as many as keep the length. */
  readonly paddingBefore: number;
}

/** Depthwise convolution of stride 1 that keeps the length. x: [B, C, T] → [B, C, T]. */
export function longConvolution(
  net: Network,
  x: Value,
  { weight, bias, paddingBefore }: LongConvolution,
): Value {
  const { g } = net;
  const [batch, channels, length] = x.shape as [Value["shape"][0], number, Value["shape"][2]];
  const kernel = weight.shape[2] as number;
  const positions = lengthOf(g, x, 2);
  const near = nearTaps(g, positions, { paddingBefore, kernel });
  const blocks = conv1d(g, pad(g, x, { axis: 2, ...near.padding, length: "padded_frames" }), {
    weight: slice(g, constantOf(net, shifted(weight)), { axis: 2, ...near.taps, length: "taps" }),
    bias: constantOf(net, repeated(bias)),
    stride: POSITIONS_AT_ONCE,
    groups: channels,
    length: "frame_blocks",
  });
  const apart = reshape(g, blocks, [batch!, channels, POSITIONS_AT_ONCE, "frame_blocks"]);
  const inOrder = transpose(g, apart, [0, 1, 3, 2]);
  const whole = reshape(g, inOrder, [batch!, channels, "block_frames"]);
  const end = unsqueeze(g, positions, 0);
  return slice(g, whole, { axis: 2, start: 0, end, length: length! });
}

/** Taps that reach one of T positions from another, and the zeros they meet around them. All int64 [1]. */
function nearTaps(
  g: GraphBuilder,
  positions: Value, // int64 []
  { paddingBefore, kernel }: { paddingBefore: number; kernel: number },
): { taps: { start: Value; end: Value }; padding: { before: Value; after: Value } } {
  const number = (value: number) => scalar(g, positions, value);
  const before = min(g, number(paddingBefore), sub(g, positions, number(1)));
  const after = add(
    g,
    min(g, number(kernel - paddingBefore), positions),
    number(POSITIONS_AT_ONCE - 2),
  );
  const start = sub(g, number(paddingBefore), before);
  const end = add(g, after, number(paddingBefore + 1));
  const listed = (value: Value) => unsqueeze(g, value, 0);
  return {
    taps: { start: listed(start), end: listed(end) },
    padding: { before: listed(before), after: listed(after) },
  };
}

/** Every kernel P times, each one place further on. [C, 1, K] → [C · P, 1, K + P - 1]. */
function shifted(weight: Parameter): Parameter {
  const [channels, , kernel] = weight.shape as [number, number, number];
  const width = kernel + POSITIONS_AT_ONCE - 1;
  const rowCount = channels * POSITIONS_AT_ONCE;
  return derive(`${weight.name}.shifted`, [rowCount, 1, width], async () => {
    const taps = await weight.load();
    const rows = new Float32Array(rowCount * width);
    for (let row = 0; row < rowCount; row++) {
      const channel = Math.floor(row / POSITIONS_AT_ONCE);
      const shift = row % POSITIONS_AT_ONCE;
      rows.set(taps.subarray(channel * kernel, (channel + 1) * kernel), row * width + shift);
    }
    return rows;
  });
}

/** Every value P times. [C] → [C · P] */
function repeated(bias: Parameter): Parameter {
  const count = (bias.shape[0] as number) * POSITIONS_AT_ONCE;
  return derive(`${bias.name}.repeated`, [count], async () => {
    const values = await bias.load();
    return Float32Array.from(
      { length: count },
      (_, i) => values[Math.floor(i / POSITIONS_AT_ONCE)]!,
    );
  });
}
