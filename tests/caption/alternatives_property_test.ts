import fc from "../property.ts";
import { assertAlmostEquals, assertEquals } from "../assert.ts";
import { distinct, likeliestTexts } from "../../src/caption/alternatives.ts";

const readings = fc.array(
  fc.record({
    text: fc.constantFrom("a", "b", "a b", "c"),
    confidence: fc.double({ min: 0.01, max: 0.25, noNaN: true }),
  }),
  { minLength: 1, maxLength: 4 },
).map(distinct);

Deno.test("the likeliest texts are those of all combinations", () => {
  fc.assert(
    fc.property(
      fc.array(readings, { maxLength: 4 }),
      fc.integer({ min: 1, max: 6 }),
      (slots, count) => {
        const words = slots.map((alternatives, i) => ({
          ...{ text: alternatives[0]!.text, startSample: i, endSample: i + 1, confidence: 1 },
          alternatives,
        }));
        const all = slots.reduce(
          (texts, slot) =>
            texts.flatMap(({ text, confidence }) =>
              slot.map((one) => ({
                text: `${text} ${one.text}`.trim(),
                confidence: confidence * one.confidence,
              }))
            ),
          [{ text: "", confidence: 1 }],
        );
        const found = likeliestTexts(words, count);
        // texts that are equal though their words are not count together only where both are kept
        const best = distinct(all)[0]!;
        assertEquals(new Set(found.map(({ text }) => text)).size, found.length);
        assertEquals(found.length <= count, true);
        const single = Math.max(...all.map(({ confidence }) => confidence));
        assertEquals(found[0]!.confidence >= single - 1e-12, true);
        assertEquals(found[0]!.confidence <= best.confidence + 1e-12, true);
        const confidences = found.map(({ confidence }) => confidence);
        assertEquals(confidences, confidences.toSorted((a, b) => b - a));
      },
    ),
    { numRuns: 300, seed: 24 },
  );
});

Deno.test("a word without readings is read as it is", () => {
  const word = { text: "so", startSample: 0, endSample: 1, confidence: 0.5 };
  const [only, ...others] = likeliestTexts([word, word], 3);
  assertEquals([only!.text, others.length], ["so so", 0]);
  assertAlmostEquals(only!.confidence, 0.25, 1e-9);
  assertEquals(likeliestTexts([], 3), [{ text: "", confidence: 1 }]);
});
