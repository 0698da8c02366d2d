import fc from "../property.ts";
import { assertEquals } from "../assert.ts";
import { GramTable, NgramModel, wordsWith } from "../../src/ctc/ngram.ts";

Deno.test("a table holds what was put in, and nothing else", () => {
  const gram = fc.record({ first: fc.nat(2 ** 25), word: fc.nat(99_999) });
  fc.assert(
    fc.property(fc.array(gram, { maxLength: 300 }), fc.array(gram), (grams, others) => {
      const table = new GramTable(grams.length, 100_000);
      const expected = new Map<string, number>();
      grams.forEach((gram, i) => {
        table.set(gram, { log10Prob: -i, log10Backoff: -i / 2 });
        expected.set(`${gram.first} ${gram.word}`, i);
      });
      for (const { first, word } of [...grams, ...others]) {
        const place = table.find(first, word);
        const i = expected.get(`${first} ${word}`);
        assertEquals(place >= 0, i !== undefined);
        if (i === undefined) continue;
        assertEquals([table.log10ProbAt(place), table.log10BackoffAt(place)], [-i, -i / 2]);
      }
    }),
    { numRuns: 200, seed: 21 },
  );
});

Deno.test("words that begin with a text, letter by letter or at once", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "ß", "😀"), maxLength: 4 });
  fc.assert(
    fc.property(fc.uniqueArray(letters, { maxLength: 40 }), letters, (list, text) => {
      const words = list.toSorted((a, b) => a < b ? -1 : 1);
      const all = { low: 0, high: words.length };
      const once = wordsWith(words, all, text);
      assertEquals(words.slice(once.low, once.high), words.filter((word) => word.startsWith(text)));
      const stepwise = [...Array(text.length).keys()].reduce(
        (range, at) => wordsWith(words, range, text[at]!, at),
        all,
      );
      assertEquals(words.slice(stepwise.low, stepwise.high), words.slice(once.low, once.high));
    }),
    { numRuns: 300, seed: 22 },
  );
});

Deno.test("the likeliest word of a range, whatever came before", () => {
  const logs = fc.array(fc.double({ min: -9, max: 0, noNaN: true }), {
    minLength: 1,
    maxLength: 60,
  });
  fc.assert(
    fc.property(logs, fc.nat(60), fc.nat(60), (log10Probs, one, other) => {
      const words = log10Probs.map((_, i) => String.fromCharCode(97 + i));
      const unigrams = new GramTable(words.length, words.length);
      log10Probs.forEach((log10Prob, word) =>
        unigrams.set({ first: 0, word }, { log10Prob, log10Backoff: 0 })
      );
      const model = new NgramModel({ words, tables: [unigrams] });
      const low = Math.min(one, other, words.length);
      const high = Math.min(Math.max(one, other), words.length);
      const expected = Math.max(...log10Probs.slice(low, high).map(Math.fround));
      assertEquals(model.likeliestOf({ low, high }), expected);
    }),
    { numRuns: 300, seed: 23 },
  );
});
