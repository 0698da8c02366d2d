/**
 * A text that beam search considers, with all its alignments to the frames so far in
 * a few numbers.
 *
 * @module
 */
import type { SpanPath } from "./span_path.ts";

/** What a scorer says of a token. */
export interface Judgement<C> {
  /** A weighted log-probability; 0 for no opinion. */
  readonly logProb: number;
  /** What texts are ranked by besides until the next token comes, such as a doubt in an unfinished word. */
  readonly pendingLogProb: number;
  /** What it goes on from after the token. */
  readonly context: C;
}

/** Judges tokens by those before them: the seam for a language model. Contexts are plain records. */
export interface TokenScorer<C> {
  /** The context at the start of an utterance. */
  readonly start: C;
  /** Judges a token that follows. */
  score(context: C, id: number): Judgement<C>;
  /** A weighted log-probability of the utterance's end. */
  end(context: C): number;
}

/** The alignments of one prefix that end in the same way. */
export interface Ending {
  /** Log-probability of all of them together. */
  logProb: number;
  /** Log-probability of the likeliest. */
  bestLogProb: number;
  /** Tokens of the likeliest. */
  path: SpanPath | undefined;
}

/** A text so far. */
export interface Prefix<C> {
  /** Hash of the tokens. */
  readonly key: number;
  /** Hash of the tokens without a delimiter at their end. */
  readonly textKey: number;
  /** The last token; when there is none, the delimiter or else the blank. */
  readonly lastId: number;
  /** Alignments that end in a blank. */
  readonly blank: Ending;
  /** Alignments that end in the last token. */
  readonly token: Ending;
  /** Sum of what the scorer said of the tokens. */
  readonly scorerLogProb: number;
  /** What the scorer says of them for now. */
  readonly pendingLogProb: number;
  /** What the scorer goes on from; `undefined` without one. */
  readonly context: C | undefined;
}

/** The entry of the next frame for the same text. */
export function stay<C>(next: Map<number, Prefix<C>>, prefix: Prefix<C>): Prefix<C> {
  const found = next.get(prefix.key);
  if (found !== undefined) return found;
  const made = { ...prefix, blank: impossible(), token: impossible() };
  next.set(prefix.key, made);
  return made;
}

/** The entry of the next frame for the text with one more token. */
export function grow<C>(
  next: Map<number, Prefix<C>>,
  growth: { prefix: Prefix<C>; id: number },
  rules: { scorer?: TokenScorer<C> | undefined; delimiterId?: number | undefined },
): Prefix<C> {
  const { prefix, id } = growth;
  const { scorer, delimiterId } = rules;
  const key = hashWith(prefix.key, id);
  const found = next.get(key);
  if (found !== undefined) return found;
  const judged = scorer?.score(prefix.context ?? scorer.start, id);
  const made = {
    key,
    textKey: id === delimiterId ? prefix.textKey : key,
    lastId: id,
    blank: impossible(),
    token: impossible(),
    scorerLogProb: prefix.scorerLogProb + (judged?.logProb ?? 0),
    pendingLogProb: judged?.pendingLogProb ?? 0,
    context: judged?.context,
  };
  next.set(key, made);
  return made;
}

/** Adds alignments to an ending of the frame that is being made. */
export function absorb(
  ending: Ending,
  more: { logProb: number; bestLogProb: number },
  path: () => SpanPath | undefined,
): void {
  ending.logProb = logAdd(ending.logProb, more.logProb);
  if (more.bestLogProb > ending.bestLogProb) {
    ending.bestLogProb = more.bestLogProb;
    ending.path = path();
  }
}

/** A text without tokens, or of which all were given. */
export function emptyPrefix<C>(lastId: number, fields: Partial<Prefix<C>>): Prefix<C> {
  return {
    key: 0,
    textKey: 0,
    lastId,
    blank: impossible(),
    token: impossible(),
    scorerLogProb: 0,
    pendingLogProb: 0,
    context: undefined,
    ...fields,
  };
}

/** No alignment. */
export function impossible(): Ending {
  return { logProb: -Infinity, bestLogProb: -Infinity, path: undefined };
}

/** An ending's probabilities times another's. */
export function plus({ logProb, bestLogProb }: Ending, more: number): Omit<Ending, "path"> {
  return { logProb: logProb + more, bestLogProb: bestLogProb + more };
}

/** Tokens of the likeliest alignment. */
export function bestPath<C>({ blank, token }: Prefix<C>): SpanPath | undefined {
  return blank.bestLogProb >= token.bestLogProb ? blank.path : token.path;
}

/** Log-probability of the text by the emissions. */
export function totalOf<C>({ blank, token }: Prefix<C>): number {
  return logAdd(blank.logProb, token.logProb);
}

/** What texts are ranked by while more may follow. */
export function scoreOf<C>(prefix: Prefix<C>): number {
  return totalOf(prefix) + prefix.scorerLogProb + prefix.pendingLogProb;
}

/** Logarithm of the sum of two numbers given by their logarithms. */
export function logAdd(a: number, b: number): number {
  if (a === -Infinity) return b;
  if (b === -Infinity) return a;
  return Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)));
}

/**
 * Hash of a text with one more token, 53 bits. Two of the ten thousand texts that a
 * frame compares have the same one about once in 10⁸ frames.
 */
function hashWith(key: number, id: number): number {
  let low = Math.imul((key >>> 0) ^ (id + 0x9e3779b9), 0x85ebca6b);
  let high = Math.imul(Math.floor(key / 2 ** 32) ^ (id + 0x7f4a7c15) ^ low, 0xc2b2ae35);
  low = Math.imul(low ^ (low >>> 16) ^ high, 0x27d4eb2f);
  high = Math.imul(high ^ (high >>> 15) ^ low, 0x165667b1);
  return (high >>> 11) * 2 ** 32 + ((low ^ (low >>> 13)) >>> 0);
}
