/**
 * Heads that tell speakers apart: activity of each frame, and one vector for a
 * whole input (x-vector).
 *
 * Shapes: B batch, T frames, H hidden size, L labels, C channels, E embedding size.
 *
 * @see {@link https://www.danielpovey.com/files/2018_icassp_xvectors.pdf} x-vectors
 * @module
 */
import type { Value } from "../graph/builder.ts";
import {
  cast,
  concat,
  div,
  lengthOf,
  mul,
  reduceSum,
  scalar,
  slice,
  squeeze,
  sub,
  unary,
  unsqueeze,
} from "../graph/ops.ts";
import { prefixMask } from "./frame_masks.ts";
import { linear, type Network } from "./layers.ts";

/** Label scores of every frame. hidden: [B, T, H] → [B, T, L] */
export function frameClassificationHead(net: Network, hidden: Value, labelCount: number): Value {
  return linear(net, hidden, "classifier", labelCount);
}

/** Sizes of the x-vector head, as the config spells them. */
export interface XVectorFields {
  /** Width of each time-delay layer. */
  readonly tdnn_dim: readonly number[];
  /** Kernel of each time-delay layer. */
  readonly tdnn_kernel: readonly number[];
  /** Dilation of each time-delay layer. */
  readonly tdnn_dilation: readonly number[];
  /** Width of an x-vector, E. */
  readonly xvector_output_dim: number;
}

/** Fewest frames the x-vector head makes something of: two are left for the spread. */
export function xVectorFrameCount({ tdnn_kernel, tdnn_dilation }: XVectorFields): number {
  return tdnn_kernel.reduce((sum, kernel, i) => sum + (kernel - 1) * tdnn_dilation[i]!, 2);
}

/** What the x-vector head gives. */
export interface XVectorResult {
  /** [B, E] */
  readonly embeddings: Value;
  /** What the loss compares with its class vectors. [B, E] */
  readonly logits: Value;
}

/** One vector for each input. hidden: [B, T, H] → [B, E] */
export function xVectorHead(
  net: Network,
  hidden: Value,
  { fields, lengths }: {
    fields: XVectorFields;
    /** Frames of each row that count; all without it. float32 [B, 1] */
    lengths: Value | undefined;
  },
): XVectorResult {
  const { g } = net;
  let x = linear(net, hidden, "projector", fields.tdnn_dim[0]!);
  for (const [index, outSize] of fields.tdnn_dim.entries()) {
    const [kernel, dilation] = [fields.tdnn_kernel[index]!, fields.tdnn_dilation[index]!];
    x = timeDelayLayer(net, x, { index, outSize, kernel, dilation });
  }
  const pooled = statistics(net, x, lengths && countedFrames(net, lengths, fields));
  const size = fields.xvector_output_dim;
  const embeddings = linear(net, concat(g, pooled, 1), "feature_extractor", size);
  return { embeddings, logits: linear(net, embeddings, "classifier", size) };
}

/**
 * A dilated convolution as one matrix product over shifted copies laid side by
 * side: the checkpoint's weight is already in that order. x: [B, T, C] → [B, T', outSize]
 */
function timeDelayLayer(
  net: Network,
  x: Value,
  { index, outSize, kernel, dilation }: {
    index: number;
    outSize: number;
    kernel: number;
    dilation: number;
  },
): Value {
  const { g } = net;
  const span = (kernel - 1) * dilation;
  const length = span === 0 ? x.shape[1]! : `frames_after_tdnn_${index}`;
  const copies = Array.from({ length: kernel }, (_, tap) => {
    const start = tap * dilation;
    const cut = span - start;
    return slice(g, x, { axis: 1, start, end: cut === 0 ? END : -cut, length });
  });
  const sideBySide = kernel === 1 ? x : concat(g, copies, 2);
  return unary(g, "Relu", linear(net, sideBySide, `tdnn.${index}.kernel`, outSize));
}

/** Beyond the end of any axis. */
const END = 2 ** 31 - 1;

/** Mean and standard deviation over the frames that count. x: [B, T, C] → [B, C] each */
function statistics(
  { g }: Network,
  frames: Value,
  lengths: Value | undefined, // float32 [B, 1]
): [mean: Value, deviation: Value] {
  const x = cast(g, frames, "float32"); // sums over time are too long for half precision
  const mask = lengths && unsqueeze(g, prefixMask(g, lengths, x), 2);
  const kept = (value: Value) => mask ? mul(g, value, mask) : value;
  const count = mask ? reduceSum(g, mask, 1, true) : cast(g, lengthOf(g, x, 1), "float32");
  const mean = div(g, reduceSum(g, kept(x), 1, true), count);
  const distance = kept(sub(g, x, mean));
  const squares = reduceSum(g, mul(g, distance, distance), 1, true);
  const variance = div(g, squares, sub(g, count, scalar(g, count, 1)));
  const flat = (value: Value) => cast(g, squeeze(g, value, 1), frames.dtype);
  return [flat(mean), flat(unary(g, "Sqrt", variance))];
}

/** Frames the reference counts after the time-delay layers: it leaves their dilation out. lengths: [B, 1] */
function countedFrames({ g }: Network, lengths: Value, { tdnn_kernel }: XVectorFields): Value {
  const lost = tdnn_kernel.reduce((sum, kernel) => sum + kernel - 1, 0);
  return sub(g, lengths, scalar(g, lengths, lost));
}
