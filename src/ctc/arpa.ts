/**
 * Reads n-gram models in ARPA's text format, as SRILM, KenLM and others write it.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { GramTable, NgramModel } from "./ngram.ts";

/** Most grams a file may announce: their tables take 16 bytes for each, twice over at most. */
const MAX_GRAMS = 1 << 27;

/**
 * Reads a model, line by line.
 *
 * @param bytes The file's, as they come; not compressed.
 * @throws {CheckpointError} If it is not ARPA's format, or its grams do not fit together.
 *
 * @example
 * ```ts
 * import { readArpa } from "./arpa.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const text = `\\data\\
 * ngram 1=3
 * ngram 2=1
 *
 * \\1-grams:
 * -1\t<unk>
 * -0.5\tso\t-0.3
 * -0.6\tit
 *
 * \\2-grams:
 * -0.1\tso it
 *
 * \\end\\
 * `;
 * const model = await readArpa(ReadableStream.from([new TextEncoder().encode(text)]));
 * const { history } = model.score(model.nullHistory, model.idOf("so"));
 * assertEquals(model.score(history, model.idOf("it")).log10Prob.toFixed(2), "-0.10");
 * assertEquals(model.score(history, model.idOf("so")).log10Prob.toFixed(2), "-0.80");
 * ```
 */
export async function readArpa(bytes: ReadableStream<Uint8Array>): Promise<NgramModel> {
  const reader = new ArpaReader();
  let rest = "";
  for await (const text of bytes.pipeThrough(new TextDecoderStream() as TextPair)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) reader.take(line);
  }
  reader.take(rest);
  return reader.model();
}

type TextPair = ReadableWritablePair<string, Uint8Array>;

interface Unigram {
  readonly word: string;
  readonly log10Prob: number;
  readonly log10Backoff: number;
}

/** Takes a file's lines. */
class ArpaReader {
  /** Grams of each order, as announced. */
  readonly #counts: number[] = [];
  /** Collected until all are there, as ids go by the order of the words. */
  #unigrams: Unigram[] = [];
  #words: readonly string[] = [];
  readonly #ids = new Map<string, number>();
  readonly #tables: GramTable[] = [];
  #section: "before" | "counts" | "grams" | "after" = "before";
  /** Grams read of the order at hand, which is `#order`. */
  #gramCount = 0;
  #order = 0;
  #line = 0;

  take(line: string): void {
    this.#line++;
    const text = line.trim();
    if (text === "" || this.#section === "after") return;
    if (text.startsWith("\\")) this.#begin(text);
    else if (this.#section === "counts") this.#takeCount(text);
    else if (this.#section === "grams") this.#takeGram(text.split(/[ \t]+/));
  }

  model(): NgramModel {
    if (this.#section === "before") throw this.#error("it has no \\data\\ in ARPA's text format");
    if (this.#section !== "after") throw this.#error("it ends without \\end\\");
    return new NgramModel({ words: this.#words, tables: this.#tables });
  }

  #begin(text: string): void {
    if (this.#section === "before") {
      if (text === "\\data\\") this.#section = "counts";
      return;
    }
    if (this.#section === "grams") this.#endGrams();
    const isLast = this.#order === this.#counts.length;
    if (isLast && this.#order > 0 && text === "\\end\\") {
      this.#section = "after";
    } else if (!isLast && text === `\\${this.#order + 1}-grams:`) {
      this.#section = "grams";
      this.#order++;
      this.#gramCount = 0;
      if (this.#order > 1) {
        this.#tables.push(new GramTable(this.#counts[this.#order - 1]!, this.#words.length));
      }
    } else throw this.#error(`"${text}" must not come after ${this.#order}-grams`);
  }

  #takeCount(text: string): void {
    const [, order, count] = /^ngram\s+(\d+)\s*=\s*(\d+)$/.exec(text) ?? [];
    if (Number(order) !== this.#counts.length + 1 || !(Number(count) <= MAX_GRAMS)) {
      throw this.#error(`the number of its grams cannot be "${text}"`);
    }
    this.#counts.push(Number(count));
  }

  /** A probability, the words, and what is left for others after them, if it is not 1. */
  #takeGram(fields: readonly string[]): void {
    const [log10Prob, log10Backoff] = [Number(fields[0]), Number(fields[this.#order + 1] ?? 0)];
    const isGram = fields.length === this.#order + 1 || fields.length === this.#order + 2;
    if (!isGram || !(log10Prob <= 0) || Number.isNaN(log10Backoff)) {
      throw this.#error(`"${fields.join(" ")}" is no ${this.#order}-gram`);
    }
    if (++this.#gramCount > this.#counts[this.#order - 1]!) {
      throw this.#error(`it has more ${this.#order}-grams than announced`);
    }
    if (this.#order === 1) {
      this.#unigrams.push({ word: fields[1]!, log10Prob, log10Backoff });
      return;
    }
    const first = this.#placeOf(fields.slice(1, this.#order));
    const word = this.#ids.get(fields[this.#order]!);
    if (first < 0 || word === undefined) {
      const words = fields.slice(1, this.#order + 1).join(" ");
      throw this.#error(`the parts of "${words}" are no grams: each must be there before it`);
    }
    this.#tables[this.#order - 1]!.set({ first, word }, { log10Prob, log10Backoff });
  }

  /** Where a gram lies in the table of its order. */
  #placeOf(words: readonly string[]): number {
    return words.reduce((place, word, i) => {
      const id = this.#ids.get(word);
      return place < 0 || id === undefined ? -1 : this.#tables[i]!.find(place, id);
    }, 0);
  }

  #endGrams(): void {
    if (this.#gramCount < this.#counts[this.#order - 1]!) {
      throw this.#error(`it has fewer ${this.#order}-grams than announced`);
    }
    if (this.#order > 1) return;
    const unigrams = this.#unigrams.sort((a, b) => a.word < b.word ? -1 : 1);
    this.#unigrams = [];
    this.#words = unigrams.map(({ word }) => word);
    this.#words.forEach((word, id) => this.#ids.set(word, id));
    const table = new GramTable(unigrams.length, unigrams.length);
    unigrams.forEach((unigram, word) => table.set({ first: 0, word }, unigram));
    this.#tables.push(table);
  }

  #error(reason: string): CheckpointError {
    return new CheckpointError(
      `Cannot read the language model as at line ${this.#line} ${reason}: give ARPA's text format`,
    );
  }
}
