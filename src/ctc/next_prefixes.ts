/**
 * One frame of beam search: what texts become by its tokens.
 *
 * @module
 */
import {
  type Ending,
  impossible,
  isPossible,
  keyWith,
  lengthenText,
  likelierEnding,
  logAdd,
  type Prefix,
  scoreOf,
  textScore,
  type TokenScorer,
  totalOf,
} from "./prefix.ts";
import { lengthen, spanOf } from "./span_path.ts";

/** A token that a frame may be. */
export interface FrameToken {
  readonly id: number;
  readonly logProb: number;
  readonly frame: number;
}

/** How texts go on. */
export interface NextRules<C> {
  readonly blankId: number;
  readonly delimiterId?: number | undefined;
  readonly maxScoreGap: number;
  readonly scorer?: TokenScorer<C> | undefined;
}

/**
 * Every prefix stays (blank, repeat) or grows by a token; equal ones merge.
 *
 * @param prefixes No two of one text.
 * @param tokens Those worth trying.
 * @param rules How texts go on.
 * @returns All of them but some that are more than `maxScoreGap` behind the best.
 */
export function nextPrefixes<C>(
  prefixes: readonly Prefix<C>[],
  tokens: readonly FrameToken[],
  rules: NextRules<C>,
): Prefix<C>[] {
  const next = new NextPrefixes(rules);
  for (const prefix of prefixes) for (const token of tokens) next.stay(prefix, token);
  next.rank();
  for (const prefix of prefixes) for (const token of tokens) next.grow(prefix, token);
  return next.all;
}

class NextPrefixes<C> {
  readonly #rules: NextRules<C>;
  readonly #byKey = new Map<number, Prefix<C>>();
  #bestScore = -Infinity;

  constructor(rules: NextRules<C>) {
    this.#rules = rules;
  }

  get all(): Prefix<C>[] {
    return [...this.#byKey.values()];
  }

  /** The text stays as it is: by a blank, its last token once more, or a delimiter that divides nothing. */
  stay(prefix: Prefix<C>, { id, logProb, frame }: FrameToken): void {
    const { blank, token, text: { lastId } } = prefix;
    if (id === this.#rules.blankId) {
      const to = this.#same(prefix).blank;
      const { bestLogProb, path } = likelierEnding(prefix);
      if (absorb(to, totalOf(prefix) + logProb, bestLogProb + logProb)) to.path = path;
      return;
    }
    if (id !== lastId) return;
    const isIdle = id === this.#rules.delimiterId && isPossible(blank);
    if (!isIdle && !isPossible(token)) return;
    const to = this.#same(prefix).token;
    if (absorb(to, token.logProb + logProb, token.bestLogProb + logProb)) {
      to.path = lengthen(token.path, logProb);
    }
    if (isIdle && absorb(to, blank.logProb + logProb, blank.bestLogProb + logProb)) {
      to.path = spanOf({ id, logProb, frame }, blank.path);
    }
  }

  #same(prefix: Prefix<C>): Prefix<C> {
    return this.#byKey.get(prefix.text.key) ?? this.#add(prefix.text);
  }

  #add(text: Prefix<C>["text"]): Prefix<C> {
    const made = { text, blank: impossible(), token: impossible() };
    this.#byKey.set(text.key, made);
    return made;
  }

  /** Finds out how good those are that stay: of those that grow few are as good, and the others are not made. */
  rank(): void {
    for (const prefix of this.#byKey.values()) this.#note(scoreOf(prefix));
  }

  #note(score: number): void {
    if (score > this.#bestScore) this.#bestScore = score;
  }

  /** The text gets one more token. */
  grow(prefix: Prefix<C>, { id, logProb, frame }: FrameToken): void {
    const { blankId, delimiterId, maxScoreGap } = this.#rules;
    const isRepeat = id === prefix.text.lastId;
    if (id === blankId || (isRepeat && id === delimiterId)) return;
    const from = isRepeat ? prefix.blank : likelierEnding(prefix);
    if (!isPossible(from)) return;
    const mass = (isRepeat ? from.logProb : totalOf(prefix)) + logProb;
    let to = this.#byKey.get(keyWith(prefix.text, id));
    if (to === undefined) {
      const text = lengthenText(prefix.text, id, this.#rules);
      const score = textScore(text, mass);
      if (score < this.#bestScore - maxScoreGap) return;
      this.#note(score);
      to = this.#add(text);
    }
    if (absorb(to.token, mass, from.bestLogProb + logProb)) {
      to.token.path = spanOf({ id, logProb, frame }, from.path);
    }
  }
}

/** Adds alignments to an ending; says whether the likeliest is among them. */
function absorb(ending: Ending, logProb: number, bestLogProb: number): boolean {
  ending.logProb = logAdd(ending.logProb, logProb);
  if (!(bestLogProb > ending.bestLogProb)) return false;
  ending.bestLogProb = bestLogProb;
  return true;
}
