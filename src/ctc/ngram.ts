/**
 * A back-off n-gram model of words: how likely a word is after those before it.
 *
 * Grams lie in hash tables of typed arrays, one for each order. The key of a gram is the place of
 * its first words in the table of the order below, and its last word, so that any order fits in
 * one number.
 *
 * @module
 */

/** The last words of a text as a model needs them: of the last 1, 2, … words their place, or -1. */
export type WordHistory = readonly number[];

/** What a model says of a word. */
export interface WordScore {
  /** Logarithm to base 10 of the word's probability. */
  readonly log10Prob: number;
  /** The history with the word in it. */
  readonly history: WordHistory;
}

/** Grams of one order. */
export class GramTable {
  readonly #wordCount: number;
  #keys: Float64Array;
  #log10Probs: Float32Array;
  #log10Backoffs: Float32Array;
  #mask: number;

  /** @param gramCount How many grams it must hold at least. @param wordCount Size of the vocabulary. */
  constructor(gramCount: number, wordCount: number) {
    const capacity = 2 ** Math.ceil(Math.log2(Math.max(4, 1.4 * gramCount)));
    this.#wordCount = wordCount;
    this.#mask = capacity - 1;
    this.#keys = new Float64Array(capacity).fill(-1);
    this.#log10Probs = new Float32Array(capacity);
    this.#log10Backoffs = new Float32Array(capacity);
  }

  /** Adds a gram, or changes it. */
  set(
    gram: { readonly first: number; readonly word: number },
    { log10Prob, log10Backoff }: { log10Prob: number; log10Backoff: number },
  ): void {
    const key = gram.first * this.#wordCount + gram.word;
    const place = this.#placeOf(key);
    this.#keys[place] = key;
    this.#log10Probs[place] = log10Prob;
    this.#log10Backoffs[place] = log10Backoff;
  }

  /** Place of a gram whose first words are at `first` in the table below; -1 if it is not there. */
  find(first: number, word: number): number {
    const key = first * this.#wordCount + word;
    const place = this.#placeOf(key);
    return this.#keys[place] === key ? place : -1;
  }

  /** Logarithm of the last word's probability after the others. */
  log10ProbAt(place: number): number {
    return this.#log10Probs[place]!;
  }

  /** Logarithm of what is left for words that were not seen after this gram. */
  log10BackoffAt(place: number): number {
    return this.#log10Backoffs[place]!;
  }

  /** Where a key is, or would be. The table is never full. */
  #placeOf(key: number): number {
    const high = Math.floor(key / 2 ** 32);
    let place = Math.imul((key >>> 0) ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
    place = (place ^ (place >>> 15)) & this.#mask;
    while (this.#keys[place] !== key && this.#keys[place] !== -1) place = (place + 1) & this.#mask;
    return place;
  }
}

/** The largest of each span of an array: a segment tree, its leaves in the upper half. */
class SpanMaxima {
  readonly #tree: Float32Array;

  constructor(values: Float32Array) {
    const { length } = values;
    this.#tree = new Float32Array(2 * length);
    this.#tree.set(values, length);
    for (let node = length - 1; node > 0; node--) {
      this.#tree[node] = Math.max(this.#tree[2 * node]!, this.#tree[2 * node + 1]!);
    }
  }

  /** -Infinity for an empty span. */
  of(low: number, high: number): number {
    let largest = -Infinity;
    let left = low + this.#tree.length / 2;
    let right = high + this.#tree.length / 2;
    for (; left < right; left >>>= 1, right >>>= 1) {
      if (left & 1) largest = Math.max(largest, this.#tree[left++]!);
      if (right & 1) largest = Math.max(largest, this.#tree[--right]!);
    }
    return largest;
  }
}

/** What a {@linkcode NgramModel} is made of. */
export interface NgramParts {
  /** All words, in the order of their UTF-16 code units; their indices are their ids. */
  readonly words: readonly string[];
  /** A table for each order from 1 up; in the first, `first` is 0. */
  readonly tables: readonly GramTable[];
}

/** A model. Made by `readArpa`. */
export class NgramModel {
  /** All words, in the order of their UTF-16 code units; their indices are their ids. */
  readonly words: readonly string[];
  /** The history of an empty text: nothing is known of what came before. */
  readonly nullHistory: WordHistory;
  /** The history at the start of a sentence. */
  readonly startHistory: WordHistory;
  readonly #tables: readonly GramTable[];
  readonly #unigramMaxima: SpanMaxima;
  readonly #unknownId: number;
  readonly #endId: number;

  /** Makes a model. @param parts Its words and grams. */
  constructor({ words, tables }: NgramParts) {
    this.words = words;
    this.#tables = tables;
    this.#unigramMaxima = new SpanMaxima(
      Float32Array.from(words, (_, id) => this.#unigramLog10Prob(id)),
    );
    this.#unknownId = this.idOf("<unk>");
    this.#endId = this.idOf("</s>");
    this.nullHistory = new Array<number>(tables.length - 1).fill(-1);
    const startId = this.idOf("<s>");
    this.startHistory = startId < 0
      ? this.nullHistory
      : this.#historyAfter(this.nullHistory, startId);
  }

  /** Words in the longest gram. */
  get order(): number {
    return this.#tables.length;
  }

  /** Id of a word, -1 if it is not in the vocabulary. */
  idOf(word: string): number {
    const { low } = wordsWith(this.words, { low: 0, high: this.words.length }, word);
    return this.words[low] === word ? low : -1;
  }

  /**
   * Judges a word.
   *
   * @param history What came before.
   * @param id The word; -1 for one that is not in the vocabulary, which is taken for `<unk>`.
   */
  score(history: WordHistory, id: number): WordScore {
    const known = id < 0 ? this.#unknownId : id;
    if (known < 0) return { log10Prob: UNKNOWN_LOG10_PROB, history: this.nullHistory };
    return {
      log10Prob: this.#log10Prob(history, known),
      history: this.#historyAfter(history, known),
    };
  }

  /** Logarithm to base 10 of the probability of a range's likeliest word, whatever came before. */
  likeliestOf({ low, high }: WordRange): number {
    return this.#unigramMaxima.of(low, high);
  }

  /** Logarithm to base 10 of the probability that a sentence ends here; 0 for a model without ends. */
  endScore(history: WordHistory): number {
    return this.#endId < 0 ? 0 : this.#log10Prob(history, this.#endId);
  }

  /** Of the longest gram that is there; each shorter one costs the back-off of what is left out. */
  #log10Prob(history: WordHistory, id: number): number {
    let log10Backoff = 0;
    for (let length = history.length; length > 0; length--) {
      const first = history[length - 1]!;
      if (first < 0) continue;
      const table = this.#tables[length]!;
      const place = table.find(first, id);
      if (place >= 0) return log10Backoff + table.log10ProbAt(place);
      log10Backoff += this.#tables[length - 1]!.log10BackoffAt(first);
    }
    return log10Backoff + this.#unigramLog10Prob(id);
  }

  #unigramLog10Prob(id: number): number {
    const unigrams = this.#tables[0]!;
    return unigrams.log10ProbAt(unigrams.find(0, id));
  }

  #historyAfter(history: WordHistory, id: number): WordHistory {
    return history.map((_, i) => {
      if (i === 0) return this.#tables[0]!.find(0, id);
      const first = history[i - 1]!;
      return first < 0 ? -1 : this.#tables[i]!.find(first, id);
    });
  }
}

/** What a word outside the vocabulary is worth to a model that does not say. */
const UNKNOWN_LOG10_PROB = -7;

/** A range of words in order: `[low, high)`. */
export interface WordRange {
  /** Id of the first. */
  readonly low: number;
  /** Id after the last. */
  readonly high: number;
}

/**
 * The words of a range that go on with a text.
 *
 * @param words In the order of their code units.
 * @param range Where to look; all words in it have the same first `at` code units.
 * @param text What they go on with.
 * @param at Where in the words the text must be.
 */
export function wordsWith(
  words: readonly string[],
  range: WordRange,
  text: string,
  at = 0,
): WordRange {
  const bound = (low: number, isBefore: (order: number) => boolean) => {
    let { high } = range;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(orderOf(words[middle]!, text, at))) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const low = bound(range.low, (order) => order < 0);
  return { low, high: bound(low, (order) => order <= 0) };
}

/** Whether a word's code units from `at` on come before a text (negative), go on with it (0), or come after it. */
function orderOf(word: string, text: string, at: number): number {
  for (let i = 0; i < text.length; i++) {
    if (at + i >= word.length) return -1;
    const order = word.charCodeAt(at + i) - text.charCodeAt(i);
    if (order !== 0) return order;
  }
  return 0;
}
