/**
 * 1-D convolution, and the ways around two errors of ONNX Runtime's WebGPU
 * convolution (seen in 1.30.0). Both concern channel counts that no published
 * checkpoint has; the graph is the same on every backend. `conv_gpu_test.ts`
 * covers them; they can go when it passes without.
 *
 * Shapes: B batch, C channels in, D channels out, T positions, K kernel.
 *
 * @module
 */
import { type GraphBuilder, int, ints, type Value } from "./builder.ts";
import type { Dimension } from "./onnx.ts";
import { add, check, concat, slice, split } from "./ops.ts";

/** Options of a 1-D convolution. */
export interface Conv1dOptions {
  /** Step in input positions. @default {1} */
  readonly stride?: number;
  /** Zeros before and after. @default {[0, 0]} */
  readonly padding?: readonly [number, number];
  /** Groups of channels. @default {1} */
  readonly groups?: number;
  /** Length of the result: a name, or the input's own when the convolution keeps it. */
  readonly length: Dimension;
}

/** A 1-D convolution: its constants and options. */
export interface Conv1d extends Conv1dOptions {
  /** [D, C / groups, K]; K may be known at run time only */
  readonly weight: Value;
  /** [D] */
  readonly bias: Value | undefined;
}

/** 1-D convolution. x: [B, C, T], result: [B, D, length]. */
export function conv1d(g: GraphBuilder, x: Value, conv: Conv1d): Value {
  const { weight, groups = 1 } = conv;
  const [outChannels, inChannels, kernel] = weight.shape as [number, number, Dimension];
  const fits = x.shape[1] === inChannels * groups;
  check(fits, "Conv", `channels differ in ${groups} groups`, x, weight);
  if (mixesGroups(outChannels, groups)) return groupwise(g, x, { ...conv, groups });
  if (misreadsInput({ inChannels, outChannels, kernel })) return inTwoParts(g, x, conv);
  return plain(g, x, conv);
}

function plain(
  g: GraphBuilder,
  x: Value,
  { weight, bias, stride = 1, padding = [0, 0], groups = 1, length }: Conv1d,
): Value {
  const shape = [x.shape[0]!, weight.shape[0]!, length];
  const kernel = weight.shape[2]!;
  return g.node("Conv", bias ? [x, weight, bias] : [x, weight], [{ dtype: x.dtype, shape }], {
    attributes: {
      ...(typeof kernel === "number" ? { kernel_shape: ints([kernel]) } : {}),
      strides: ints([stride]),
      pads: ints(padding),
      group: int(groups),
    },
  })[0];
}

/** WebGPU computes 2 or 4 output channels at a time, as divides all of them, even across groups of at least 4 that do not divide so. */
function mixesGroups(outChannels: number, groups: number): boolean {
  const perGroup = outChannels / groups;
  const together = outChannels % 4 === 0 ? 4 : outChannels % 2 === 0 ? 2 : 1;
  return groups > 1 && perGroup >= 4 && perGroup % together !== 0;
}

/** A grouped convolution as one convolution a group. */
function groupwise(
  g: GraphBuilder,
  x: Value,
  { weight, bias, groups, ...options }: Conv1d & { groups: number },
): Value {
  const inputs = split(g, x, 1, groups);
  const weights = split(g, weight, 0, groups);
  const biases = bias && split(g, bias, 0, groups);
  const outputs = inputs.map((input, i) =>
    conv1d(g, input, { weight: weights[i]!, bias: biases?.[i], ...options })
  );
  return concat(g, outputs, 1);
}

/** WebGPU reads input channels in threes where they divide by 3 and not by 4, and mixes them up. */
function misreadsInput(
  { inChannels, outChannels, kernel }: {
    inChannels: number;
    outChannels: number;
    kernel: Dimension;
  },
): boolean {
  const readInThrees = inChannels > 3 && inChannels % 3 === 0 && inChannels % 4 !== 0;
  return readInThrees && outChannels % 4 === 0 && kernel !== 1;
}

/** A convolution as the sum of one over as many channels as divide by 4 and one over the rest. */
function inTwoParts(g: GraphBuilder, x: Value, { weight, bias, ...options }: Conv1d): Value {
  const channels = weight.shape[1] as number;
  const middle = channels - channels % 4;
  const part = (start: number, end: number, bias: Value | undefined) => {
    const range = { axis: 1, start, end, length: end - start };
    return plain(g, slice(g, x, range), { ...options, weight: slice(g, weight, range), bias });
  };
  return add(g, part(0, middle, bias), part(middle, channels, undefined));
}
