/**
 * Emissions to committed and tentative words.
 *
 * A committed word never changes. It is committed as soon as its end is certain: a delimiter
 * or the beginning of another word has begun after it, or a pause has been committed, or all is
 * flushed. Tentative words are what follows, as far as it can be seen; each step
 * replaces them as a whole.
 *
 * @module
 */
import type { Word } from "../caption/word.ts";
import type { CtcDecoder, TokenSpan } from "../ctc/decoder.ts";
import type { CutWindow } from "./seam.ts";
import { endsWord, splitTokens, wordOf, type WordRules } from "./words.ts";

/** What is carried from window to window. A plain record if the decoder's state is. */
export interface CommitState<S> {
  /** The decoder's state after the committed frames. */
  readonly decoder: S;
  /** Tokens of the word that has not ended. */
  readonly openTokens: readonly TokenSpan[];
}

/** How emissions become words. */
export interface CommitOptions<S> extends WordRules {
  /** The decoder. */
  readonly decoder: CtcDecoder<S>;
}

/** What one window gives. */
export interface Committed<S> {
  /** The state to go on from. */
  readonly state: CommitState<S>;
  /** Words that are final now and were not before. */
  readonly committed: Word[];
  /** Words after them that may change; they replace all earlier tentative ones. */
  readonly tentative: Word[];
  /** Every word still to be committed starts at this frame or later. */
  readonly settledFrame: number;
}

/** The state before the first frame, which is `startFrame`. */
export function startCommit<S>(
  decoder: CtcDecoder<S>,
  options: { startFrame?: number } = {},
): CommitState<S> {
  return { decoder: decoder.start(options.startFrame ?? 0), openTokens: [] };
}

/**
 * Takes in the frames of one window.
 *
 * @param state State after the window before; not changed.
 * @param window Its frames, as {@linkcode cutWindow} cuts them.
 * @param options How emissions become words.
 * @throws {FrameGridError} If its committed frames do not follow.
 *
 * @example
 * ```ts
 * import { emissionsFromLogits } from "../ctc/emissions.ts";
 * import { greedyDecoder } from "../ctc/greedy.ts";
 * import { commitWindow, flushCommit, startCommit } from "./commit.ts";
 * import { cutWindow } from "./seam.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const vocabulary = { blankId: 0, wordDelimiterId: 1, tokenText: (id: number) => " |hi"[id]! };
 * const decoder = greedyDecoder(vocabulary);
 * const options = { decoder, vocabulary, strideSamples: 320, pauseFrames: 30 };
 * // Frames h, i, | and h, of which the first two are committed.
 * const logits = new Float32Array(16);
 * for (const [frame, id] of [2, 3, 1, 2].entries()) logits[frame * 4 + id] = 9;
 * const emissions = emissionsFromLogits(logits, { vocabularySize: 4 });
 * const frames = { startFrame: 0, endFrame: 4, commitStartFrame: 0, commitEndFrame: 2 };
 * const step = commitWindow(startCommit(decoder), cutWindow(0, emissions, frames), options);
 * assertEquals(step.committed, []); // The word may go on.
 * assertEquals(step.tentative.map(({ text }) => text), ["hi", "h"]);
 * assertEquals(flushCommit(step.state, options).committed.map(({ text }) => text), ["hi"]);
 * ```
 */
export function commitWindow<S>(
  state: CommitState<S>,
  window: CutWindow,
  options: CommitOptions<S>,
): Committed<S> {
  const { decoder, pauseFrames, vocabulary } = options;
  const { state: decoderState, tokens, settledFrame, nextId } = decoder.decode(
    state.decoder,
    window.committed,
  );
  const { words, openTokens } = splitTokens([...state.openTokens, ...tokens], options);
  const isPaused = settledFrame - (openTokens.at(-1)?.endFrame ?? Infinity) >= pauseFrames;
  const isEnded = isPaused || (nextId !== undefined && endsWord(nextId, vocabulary));
  const next = { decoder: decoderState, openTokens: isEnded ? [] : openTokens };
  return {
    state: next,
    committed: isEnded ? allWords([...state.openTokens, ...tokens], options) : words,
    tentative: tentativeWords(next, window, options),
    settledFrame: next.openTokens[0]?.startFrame ?? settledFrame,
  };
}

/**
 * Commits all that was taken in. Frames may follow: a token that goes on over the flush
 * is not given twice, but a word that does is cut in two.
 */
export function flushCommit<S>(
  state: CommitState<S>,
  options: CommitOptions<S>,
): Committed<S> {
  const { state: decoder, tokens, settledFrame } = options.decoder.flush(state.decoder);
  const committed = allWords([...state.openTokens, ...tokens], options);
  return { state: { decoder, openTokens: [] }, committed, tentative: [], settledFrame };
}

/** The words there would be if the stream ended with the window. */
function tentativeWords<S>(
  state: CommitState<S>,
  window: CutWindow,
  options: CommitOptions<S>,
): Word[] {
  const ahead = options.decoder.decode(state.decoder, window.tentative);
  const flushed = options.decoder.flush(ahead.state);
  return allWords([...state.openTokens, ...ahead.tokens, ...flushed.tokens], options);
}

function allWords(tokens: readonly TokenSpan[], rules: WordRules): Word[] {
  const { words, openTokens } = splitTokens(tokens, rules);
  return openTokens.length === 0 ? words : [...words, wordOf(openTokens, rules)];
}
