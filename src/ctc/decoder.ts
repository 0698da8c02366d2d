/**
 * What every CTC decoder is: pure functions from a state and emissions to a state
 * and tokens. The state is a plain record carried from chunk to chunk, so a seam
 * between chunks is invisible and a tentative look ahead costs nothing to undo.
 *
 * @module
 */
import type { Emissions } from "./emissions.ts";

/** A decoded token and the frames it stands on. */
export interface TokenSpan {
  /** Index in the vocabulary. */
  readonly id: number;
  /** First frame, counted from stream start. */
  readonly startFrame: number;
  /** One past the last frame. */
  readonly endFrame: number;
  /** Mean of the token's posterior probability over its frames, 0 to 1. */
  readonly probability: number;
}

/** What one step of a decoder gives. */
export interface Decoded<S> {
  /** The state to go on from. */
  readonly state: S;
  /** Tokens that are certain now and were not before, in order. They never change. */
  readonly tokens: TokenSpan[];
  /** Every token still to come starts at this frame or later. */
  readonly settledFrame: number;
  /** The token that certainly comes next, though its frames may still change, if one does. */
  readonly nextId: number | undefined;
}

/** What is taken for certain of the frames decoded so far. */
export interface Agreement {
  /** Tokens that were not given yet, in order. */
  readonly tokens: readonly TokenSpan[];
  /** These, and no others, start before this frame; one that lasts until then may go on. */
  readonly untilFrame: number;
}

/**
 * A decoder with its options bound. However the frames are cut into chunks, the
 * tokens of all steps and of the final flush are the same.
 */
export interface CtcDecoder<S> {
  /** The id that stands for no token: `pad_token_id` of the config. */
  readonly blankId: number;
  /** Frames after its end at which a token is certain at the latest. */
  readonly settleFrames: number;
  /** The state before the first frame, which is `startFrame`. */
  start(startFrame: number): S;
  /**
   * Decodes the frames that follow.
   *
   * @throws {FrameGridError} If they do not follow.
   */
  decode(state: S, emissions: Emissions): Decoded<S>;
  /**
   * Settles what is agreed on: readings of the frames decoded so far that differ are dropped, unless
   * that leaves none.
   */
  agree(state: S, agreement: Agreement): Decoded<S>;
  /**
   * Settles everything decoded so far. Frames may follow; a token that merely goes
   * on over the flush is not given again.
   */
  flush(state: S): Decoded<S>;
}
