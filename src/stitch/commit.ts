/**
 * Emissions to committed and tentative words.
 *
 * A committed word never changes. It is committed as soon as its end is certain: a delimiter
 * or the beginning of another word has begun after it, or a pause has been committed, or all is
 * flushed. Where a window shows a word's end among its tentative frames, the frames up to there
 * are committed with it; its letters must have their right context, or be the same in the window
 * before, but what ends it need not have begun so long ago. Tentative words are what follows, as
 * far as it can be seen; each step replaces them as a whole.
 *
 * @module
 */
import type { Word } from "../caption/word.ts";
import type { CtcDecoder, Decoded, TokenSpan } from "../ctc/decoder.ts";
import { type Emissions, endFrameOf, joinEmissions, sliceEmissions } from "../ctc/emissions.ts";
import type { CutWindow } from "./seam.ts";
import { alternativesOf, forget, hear, type HeardFrames, type Neighbours } from "./alternatives.ts";
import { agreedEndFrame as agreedEndFrameOf, lastWordEnd } from "./word_end.ts";
import { endsWord, splitTokens, wordOf, type WordRules } from "./words.ts";

/** What is carried from window to window. A plain record if the decoder's state is. */
export interface CommitState<S> {
  /** The decoder's state after the committed frames. */
  readonly decoder: S;
  /** Tokens of the word that has not ended. */
  readonly openTokens: readonly TokenSpan[];
  /** What words to come were heard as, where their alternatives are wanted. */
  readonly heard: HeardFrames | undefined;
  /** What the last window said after the tokens that were given. */
  readonly ahead: readonly TokenSpan[];
}

/** How emissions become words. */
export interface CommitOptions<S> extends WordRules {
  /** The decoder. */
  readonly decoder: CtcDecoder<S>;
  /** Most readings given of each committed word; 1 gives none besides the word. @default {1} */
  readonly nBest?: number;
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
  /** The frames that were committed. */
  readonly emissions: Emissions;
}

/** What a flush gives: no frames are committed with it. */
export type Flushed<S> = Omit<Committed<S>, "emissions">;

/** The state before the first frame, which is `startFrame`. */
export function startCommit<S>(
  decoder: CtcDecoder<S>,
  options: { startFrame?: number } = {},
): CommitState<S> {
  return {
    decoder: decoder.start(options.startFrame ?? 0),
    openTokens: [],
    heard: undefined,
    ahead: [],
  };
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
  const { pauseFrames, vocabulary, nBest = 1 } = options;
  const { decoded, emissions, ahead } = takeIn(state, window, options);
  const { tokens, settledFrame, nextId } = decoded;
  const all = [...state.openTokens, ...tokens];
  const { words, openTokens } = splitTokens(all, options);
  const isPaused = settledFrame - (openTokens.at(-1)?.endFrame ?? Infinity) >= pauseFrames;
  const isEnded = isPaused || (nextId !== undefined && endsWord(nextId, vocabulary));
  const committed = isEnded ? allWords(all, options) : words;
  const next = { decoder: decoded.state, openTokens: isEnded ? [] : openTokens, ahead };
  const heard = nBest > 1 ? hear(state.heard, emissions) : undefined;
  const neighbours = { tokens: all, settledFrame, rules: options };
  const openFrame = next.openTokens[0]?.startFrame ?? settledFrame;
  return {
    state: { ...next, heard: heard && forget(heard, { ...neighbours, settledFrame: openFrame }) },
    committed: withAlternatives(committed, heard, neighbours),
    tentative: allWords([...all, ...ahead], options).slice(committed.length),
    settledFrame: openFrame,
    emissions,
  };
}

/** What a window's frames say. */
interface TakenIn<S> {
  /** The step that its committed frames are. */
  readonly decoded: Decoded<S>;
  /** These frames. */
  readonly emissions: Emissions;
  /** The tokens there would be after them if the stream ended with the window. */
  readonly ahead: readonly TokenSpan[];
}

/** Decodes a window, and commits more of it where a word's end is there. */
function takeIn<S>(
  { decoder: state, openTokens, ahead: before }: CommitState<S>,
  { committed, tentative, ...limits }: CutWindow,
  { decoder, ...rules }: CommitOptions<S>,
): TakenIn<S> {
  const decoded = decoder.decode(state, committed);
  const look = decoder.decode(decoded.state, tentative);
  const ahead = [...look.tokens, ...decoder.flush(look.state).tokens];
  const commitEndFrame = endFrameOf(committed);
  const { agreedEndFrame = commitEndFrame, commitLimitFrame = commitEndFrame } = limits;
  const agreedFrame = agreedEndFrameOf([...decoded.tokens, ...ahead], before);
  const known = [...openTokens, ...decoded.tokens];
  const end = lastWordEnd([...known, ...ahead], rules, {
    letterEndFrame: Math.max(commitEndFrame, Math.min(agreedFrame, agreedEndFrame)),
    untilFrame: commitLimitFrame,
  });
  const isKnown = end === undefined ||
    (end.tokens.length <= known.length && end.untilFrame <= commitEndFrame);
  if (isKnown || commitLimitFrame <= commitEndFrame) {
    return { decoded, emissions: committed, ahead };
  }
  const { untilFrame } = end;
  const more = sliceEmissions(tentative, {
    startFrame: commitEndFrame,
    endFrame: Math.max(commitEndFrame, untilFrame),
  });
  const further = decoder.decode(decoded.state, more);
  const agreed = decoder.agree(further.state, {
    tokens: end.tokens.slice(known.length + further.tokens.length),
    untilFrame,
  });
  const tokens = [...further.tokens, ...agreed.tokens];
  return {
    decoded: { ...agreed, tokens: [...decoded.tokens, ...tokens] },
    emissions: joinEmissions([committed, more]),
    ahead: ahead.slice(tokens.length),
  };
}

/**
 * Commits all that was taken in. Frames may follow: a token that goes on over the flush
 * is not given twice, but a word that does is cut in two.
 */
export function flushCommit<S>(
  state: CommitState<S>,
  options: CommitOptions<S>,
): Flushed<S> {
  const { heard, openTokens } = state;
  const { state: decoder, tokens, settledFrame } = options.decoder.flush(state.decoder);
  const all = [...openTokens, ...tokens];
  const neighbours = { tokens: all, settledFrame, rules: options };
  return {
    state: { decoder, openTokens: [], ahead: [], heard: heard && forget(heard, neighbours) },
    committed: withAlternatives(allWords(all, options), heard, neighbours),
    tentative: [],
    settledFrame,
  };
}

/** The words with what else they may be, where that is wanted. */
function withAlternatives<S>(
  words: Word[],
  heard: HeardFrames | undefined,
  neighbours: Neighbours & { rules: CommitOptions<S> },
): Word[] {
  if (heard === undefined) return words;
  const { strideSamples, nBest: count = 1 } = neighbours.rules;
  return words.map((word) => {
    const frames = {
      startFrame: word.startSample / strideSamples,
      endFrame: word.endSample / strideSamples,
    };
    return { ...word, alternatives: alternativesOf(frames, heard, { ...neighbours, count }) };
  });
}

function allWords(tokens: readonly TokenSpan[], rules: WordRules): Word[] {
  const { words, openTokens } = splitTokens(tokens, rules);
  return openTokens.length === 0 ? words : [...words, wordOf(openTokens, rules)];
}
