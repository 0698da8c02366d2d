/**
 * A language model in the beam: words are worth what an n-gram model says of them.
 *
 * A text's score is `log P(text | emissions) + weight · log P(text) + wordBonus · words`, as in
 * Hannun et al., arXiv 1408.2873; words outside the vocabulary, and beginnings of words that no
 * word has, as in pyctcdecode. While a word is not complete, texts are ranked by the likeliest word
 * it may become, whatever came before (unigram look-ahead, Ortmanns et al. 1996): a beam without it
 * holds on to beginnings of rare words too long. Capitals count only where the language model has both kinds.
 *
 * @module
 */
import { type NgramModel, type WordHistory, type WordRange, wordsWith } from "./ngram.ts";
import type { Judgement, TokenScorer } from "./prefix.ts";

/** What a language model's opinion is worth. */
export interface LanguageModelWeights {
  /** What its log-probabilities are multiplied by. @default {0.5} */
  weight?: number;
  /** What every word adds to a text's score, as a language model prefers short texts. @default {1.5} */
  wordBonus?: number;
  /**
   * What a word outside the vocabulary adds to its logarithm to base 10, which is that of `<unk>`.
   * @default {-10}
   */
  unknownScore?: number;
  /** Whether an utterance is a sentence, with its start and end, to the model. @default {true} */
  isSentence?: boolean;
}

/** What the scorer needs to know of a tokenizer. */
export interface ScoredVocabulary {
  /** Text of a token as the model spells it; empty for those that are no text. */
  tokenText(id: number): string;
  /** The id that divides words, where there is one. */
  readonly wordDelimiterId?: number | undefined;
}

/** Where a text stands for the language model. A plain record. */
export interface LanguageContext {
  /** The words that are complete. */
  readonly history: WordHistory;
  /** Length of the word that is not. */
  readonly length: number;
  /** The words of the vocabulary that it may become. */
  readonly range: WordRange;
}

const WORD_START = /^[▁ ]/;

/**
 * A scorer for beam search.
 *
 * @param model The n-gram model.
 * @param vocabulary The tokenizer of the emissions.
 * @param weights What its opinion is worth.
 * @throws {RangeError} If a weight is not finite.
 */
export function languageScorer(
  model: NgramModel,
  vocabulary: ScoredVocabulary,
  weights: LanguageModelWeights = {},
): TokenScorer<LanguageContext> {
  const { weight = 0.5, wordBonus = 1.5, unknownScore = -10, isSentence = true } = weights;
  for (const [name, value] of Object.entries({ weight, wordBonus, unknownScore })) {
    if (!Number.isFinite(value)) {
      throw new RangeError(`Cannot use a language model as ${name} must be a number: ${value}`);
    }
  }
  const { words } = model;
  const spellingOf = spellings(vocabulary, foldOf(words));
  const noWord = { length: 0, range: { low: 0, high: words.length } };
  const worth = (log10Prob: number) => weight * Math.LN10 * log10Prob;
  const unknownLog10Prob = model.score(model.nullHistory, -1).log10Prob + unknownScore;

  /** Completes the word. */
  const complete = (context: LanguageContext): { logProb: number; context: LanguageContext } => {
    const { history, length, range } = context;
    if (length === 0) return { logProb: 0, context };
    const isKnown = range.low < range.high && words[range.low]!.length === length;
    const scored = model.score(history, isKnown ? range.low : -1);
    const log10Prob = scored.log10Prob + (isKnown ? 0 : unknownScore);
    return {
      logProb: worth(log10Prob) + wordBonus,
      context: { history: scored.history, ...noWord },
    };
  };

  /** The words that begin with a text, which all are searched for. */
  const beginnings = new Map<string, WordRange>();
  const beginWith = (text: string): WordRange => {
    const range = beginnings.get(text) ?? wordsWith(words, noWord.range, text);
    beginnings.set(text, range);
    return range;
  };

  /** Goes on with the word. */
  const lengthen = (
    { history, length, range }: LanguageContext,
    text: string,
  ): LanguageContext => ({
    history,
    length: length + text.length,
    range: length === 0 ? beginWith(text) : wordsWith(words, range, text, length),
  });

  /** What the word will be worth once it is complete, whatever came before. */
  const prospect = ({ length, range }: LanguageContext): number => {
    if (length === 0) return 0;
    const isKnown = range.low < range.high;
    return worth(isKnown ? model.likeliestOf(range) : unknownLog10Prob) + wordBonus;
  };

  return {
    start: { history: isSentence ? model.startHistory : model.nullHistory, ...noWord },
    score: (before, id): Judgement<LanguageContext> => {
      const { begins, rest } = spellingOf(id);
      const { logProb, context } = begins ? complete(before) : { logProb: 0, context: before };
      const after = rest === "" ? context : lengthen(context, rest);
      return { logProb, pendingLogProb: prospect(after), context: after };
    },
    end: (before) => {
      const { logProb, context } = complete(before);
      return logProb + (isSentence ? worth(model.endScore(context.history)) : 0);
    },
  };
}

/** What a token is to words. */
interface Spelling {
  /** Whether it ends the word before it. */
  readonly begins: boolean;
  /** What it adds to the word after that. */
  readonly rest: string;
}

/** Spellings of a vocabulary's tokens; each is found out once. */
function spellings(
  { tokenText, wordDelimiterId }: ScoredVocabulary,
  fold: (text: string) => string,
): (id: number) => Spelling {
  const known = new Map<number, Spelling>();
  return (id) => {
    let spelling = known.get(id);
    if (spelling === undefined) {
      const isDelimiter = id === wordDelimiterId;
      const text = fold(tokenText(id));
      const rest = isDelimiter ? "" : text.replace(WORD_START, "");
      spelling = { begins: isDelimiter || WORD_START.test(text), rest };
      known.set(id, spelling);
    }
    return spelling;
  };
}

/** How the words are spelled that a language model has; it has them for good. */
const folds = new WeakMap<readonly string[], (text: string) => string>();

/** Texts as the words are spelled, where all of these are in small letters, or all in capitals. */
function foldOf(words: readonly string[]): (text: string) => string {
  const fold = folds.get(words) ?? findFold(words);
  folds.set(words, fold);
  return fold;
}

function findFold(words: readonly string[]): (text: string) => string {
  const proper = words.filter((word) => !word.startsWith("<"));
  if (proper.every((word) => word === word.toLowerCase())) return (text) => text.toLowerCase();
  if (proper.every((word) => word === word.toUpperCase())) return (text) => text.toUpperCase();
  return (text) => text;
}
