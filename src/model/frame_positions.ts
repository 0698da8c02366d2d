/**
 * Where frames lie, for attention: rotated inputs (`rotary`), scores by a
 * learned vector for each clipped distance (`relative_key`) or by a projected
 * sinusoid for each distance (`relative`, Transformer-XL).
 *
 * Scores by distance are one product of the queries with a table of distances,
 * P wide, then one Gather that picks for query i and key j the entry of their
 * distance. The index it picks by, [T, T] into the flattened [T · P], depends
 * on T alone: it is made in the graph once a run and shared by all layers.
 * Against the reference's gather of a [T, T, D] table of vectors this takes D
 * times less memory, and against the shift by padding and reshaping it keeps
 * the product P wide where distances are clipped. Gather and MatMul run on
 * every backend; the few integer operations that make the index run on the
 * host where a GPU has none.
 *
 * Shapes: B batch, T frames, H hidden size, N heads, D = H / N, P distances.
 *
 * @see {@link https://arxiv.org/abs/1803.02155} relative_key
 * @see {@link https://arxiv.org/abs/1901.02860} relative
 * @see {@link https://arxiv.org/abs/2104.09864} rotary
 * @module
 */
import type { GraphBuilder, Value } from "../graph/builder.ts";
import {
  add,
  cast,
  clip,
  concat,
  div,
  gather,
  lengthOf,
  matMul,
  mul,
  range,
  reshape,
  scalar,
  split,
  sub,
  transpose,
  unary,
  unsqueeze,
} from "../graph/ops.ts";
import { positionsAlong } from "./frame_masks.ts";
import { constantOf, type Network } from "./layers.ts";
import { linearWithoutBias, scaled } from "./linear_variants.ts";
import { derive, type Parameter, transposed } from "./parameters.ts";
import type { Wav2Vec2BertConfig } from "./wav2vec2_bert_config.ts";

/** What all layers share of the positions. */
export type FramePositions =
  | { readonly kind: "none" }
  | {
    readonly kind: "rotary";
    /** [T, 1, D / 2] */
    readonly cos: Value;
    /** [T, 1, D / 2] */
    readonly sin: Value;
  }
  | {
    readonly kind: "relative_key";
    /** Distances told apart, P. */
    readonly distanceCount: number;
    /** int32 [T, T] */
    readonly index: Value;
  }
  | {
    readonly kind: "relative";
    /** Sinusoids from the farthest frame before to the farthest after. [P, H], P = 2 T − 1 */
    readonly sinusoids: Value;
    /** int32 [T, T] */
    readonly index: Value;
  };

/** Makes what the layers share, from the length of `hidden` [B, T, H]. */
export function framePositions(
  { g }: Network,
  config: Wav2Vec2BertConfig,
  hidden: Value,
): FramePositions {
  switch (config.position_embeddings_type) {
    case null:
      return { kind: "none" };
    case "rotary":
      return rotaryPositions(g, config, hidden);
    case "relative_key":
      return relativeKeyPositions(g, config, hidden);
    case "relative":
      return relativePositions(g, config, hidden);
    default:
      return config.position_embeddings_type satisfies never;
  }
}

function rotaryPositions(
  g: GraphBuilder,
  { hidden_size, num_attention_heads, rotary_embedding_base }: Wav2Vec2BertConfig,
  hidden: Value,
): FramePositions {
  const headSize = hidden_size / num_attention_heads;
  const speeds = evenNumbers(headSize).map((i) =>
    1 / Math.fround(rotary_embedding_base ** Math.fround(i / headSize))
  );
  const { sin, cos } = sinusoids(g, positionsAlong(g, hidden, 1), speeds);
  const perHead = (x: Value) => unsqueeze(g, cast(g, x, hidden.dtype), 1);
  return { kind: "rotary", cos: perHead(cos), sin: perHead(sin) };
}

function relativeKeyPositions(
  g: GraphBuilder,
  config: Wav2Vec2BertConfig,
  hidden: Value,
): FramePositions {
  const before = config.left_max_position_embeddings;
  const after = config.right_max_position_embeddings;
  const distanceCount = before + 1 + after;
  const { row, column } = rowsAndColumns(g, hidden);
  const distance = clip(g, sub(g, column, row), -before, after);
  const entry = add(g, distance, scalar(g, distance, before));
  const index = add(g, mul(g, row, scalar(g, row, distanceCount)), entry);
  return { kind: "relative_key", distanceCount, index: cast(g, index, "int32") };
}

function relativePositions(
  g: GraphBuilder,
  { hidden_size }: Wav2Vec2BertConfig,
  hidden: Value,
): FramePositions {
  const frameCount = lengthOf(g, hidden, 1);
  const one = scalar(g, frameCount, 1);
  const farthest = sub(g, frameCount, one);
  const { row, column } = rowsAndColumns(g, hidden);
  // entry (T − 1) − i + j of row i, rows of 2 T − 1 entries
  const rowStart = mul(g, row, add(g, farthest, farthest));
  const index = add(g, add(g, rowStart, column), farthest);
  const distances = range(g, {
    start: farthest,
    limit: unary(g, "Neg", frameCount),
    step: scalar(g, frameCount, -1),
    length: "distances",
  });
  const exponent = Math.fround(-Math.log(10000) / hidden_size);
  const speeds = evenNumbers(hidden_size).map((i) => Math.exp(Math.fround(i * exponent)));
  const { sin, cos } = sinusoids(g, distances, speeds);
  const paired = (x: Value) => unsqueeze(g, cast(g, x, hidden.dtype), 2);
  const pairs = concat(g, [paired(sin), paired(cos)], 2); // [P, H / 2, 2]
  return {
    kind: "relative",
    sinusoids: reshape(g, pairs, ["distances", hidden_size]),
    index: cast(g, index, "int32"),
  };
}

/** Frame numbers down, [T, 1], and across, [1, T]. */
function rowsAndColumns(g: GraphBuilder, hidden: Value): { row: Value; column: Value } {
  const positions = positionsAlong(g, hidden, 1);
  return { row: unsqueeze(g, positions, 1), column: unsqueeze(g, positions, 0) };
}

function evenNumbers(limit: number): number[] {
  return Array.from({ length: limit / 2 }, (_, i) => 2 * i);
}

/** A turn, as a part that any whole number of turns below 2^16 is exact in, and the rest. */
const TURN = 2 * Math.PI;
const COARSE_TURN = 6.28125;

/**
 * Sine and cosine of position · speed, in single precision as the reference
 * has them. GPUs promise accuracy from −π to π only, so whole turns go first.
 * positions: int64 [T] → [T, speeds] each
 */
function sinusoids(
  g: GraphBuilder,
  positions: Value,
  speeds: readonly number[],
): { sin: Value; cos: Value } {
  const column = unsqueeze(g, cast(g, positions, "float32"), 1);
  const angle = mul(g, column, g.constant("float32", [speeds.length], Float32Array.from(speeds)));
  const constant = (value: number) => scalar(g, angle, value);
  const turns = unary(g, "Floor", add(g, div(g, angle, constant(TURN)), constant(0.5)));
  const coarse = sub(g, angle, mul(g, turns, constant(COARSE_TURN)));
  const rest = sub(g, coarse, mul(g, turns, constant(TURN - COARSE_TURN)));
  return { sin: unary(g, "Sin", rest), cos: unary(g, "Cos", rest) };
}

/** Turns each pair of a head's halves by its frame's angles. x: [B, T, H] → [B, T, H] */
export function rotate(
  { g }: Network,
  x: Value,
  { cos, sin, headCount }: { cos: Value; sin: Value; headCount: number },
): Value {
  const [batch, frames, hidden] = x.shape as [string, string, number];
  const heads = reshape(g, x, [batch, frames, headCount, hidden / headCount]);
  const [a, b] = split(g, heads, 3, 2) as [Value, Value];
  const turned = concat(g, [
    sub(g, mul(g, a, cos), mul(g, b, sin)),
    add(g, mul(g, b, cos), mul(g, a, sin)),
  ], 3);
  return reshape(g, turned, [batch, frames, hidden]);
}

/** What {@linkcode positionScores} needs of one attention. */
export interface PositionScoresOptions {
  /** What the layers share. */
  readonly positions: FramePositions & { readonly kind: "relative" | "relative_key" };
  /** Name of the attention, under which its parameters lie. */
  readonly name: string;
  /** Heads, N. */
  readonly headCount: number;
}

/**
 * What distance adds to the scores, scaled like them.
 * query: [B, T, H], before any bias → [B, N, T, T]
 */
export function positionScores(
  net: Network,
  query: Value,
  { positions, name, headCount }: PositionScoresOptions,
): Value {
  const { g } = net;
  const [batch, frames, hidden] = query.shape as [string, string, number];
  const headSize = hidden / headCount;
  const scale = headSize ** -0.5;
  const heads = (x: Value) =>
    transpose(g, reshape(g, x, [batch, frames, headCount, headSize]), [0, 2, 1, 3]);
  let byDistance: Value; // [B, N, T, P]
  if (positions.kind === "relative_key") {
    const shape = [positions.distanceCount, headSize];
    const table = net.parameters.get(`${name}.distance_embedding.weight`, shape);
    byDistance = matMul(g, heads(query), constantOf(net, transposed(scaled(table, scale))));
  } else {
    const weight = net.parameters.get(`${name}.linear_pos.weight`, [hidden, hidden]);
    const projected = linearWithoutBias(net, positions.sinusoids, scaled(weight, scale));
    // with four axes: ONNX Runtime 1.30 crashes on the CPU as it fuses a transpose of three in half precision
    const table = unsqueeze(g, reshape(g, projected, ["distances", headCount, headSize]), 0);
    const bias = net.parameters.get(`${name}.pos_bias_v`, [headCount, headSize]);
    const biased = add(g, query, headsAsOne(net, bias));
    byDistance = matMul(g, heads(biased), transpose(g, table, [0, 2, 3, 1]));
  }
  const flat = reshape(g, byDistance, [batch, headCount, "scores"]);
  return gather(g, flat, { axis: 2, indices: positions.index });
}

/** A vector for each head as one for all. [N, D] → [H] */
function headsAsOne(net: Network, bias: Parameter): Value {
  const [headCount, headSize] = bias.shape as [number, number];
  return constantOf(net, derive(`${bias.name}.flat`, [headCount * headSize], () => bias.load()));
}

/** The query that meets the keys: `relative` adds a learned vector. query: [B, T, H] */
export function contentQuery(
  net: Network,
  query: Value,
  { positions, name, headCount }: Omit<PositionScoresOptions, "positions"> & {
    positions: FramePositions;
  },
): Value {
  if (positions.kind !== "relative") return query;
  const headSize = (query.shape[2] as number) / headCount;
  const bias = net.parameters.get(`${name}.pos_bias_u`, [headCount, headSize]);
  return add(net.g, query, headsAsOne(net, bias));
}
