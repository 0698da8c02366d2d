/**
 * CTC prefix beam search: the likeliest texts, each with the probability of all its
 * alignments together, and the token times of its likeliest one.
 *
 * A token is settled once the alignments of all hypotheses have it in common, so the
 * tokens of all steps and of the flush are those of the best hypothesis in the end,
 * however the frames are cut into chunks. Where an early doubt is never resolved that
 * can be long, so live streams set `settleAfterFrames`.
 *
 * Half a minute, [1500, 32], takes 0.2 s at the default width where most frames are sure,
 * 0.8 s where every token is in doubt and 2 s on noise, on one core of a server CPU;
 * greedy decoding takes 5 ms.
 *
 * @module
 */
import type { Agreement, CtcDecoder, Decoded, TokenSpan } from "./decoder.ts";
import { type Emissions, endFrameOf, requireNextFrame } from "./emissions.ts";
import { requireBlank } from "./greedy.ts";
import { type FrameToken, nextPrefixes } from "./next_prefixes.ts";
import {
  bestPath,
  emptyText,
  type Ending,
  impossible,
  isPossible,
  logAdd,
  type Prefix,
  scoreOf,
  type TokenScorer,
  totalOf,
} from "./prefix.ts";
import {
  commonPast,
  firstOf,
  follows,
  lastEndedBy,
  pathCutter,
  type SpanPath,
  spansOf,
} from "./span_path.ts";

/** How wide the search is. */
export interface BeamOptions<C = unknown> {
  /** The id that stands for no token: `pad_token_id` of the config. */
  blankId: number;
  /** The id that divides words, if there is one: twice in a row, or first of all, it divides nothing. */
  delimiterId?: number | undefined;
  /** Most hypotheses kept after a frame. @default {50} */
  beamWidth?: number;
  /** Tokens of a frame below this log-probability are not tried, except its likeliest. @default {-5} */
  minTokenLogProb?: number;
  /** Hypotheses this far in log-probability behind the best one are dropped. @default {10} */
  maxScoreGap?: number;
  /**
   * Frames after the end of a token at which only hypotheses are kept that agree with the best
   * one on it, so that a live stream does not wait for ever. @default {Infinity}
   */
  settleAfterFrames?: number;
  /** Judges tokens, as a language model does. @default {undefined} */
  scorer?: TokenScorer<C> | undefined;
}

/**
 * What beam search carries from chunk to chunk. Never changed. `structuredClone` keeps
 * it whole; JSON would not, as its paths share their past.
 */
export interface BeamState<C = unknown> {
  /** The frame that must come next. */
  readonly nextFrame: number;
  /** Tokens of the utterance on which all hypotheses agree. */
  readonly settled: readonly TokenSpan[];
  /** The texts considered, best first; their paths hold what is not settled. */
  readonly prefixes: readonly Prefix<C>[];
}

/** One reading of the utterance. */
export interface Hypothesis {
  /** Its tokens since the last flush. */
  readonly tokens: TokenSpan[];
  /** Log-probability of the text by the emissions: of all its alignments. */
  readonly logProb: number;
  /** The same with what the scorer says of it as a whole utterance. */
  readonly score: number;
  /** How likely it is among all hypotheses, scorer included, 0 to 1. */
  readonly probability: number;
}

/** The state before the first frame, which is `startFrame`. */
export function startBeam<C>(
  options: { blankId: number; delimiterId?: number | undefined; startFrame?: number },
): BeamState<C> {
  const { blankId, delimiterId, startFrame = 0 } = options;
  const blank = { logProb: 0, bestLogProb: 0, path: undefined };
  const empty = { text: emptyText<C>(delimiterId ?? blankId), blank, token: impossible() };
  return { nextFrame: startFrame, settled: [], prefixes: [empty] };
}

/**
 * Decodes the frames that follow.
 *
 * @returns Tokens on which all hypotheses agree now; `state` is not changed.
 * @throws {FrameGridError} If the frames do not follow the last ones.
 * @throws {RangeError} If the blank is not in the vocabulary, or an option is out of range.
 *
 * @example
 * ```ts
 * import { emissionsFromLogits } from "./emissions.ts";
 * import { decodeBeam, hypothesesOf, startBeam } from "./beam.ts";
 * import { assertEquals } from "@std/assert";
 *
 * // Two frames over [blank, "a"]: the best path is blank, blank; the best text is "a".
 * const logits = [0.6, 0.4, 0.6, 0.4].map(Math.log);
 * const emissions = emissionsFromLogits(new Float32Array(logits), { vocabularySize: 2 });
 * const { state } = decodeBeam(startBeam({ blankId: 0 }), emissions, { blankId: 0 });
 * const [best] = hypothesesOf(state);
 * assertEquals(best?.tokens.map(({ id }) => id), [1]);
 * assertEquals(best?.probability.toFixed(2), "0.64");
 * ```
 */
export function decodeBeam<C>(
  state: BeamState<C>,
  emissions: Emissions,
  options: BeamOptions<C>,
): Decoded<BeamState<C>> {
  const search = searchOf(options);
  requireNextFrame("decode", state.nextFrame, emissions);
  requireBlank(search.blankId, emissions.vocabularySize);
  let { prefixes } = state;
  const endFrame = endFrameOf(emissions);
  for (let frame = state.nextFrame; frame < endFrame; frame++) {
    const tokens = likelyTokens(emissions, frame, search.minTokenLogProb);
    prefixes = prune(nextPrefixes(prefixes, tokens, search), search);
    if (search.settleAfterFrames === Infinity) continue;
    const agreeing = dropLateDissent(prefixes, frame + 1 - search.settleAfterFrames);
    if (agreeing !== prefixes) prefixes = prune(agreeing, search);
  }
  return settle({ nextFrame: endFrame, settled: state.settled, prefixes });
}

/**
 * Settles what is agreed on: alignments with other tokens are dropped, unless none is left then.
 *
 * @returns Tokens on which all hypotheses agree now; `state` is not changed.
 */
export function agreeBeam<C>(
  state: BeamState<C>,
  agreement: Agreement,
): Decoded<BeamState<C>> {
  return settle({
    ...state,
    prefixes: keepEndings(state.prefixes, (path) => follows(path, agreement)),
  });
}

/**
 * Settles on the best hypothesis and begins another utterance. Should its last token
 * go on in the frames that follow, it is not given again.
 */
export function flushBeam<C>(
  state: BeamState<C>,
  options: Pick<BeamOptions<C>, "blankId" | "scorer">,
): Decoded<BeamState<C>> {
  const { nextFrame } = state;
  const best = readingsOf(state, options)[0]!.prefix;
  const total = totalOf(best);
  const rest = ({ logProb, bestLogProb }: Ending): Ending => ({
    logProb: logProb - total,
    bestLogProb: bestLogProb - total,
    path: undefined,
  });
  const text = emptyText<C>(best.text.lastId);
  const empty = { text, blank: rest(best.blank), token: rest(best.token) };
  return {
    state: { nextFrame, settled: [], prefixes: [empty] },
    tokens: spansOf(bestPath(best)),
    settledFrame: nextFrame,
    nextId: undefined,
  };
}

/**
 * The likeliest readings of the utterance: of all frames since the last flush.
 *
 * @param state Where the search stands.
 * @param options `count` is the most to give, default all there are; `scorer` is that of the search.
 * @returns Best first; at least one.
 */
export function hypothesesOf<C>(
  state: BeamState<C>,
  options: { count?: number; scorer?: TokenScorer<C> | undefined } = {},
): Hypothesis[] {
  const readings = readingsOf(state, options);
  const all = readings.map(({ score }) => score).reduce(logAdd, -Infinity);
  return readings.slice(0, options.count ?? Infinity).map(({ prefix, logProb, score }) => ({
    tokens: [...state.settled, ...spansOf(bestPath(prefix))],
    logProb,
    score,
    probability: Math.exp(score - all),
  }));
}

/** A text that the utterance may be, if it ends here. */
interface Reading<C> {
  /** The likeliest of its prefixes. */
  readonly prefix: Prefix<C>;
  readonly logProb: number;
  readonly score: number;
}

/** Best first. Texts that differ in a delimiter at their end are one. */
function readingsOf<C>(
  { prefixes }: BeamState<C>,
  { scorer }: { scorer?: TokenScorer<C> | undefined },
): Reading<C>[] {
  const readings = [...Map.groupBy(prefixes, ({ text }) => text.spokenKey).values()].map(
    (alike) => {
      const prefix = alike.reduce((a, b) => totalOf(b) > totalOf(a) ? b : a);
      const logProb = alike.map(totalOf).reduce(logAdd);
      const { scorerLogProb, context } = prefix.text;
      const end = scorer?.end(context ?? scorer.start) ?? 0;
      return { prefix, logProb, score: logProb + scorerLogProb + end };
    },
  );
  return readings.sort((a, b) => b.score - a.score);
}

/**
 * Beam search as a {@linkcode CtcDecoder}.
 *
 * @throws {RangeError} If an option is out of range.
 */
export function beamDecoder<C>(options: BeamOptions<C>): CtcDecoder<BeamState<C>> {
  const { settleAfterFrames } = searchOf(options);
  return {
    blankId: options.blankId,
    settleFrames: settleAfterFrames,
    start: (startFrame) => startBeam({ ...options, startFrame }),
    decode: (state, emissions) => decodeBeam(state, emissions, options),
    agree: agreeBeam,
    flush: (state) => flushBeam(state, options),
  };
}

/** Options with their defaults. */
type Search<C> =
  & Required<Omit<BeamOptions<C>, "scorer" | "delimiterId">>
  & Pick<BeamOptions<C>, "scorer" | "delimiterId">;

function searchOf<C>(options: BeamOptions<C>): Search<C> {
  const {
    blankId,
    delimiterId,
    beamWidth = 50,
    minTokenLogProb = -5,
    maxScoreGap = 10,
    settleAfterFrames = Infinity,
    scorer = undefined,
  } = options;
  if (!(beamWidth >= 1)) {
    throw new RangeError(`Cannot search as beamWidth must be at least 1: ${beamWidth}`);
  }
  if (!(maxScoreGap >= 0) || !(settleAfterFrames >= 1) || Number.isNaN(minTokenLogProb)) {
    throw new RangeError(
      `Cannot search as maxScoreGap must be at least 0, settleAfterFrames at least 1 and ` +
        `minTokenLogProb a number: ${maxScoreGap}, ${settleAfterFrames} and ${minTokenLogProb}`,
    );
  }
  const widths = { beamWidth, minTokenLogProb, maxScoreGap, settleAfterFrames };
  return { blankId, delimiterId, scorer, ...widths };
}

/** The tokens worth trying in a frame: those above the threshold, and the likeliest. */
function likelyTokens(
  { logProbs, vocabularySize, startFrame }: Emissions,
  frame: number,
  minLogProb: number,
): FrameToken[] {
  const start = (frame - startFrame) * vocabularySize;
  const tokens: FrameToken[] = [];
  let best = 0;
  for (let id = 0; id < vocabularySize; id++) {
    const logProb = logProbs[start + id]!;
    if (logProb > logProbs[start + best]!) best = id;
    if (logProb >= minLogProb && logProb > -Infinity) tokens.push({ id, logProb, frame });
  }
  return tokens.length > 0 ? tokens : [{ id: best, logProb: logProbs[start + best]!, frame }];
}

/** Keeps the best prefixes, best first. */
function prune<C>(prefixes: readonly Prefix<C>[], search: Search<C>): Prefix<C>[] {
  const scored = prefixes.map((prefix) => ({ prefix, score: scoreOf(prefix) }));
  const best = scored.reduce((best, { score }) => Math.max(best, score), -Infinity);
  const least = best - search.maxScoreGap;
  return scored.filter(({ score }) => score >= least).sort((a, b) => b.score - a.score)
    .slice(0, search.beamWidth).map(({ prefix }) => prefix);
}

/** Drops alignments whose latest token that ended by `frame` is not that of the best one. */
function dropLateDissent<C>(prefixes: readonly Prefix<C>[], frame: number): readonly Prefix<C>[] {
  const agreed = lastEndedBy(bestPath(prefixes[0]!), frame);
  const agrees = (path: SpanPath | undefined) => lastEndedBy(path, frame) === agreed;
  const isWelcome = (ending: Ending) => !isPossible(ending) || agrees(ending.path);
  const isAgreed = prefixes.every(({ blank, token }) => isWelcome(blank) && isWelcome(token));
  return isAgreed ? prefixes : keepEndings(prefixes, agrees);
}

/** Drops alignments, unless none is left then. */
function keepEndings<C>(
  prefixes: readonly Prefix<C>[],
  isKept: (path: SpanPath | undefined) => boolean,
): readonly Prefix<C>[] {
  const keep = (ending: Ending) => isKept(ending.path) ? ending : impossible();
  const kept = prefixes
    .map((prefix) => ({ ...prefix, blank: keep(prefix.blank), token: keep(prefix.token) }))
    .filter((prefix) => totalOf(prefix) > -Infinity);
  return kept.length > 0 ? kept : prefixes;
}

/** Moves the tokens that all alignments share from the paths to the settled ones. */
function settle<C>(state: BeamState<C>): Decoded<BeamState<C>> {
  const shared = commonPast(state.prefixes.flatMap(({ blank, token }) => [
    ...(isPossible(blank) ? [blank.path] : []),
    // The last token of these may go on.
    ...(isPossible(token) ? [token.path?.previous] : []),
  ]));
  const tokens = spansOf(shared);
  const cut = shared === undefined ? (path: SpanPath | undefined) => path : pathCutter(shared);
  const prefixes = shared === undefined ? state.prefixes : state.prefixes.map((prefix) => ({
    ...prefix,
    blank: { ...prefix.blank, path: cut(prefix.blank.path) },
    token: { ...prefix.token, path: cut(prefix.token.path) },
  }));
  const nexts = prefixes.flatMap(({ blank, token }) =>
    [blank, token].filter(isPossible).map(({ path }) => firstOf(path))
  );
  const nextId = nexts[0]?.id;
  return {
    state: { ...state, settled: [...state.settled, ...tokens], prefixes },
    tokens,
    settledFrame: Math.min(state.nextFrame, ...nexts.map((next) => next?.startFrame ?? Infinity)),
    nextId: nexts.every((next) => next?.id === nextId) ? nextId : undefined,
  };
}
