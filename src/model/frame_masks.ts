/**
 * Which frames count, as arithmetic that every backend has.
 *
 * Lengths stay in single precision whatever the network's: half precision
 * counts to 2048 only.
 *
 * Shapes: B batch, T frames.
 *
 * @module
 */
import type { GraphBuilder, Value } from "../graph/builder.ts";
import {
  cast,
  clip,
  lengthOf,
  mul,
  range,
  reduceSum,
  scalar,
  sub,
  unsqueeze,
} from "../graph/ops.ts";

/** 0, 1, 2 … along an axis of `x`. Result: int64 [length of the axis]. */
export function positionsAlong(g: GraphBuilder, x: Value, axis: number): Value {
  const limit = lengthOf(g, x, axis);
  return range(g, {
    start: scalar(g, limit, 0),
    limit,
    step: scalar(g, limit, 1),
    length: x.shape[axis]!,
  });
}

/** Frames of each row that count. frameMask: float32 [B, T] → [B, 1] */
export function rowLengths(g: GraphBuilder, frameMask: Value): Value {
  return reduceSum(g, frameMask, 1, true);
}

/** 1 for the first `lengths` frames of each row, 0 for the rest. lengths: float32 [B, 1], x: [B, T, …] → [B, T] */
export function prefixMask(g: GraphBuilder, lengths: Value, x: Value): Value {
  // whole numbers: what lies before the end is at least 1 away from it
  return clip(g, sub(g, lengths, cast(g, positionsAlong(g, x, 1), "float32")), 0, 1);
}

/** 0 where a frame may be attended to, the lowest number where not. mask: [B, T] → [B, 1, 1, T] */
export function attentionBias(g: GraphBuilder, mask: Value): Value {
  const lowest = mask.dtype === "float16" ? -65504 : -3.4028234663852886e38;
  const padding = sub(g, scalar(g, mask, 1), mask);
  return unsqueeze(g, unsqueeze(g, mul(g, padding, scalar(g, mask, lowest)), 1), 1);
}
