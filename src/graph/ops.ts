/**
 * ONNX operators as functions: each checks its operands and knows the shape of
 * its result. Dimensions known only at run time are names; two dimensions
 * agree when their names do.
 *
 * @module
 */
import { float, type GraphBuilder, int, ints, type OutputType, type Value } from "./builder.ts";
import { type Dimension, type OnnxDtype, typeCode } from "./onnx.ts";

const MICROSOFT = "com.microsoft";

function describe(value: Pick<Value, "dtype" | "shape">): string {
  return `${value.dtype}[${value.shape.join(", ")}]`;
}

/** Throws when an operator's operands do not fit. */
export function check(condition: boolean, op: string, why: string, ...values: Value[]): void {
  if (!condition) {
    throw new TypeError(`Cannot build ${op} of ${values.map(describe).join(" and ")}: ${why}`);
  }
}

function broadcast(op: string, a: Value, b: Value): Dimension[] {
  check(a.dtype === b.dtype, op, "element types differ", a, b);
  const rank = Math.max(a.shape.length, b.shape.length);
  return Array.from({ length: rank }, (_, i) => {
    const left = a.shape[a.shape.length - rank + i] ?? 1;
    const right = b.shape[b.shape.length - rank + i] ?? 1;
    check(left === right || left === 1 || right === 1, op, "shapes do not broadcast", a, b);
    return left === 1 ? right : left;
  });
}

function axisOf(value: Value, axis: number): number {
  return axis < 0 ? axis + value.shape.length : axis;
}

function withAxis(shape: readonly Dimension[], axis: number, length: Dimension): Dimension[] {
  return shape.map((old, i) => i === axis ? length : old);
}

function int64(g: GraphBuilder, values: readonly number[]): Value {
  return g.constant("int64", [values.length], BigInt64Array.from(values, BigInt));
}

/** A constant number of `like`'s element type, broadcastable to it. */
export function scalar(g: GraphBuilder, like: Value, value: number): Value {
  switch (like.dtype) {
    case "float32":
      return g.constant("float32", [], Float32Array.of(value));
    case "float16":
      return g.constant("float16", [], Float16Array.of(value));
    case "int32":
      return g.constant("int32", [], Int32Array.of(value));
    case "int64":
      return g.constant("int64", [], BigInt64Array.of(BigInt(value)));
    default:
      throw new TypeError(`Cannot make a scalar of type ${like.dtype}`);
  }
}

function binary(g: GraphBuilder, op: string, a: Value, b: Value): Value {
  return g.node(op, [a, b], [{ dtype: a.dtype, shape: broadcast(op, a, b) }])[0];
}

/** a + b, broadcast. */
export function add(g: GraphBuilder, a: Value, b: Value): Value {
  return binary(g, "Add", a, b);
}

/** a − b, broadcast. */
export function sub(g: GraphBuilder, a: Value, b: Value): Value {
  return binary(g, "Sub", a, b);
}

/** a · b, broadcast. */
export function mul(g: GraphBuilder, a: Value, b: Value): Value {
  return binary(g, "Mul", a, b);
}

/** a ÷ b, broadcast. */
export function div(g: GraphBuilder, a: Value, b: Value): Value {
  return binary(g, "Div", a, b);
}

/** Element-wise operators without attributes. */
export type UnaryOp =
  | "Relu"
  | "Sigmoid"
  | "Softplus"
  | "Softsign"
  | "Tanh"
  | "Selu"
  | "Mish"
  | "HardSwish"
  | "Sqrt"
  | "Neg"
  | "Floor"
  | "Sin"
  | "Cos";

/** Applies an element-wise operator. */
export function unary(g: GraphBuilder, op: UnaryOp, x: Value): Value {
  return g.node(op, [x], [x])[0];
}

/** Gaussian error linear unit, exact or by its tanh approximation. */
export function gelu(g: GraphBuilder, x: Value, approximate: "none" | "tanh" = "none"): Value {
  const attributes = { approximate: { kind: "string", value: approximate } } as const;
  return g.node("Gelu", [x], [x], { attributes })[0];
}

/** Leaky rectifier: x where positive, `slope`·x elsewhere. */
export function leakyRelu(g: GraphBuilder, x: Value, slope: number): Value {
  return g.node("LeakyRelu", [x], [x], { attributes: { alpha: float(slope) } })[0];
}

/** The lesser of both, broadcast. */
export function min(g: GraphBuilder, a: Value, b: Value): Value {
  return binary(g, "Min", a, b);
}

/** Limits values to `[low, high]`. */
export function clip(g: GraphBuilder, x: Value, low: number, high: number): Value {
  return g.node("Clip", [x, scalar(g, x, low), scalar(g, x, high)], [x])[0];
}

/** Changes the element type; the value itself when it has it already. */
export function cast(g: GraphBuilder, x: Value, dtype: OnnxDtype): Value {
  if (x.dtype === dtype) return x;
  return g.node("Cast", [x], [{ dtype, shape: x.shape }], {
    attributes: { to: int(typeCode(dtype)) },
  })[0];
}

/** Matrix product over the last two axes, broadcast over the others. */
export function matMul(g: GraphBuilder, a: Value, b: Value): Value {
  check(a.dtype === b.dtype, "MatMul", "element types differ", a, b);
  check(a.shape.length >= 2 && b.shape.length >= 2, "MatMul", "ranks must be at least 2", a, b);
  check(a.shape.at(-1) === b.shape.at(-2), "MatMul", "inner dimensions differ", a, b);
  const outer = b.shape.length === 2
    ? a.shape.slice(0, -2)
    : broadcast("MatMul", { ...a, shape: a.shape.slice(0, -2) }, {
      ...b,
      shape: b.shape.slice(0, -2),
    });
  const shape = [...outer, a.shape.at(-2)!, b.shape.at(-1)!];
  return g.node("MatMul", [a, b], [{ dtype: a.dtype, shape }])[0];
}

/** Reorders axes. */
export function transpose(g: GraphBuilder, x: Value, permutation: readonly number[]): Value {
  check(permutation.length === x.shape.length, "Transpose", `permutation is [${permutation}]`, x);
  const shape = permutation.map((axis) => x.shape[axis]!);
  return g.node("Transpose", [x], [{ dtype: x.dtype, shape }], {
    attributes: { perm: ints(permutation) },
  })[0];
}

/**
 * Reshapes. A named dimension keeps its position or is the one that is
 * inferred; no more than one can be.
 */
export function reshape(g: GraphBuilder, x: Value, shape: readonly Dimension[]): Value {
  const target = shape.map((length, axis) =>
    typeof length === "number" ? length : length === x.shape[axis] ? 0 : -1
  );
  check(target.filter((t) => t === -1).length <= 1, "Reshape", `target is [${shape}]`, x);
  return g.node("Reshape", [x, int64(g, target)], [{ dtype: x.dtype, shape }])[0];
}

/** Inserts an axis of length 1. */
export function unsqueeze(g: GraphBuilder, x: Value, axis: number): Value {
  const shape = [...x.shape];
  shape.splice(axis, 0, 1);
  return g.node("Unsqueeze", [x, int64(g, [axis])], [{ dtype: x.dtype, shape }])[0];
}

/** Removes an axis of length 1. */
export function squeeze(g: GraphBuilder, x: Value, axis: number): Value {
  check(x.shape[axis] === 1, "Squeeze", `axis ${axis} is not of length 1`, x);
  const shape = x.shape.filter((_, i) => i !== axis);
  return g.node("Squeeze", [x, int64(g, [axis])], [{ dtype: x.dtype, shape }])[0];
}

/**
 * A range of one axis. `end` may be negative, counted from the end; both ends may be known at run
 * time only, int64 [1]; `length` is the result's.
 */
export function slice(
  g: GraphBuilder,
  x: Value,
  range: { axis: number; start: number | Value; end: number | Value; length: Dimension },
): Value {
  const { start, end, length } = range;
  const axis = axisOf(x, range.axis);
  const [from, to] = [start, end].map((at) => typeof at === "number" ? int64(g, [at]) : at);
  const inputs = [x, from!, to!, int64(g, [axis])];
  return g.node("Slice", inputs, [{ dtype: x.dtype, shape: withAxis(x.shape, axis, length) }])[0];
}

/** Zeros before and after an axis, as many as known at run time, int64 [1] each; `length` is the result's. */
export function pad(
  g: GraphBuilder,
  x: Value,
  { before, after, ...range }: { axis: number; before: Value; after: Value; length: Dimension },
): Value {
  const axis = axisOf(x, range.axis);
  // for every axis: onnxruntime 1.30 moves transpositions past it as if it were so in any case
  const pads = [before, after].flatMap((count) =>
    x.shape.map((_, at) => at === axis ? count : int64(g, [0]))
  );
  const inputs = [x, concat(g, pads, 0), scalar(g, x, 0)];
  return g.node("Pad", inputs, [{
    dtype: x.dtype,
    shape: withAxis(x.shape, axis, range.length),
  }])[0];
}

/** Joins values along an axis whose lengths are all known. */
export function concat(g: GraphBuilder, values: readonly Value[], axis: number): Value {
  const first = values[0]!;
  const at = axisOf(first, axis);
  let total = 0;
  for (const value of values) {
    const length = value.shape[at];
    check(typeof length === "number", "Concat", `axis ${at} must have a known length`, value);
    total += length as number;
  }
  const output = { dtype: first.dtype, shape: withAxis(first.shape, at, total) };
  return g.node("Concat", values, [output], { attributes: { axis: int(at) } })[0];
}

/** Cuts an axis into parts of equal length. */
export function split(g: GraphBuilder, x: Value, axis: number, partCount: number): Value[] {
  const at = axisOf(x, axis);
  const length = x.shape[at];
  check(
    typeof length === "number" && length % partCount === 0,
    "Split",
    `axis ${at} does not divide by ${partCount}`,
    x,
  );
  const part = { dtype: x.dtype, shape: withAxis(x.shape, at, length as number / partCount) };
  return [
    ...g.node("Split", [x], Array.from({ length: partCount }, (): OutputType => part), {
      attributes: { axis: int(at), num_outputs: int(partCount) },
    }),
  ];
}

/** Picks entries of an axis. indices: whole numbers of any rank, whose axes take its place. */
export function gather(
  g: GraphBuilder,
  x: Value,
  { axis, indices }: { axis: number; indices: Value },
): Value {
  const isInteger = indices.dtype === "int32" || indices.dtype === "int64";
  check(isInteger, "Gather", "the indices must be integers", x, indices);
  const at = axisOf(x, axis);
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)];
  return g.node("Gather", [x, indices], [{ dtype: x.dtype, shape }], {
    attributes: { axis: int(at) },
  })[0];
}

/** Length of one axis, known at run time. Result: int64 []. */
export function lengthOf(g: GraphBuilder, x: Value, axis: number): Value {
  const at = axisOf(x, axis);
  const [length] = g.node("Shape", [x], [{ dtype: "int64", shape: [1] }], {
    attributes: { start: int(at), end: int(at + 1) },
  });
  return squeeze(g, length, 0);
}

/** `start`, `start + step`, … up to and without `limit`, all int64 []; `length` is the result's. */
export function range(
  g: GraphBuilder,
  { start, limit, step, length }: { start: Value; limit: Value; step: Value; length: Dimension },
): Value {
  for (const value of [start, limit, step]) {
    check(value.dtype === "int64" && value.shape.length === 0, "Range", "not int64 []", value);
  }
  return g.node("Range", [start, limit, step], [{ dtype: "int64", shape: [length] }])[0];
}

/** `condition ? a : b`, broadcast. */
export function where(g: GraphBuilder, condition: Value, a: Value, b: Value): Value {
  check(condition.dtype === "bool", "Where", "the condition must be bool", condition);
  const result = { dtype: a.dtype, shape: broadcast("Where", a, b) };
  const shape = broadcast("Where", { ...condition, dtype: a.dtype }, { ...result, name: "" });
  return g.node("Where", [condition, a, b], [{ dtype: a.dtype, shape }])[0];
}

/** Softmax over the last axis. */
export function softmax(g: GraphBuilder, x: Value): Value {
  return g.node("Softmax", [x], [x], { attributes: { axis: int(-1) } })[0];
}

function reduce(g: GraphBuilder, op: string, x: Value, axis: number, keepDims: boolean): Value {
  const at = axisOf(x, axis);
  const shape = keepDims ? withAxis(x.shape, at, 1) : x.shape.filter((_, i) => i !== at);
  return g.node(op, [x, int64(g, [at])], [{ dtype: x.dtype, shape }], {
    attributes: { keepdims: int(keepDims ? 1 : 0) },
  })[0];
}

/** Mean over one axis. */
export function reduceMean(g: GraphBuilder, x: Value, axis: number, keepDims = false): Value {
  return reduce(g, "ReduceMean", x, axis, keepDims);
}

/** Sum over one axis. */
export function reduceSum(g: GraphBuilder, x: Value, axis: number, keepDims = false): Value {
  return reduce(g, "ReduceSum", x, axis, keepDims);
}

/** Layer normalisation over the last axis. */
export function layerNorm(
  g: GraphBuilder,
  x: Value,
  { weight, bias, epsilon }: { weight: Value; bias: Value; epsilon: number },
): Value {
  check(weight.shape[0] === x.shape.at(-1), "LayerNormalization", "lengths differ", x, weight);
  return g.node("LayerNormalization", [x, weight, bias], [x], {
    attributes: { axis: int(-1), epsilon: float(epsilon) },
  })[0];
}

/** Normalisation of each channel over time. x: [B, C, T]. */
export function instanceNorm(
  g: GraphBuilder,
  x: Value,
  { weight, bias, epsilon }: { weight: Value; bias: Value; epsilon: number },
): Value {
  check(weight.shape[0] === x.shape[1], "InstanceNormalization", "channels differ", x, weight);
  return g.node("InstanceNormalization", [x, weight, bias], [x], {
    attributes: { epsilon: float(epsilon) },
  })[0];
}

/**
 * Scaled dot-product attention in one kernel.
 * query: [B, T, H], key, value: [B, U, H], result: [B, T, H].
 */
export function multiHeadAttention(
  g: GraphBuilder,
  query: Value,
  { key, value, headCount, bias }: {
    key: Value;
    value: Value;
    headCount: number;
    bias?: Value | undefined;
  },
): Value {
  check(key.shape.at(-1) === query.shape.at(-1), "MultiHeadAttention", "sizes differ", query, key);
  return g.node(
    "MultiHeadAttention",
    [query, key, value, undefined, undefined, ...(bias ? [bias] : [])],
    [query],
    { domain: MICROSOFT, attributes: { num_heads: int(headCount) } },
  )[0];
}

/**
 * Product with an int8 weight, the input quantised as it comes.
 * x: [..., K], weight: int8 [K, N], scale: [N]; result: [..., N].
 */
export function dynamicQuantizeMatMul(
  g: GraphBuilder,
  x: Value,
  { weight, scale, bias }: { weight: Value; scale: Value; bias?: Value | undefined },
): Value {
  check(x.shape.at(-1) === weight.shape[0], "DynamicQuantizeMatMul", "sizes differ", x, weight);
  const shape = [...x.shape.slice(0, -1), weight.shape[1]!];
  return g.node(
    "DynamicQuantizeMatMul",
    [x, weight, scale, undefined, ...(bias ? [bias] : [])],
    [{ dtype: x.dtype, shape }],
    { domain: MICROSOFT },
  )[0];
}

/** Product with a weight packed in blocks of 4 or 8 bits. x: [..., K]; result: [..., N]. */
export function matMulNBits(
  g: GraphBuilder,
  x: Value,
  { packed, scales, inSize, outSize, bits, blockSize, bias }: {
    packed: Value;
    scales: Value;
    inSize: number;
    outSize: number;
    bits: 4 | 8;
    blockSize: number;
    bias?: Value | undefined;
  },
): Value {
  check(x.shape.at(-1) === inSize, "MatMulNBits", `the weight takes ${inSize}`, x);
  const shape = [...x.shape.slice(0, -1), outSize];
  const inputs = bias ? [x, packed, scales, undefined, undefined, bias] : [x, packed, scales];
  return g.node("MatMulNBits", inputs, [{ dtype: x.dtype, shape }], {
    domain: MICROSOFT,
    attributes: { K: int(inSize), N: int(outSize), bits: int(bits), block_size: int(blockSize) },
  })[0];
}
