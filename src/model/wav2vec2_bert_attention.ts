/**
 * Self-attention of Wav2Vec2-BERT, in the encoder with positions and in the
 * adapter without.
 *
 * Shapes: B batch, T frames, H hidden size, N heads.
 *
 * @module
 */
import type { Value } from "../graph/builder.ts";
import { add } from "../graph/ops.ts";
import { contentQuery, type FramePositions, positionScores, rotate } from "./frame_positions.ts";
import { attend, type AttentionResult, linear, type Network } from "./layers.ts";

/** Options of {@linkcode selfAttention}. */
export interface SelfAttentionOptions {
  /** Name under which the parameters lie. */
  readonly name: string;
  /** Heads, N. */
  readonly headCount: number;
  /** Where frames lie. */
  readonly positions: FramePositions;
  /** Added to the scores. [B, 1, 1, T] */
  readonly mask: Value | undefined;
  /** Whether attention probabilities are wanted; this rules the fused kernel out. */
  readonly needsProbabilities: boolean;
}

/** x: [B, T, H] → [B, T, H] */
export function selfAttention(
  net: Network,
  x: Value,
  { name, headCount, positions, mask, needsProbabilities }: SelfAttentionOptions,
): AttentionResult {
  const { g } = net;
  const hidden = x.shape.at(-1) as number;
  const project = (input: Value, part: string) => linear(net, input, `${name}.${part}`, hidden);
  const turned = positions.kind === "rotary" ? rotate(net, x, { ...positions, headCount }) : x;
  const query = project(turned, "linear_q");
  const hasScores = positions.kind === "relative" || positions.kind === "relative_key";
  const scores = hasScores ? positionScores(net, query, { positions, name, headCount }) : undefined;
  const { output, probabilities } = attend(net, {
    query: contentQuery(net, query, { positions, name, headCount }),
    key: project(turned, "linear_k"),
    value: project(x, "linear_v"),
    headCount,
    mask: scores && mask ? add(g, scores, mask) : scores ?? mask,
    needsProbabilities,
  });
  return { output: project(output, "linear_out"), probabilities };
}
