/**
 * Greedy CTC: the likeliest token of each frame, repeats merged, blanks dropped.
 *
 * @module
 */
import type { CtcDecoder, Decoded, TokenSpan } from "./decoder.ts";
import { type Emissions, endFrameOf, requireNextFrame } from "./emissions.ts";

/** A token whose last frame is not known yet. */
export interface OpenToken {
  /** Its first frame. */
  readonly startFrame: number;
  /** Sum of its posterior probability over its frames so far. */
  readonly probabilitySum: number;
}

/** What greedy decoding carries from chunk to chunk. A plain record. */
export interface GreedyState {
  /** The frame that must come next. */
  readonly nextFrame: number;
  /** Likeliest token of the last frame; the blank before the first. */
  readonly lastId: number;
  /** The token `lastId`, while it has not been given. */
  readonly open: OpenToken | undefined;
  /** Log-probability of the path so far: the sum of each frame's maximum. */
  readonly logProb: number;
}

/** How greedy decoding reads the vocabulary. */
export interface GreedyOptions {
  /** The id that stands for no token: `pad_token_id` of the config. */
  blankId: number;
}

/** The state before the first frame, which is `startFrame`. */
export function startGreedy(options: GreedyOptions & { startFrame?: number }): GreedyState {
  const { blankId, startFrame = 0 } = options;
  return { nextFrame: startFrame, lastId: blankId, open: undefined, logProb: 0 };
}

/**
 * Decodes the frames that follow. A token is given once a frame with another one
 * has come: until then its end is open, and it waits in the state.
 *
 * @returns Tokens that ended, and the state to go on from; `state` is not changed.
 * @throws {FrameGridError} If the frames do not follow the last ones.
 * @throws {RangeError} If the blank is not in the vocabulary.
 *
 * @example
 * ```ts
 * import { emissionsFromLogits } from "./emissions.ts";
 * import { decodeGreedy, flushGreedy, startGreedy } from "./greedy.ts";
 * import { assertEquals } from "@std/assert";
 *
 * // Three frames over the vocabulary [blank, "a"]: blank, a, a.
 * const logits = new Float32Array([9, 0, 0, 9, 0, 9]);
 * const emissions = emissionsFromLogits(logits, { vocabularySize: 2 });
 * const { state, tokens } = decodeGreedy(startGreedy({ blankId: 0 }), emissions, { blankId: 0 });
 * assertEquals(tokens, []); // "a" may go on
 * const [token] = flushGreedy(state).tokens;
 * assertEquals([token?.id, token?.startFrame, token?.endFrame], [1, 1, 3]);
 * ```
 */
export function decodeGreedy(
  state: GreedyState,
  emissions: Emissions,
  options: GreedyOptions,
): Decoded<GreedyState> {
  const { blankId } = options;
  const { logProbs, vocabularySize } = emissions;
  requireNextFrame("decode", state.nextFrame, emissions);
  requireBlank(blankId, vocabularySize);
  const tokens: TokenSpan[] = [];
  let { nextFrame, lastId, open, logProb } = state;
  for (let row = 0; nextFrame < endFrameOf(emissions); nextFrame++, row += vocabularySize) {
    let id = 0;
    for (let i = 1; i < vocabularySize; i++) {
      if (logProbs[row + i]! > logProbs[row + id]!) id = i;
    }
    logProb += logProbs[row + id]!;
    if (id !== lastId) {
      if (open !== undefined) tokens.push(closeToken(lastId, open, nextFrame));
      open = id === blankId ? undefined : { startFrame: nextFrame, probabilitySum: 0 };
      lastId = id;
    }
    if (open !== undefined) {
      const probabilitySum: number = open.probabilitySum + Math.exp(logProbs[row + id]!);
      open = { startFrame: open.startFrame, probabilitySum };
    }
  }
  return { ...settledGreedy({ nextFrame, lastId, open, logProb }), tokens };
}

/** There is one reading only, and what has ended of it was given. */
function settledGreedy(state: GreedyState): Decoded<GreedyState> {
  const { nextFrame, lastId, open } = state;
  return {
    state,
    tokens: [],
    settledFrame: open?.startFrame ?? nextFrame,
    nextId: open && lastId,
  };
}

/**
 * Gives the token whose end is open, with the frames it has. Should it go on in the
 * frames that follow, it is not given again.
 */
export function flushGreedy(state: GreedyState): Decoded<GreedyState> {
  const { nextFrame, lastId, open } = state;
  return {
    state: { ...state, open: undefined },
    tokens: open === undefined ? [] : [closeToken(lastId, open, nextFrame)],
    settledFrame: nextFrame,
    nextId: undefined,
  };
}

/** Greedy decoding as a {@linkcode CtcDecoder}. */
export function greedyDecoder(options: GreedyOptions): CtcDecoder<GreedyState> {
  return {
    blankId: options.blankId,
    settleFrames: 1,
    start: (startFrame) => startGreedy({ ...options, startFrame }),
    decode: (state, emissions) => decodeGreedy(state, emissions, options),
    agree: settledGreedy,
    flush: flushGreedy,
  };
}

/**
 * Checks that the blank is in the vocabulary.
 *
 * @throws {RangeError} If it is not.
 */
export function requireBlank(blankId: number, vocabularySize: number): void {
  if (!Number.isInteger(blankId) || blankId < 0 || blankId >= vocabularySize) {
    throw new RangeError(
      `Cannot decode as blankId must be in the vocabulary of ${vocabularySize}: ${blankId}`,
    );
  }
}

function closeToken(id: number, open: OpenToken, endFrame: number): TokenSpan {
  const probability = open.probabilitySum / (endFrame - open.startFrame);
  return { id, startFrame: open.startFrame, endFrame, probability: Math.min(1, probability) };
}
