import { assertEquals } from "../assert.ts";
import type { Word } from "../../src/caption/word.ts";
import { readingsOf, textOf } from "../../src/server/readings.ts";

const word = (text: string, startSample: number, others: [string, number][]): Word => ({
  ...{ text, startSample, endSample: startSample + 100, confidence: 0.5 },
  alternatives: others.map(([text, confidence]) => ({ text, confidence })),
});

// the language model chose "so"; by the sound alone "sew" is likelier
const WORDS = [
  word("so", 0, [["sew", 0.6], ["so", 0.4]]),
  word("it", 200, [["it", 0.7], ["is", 0.2], ["", 0.1]]),
];

Deno.test("readingsOf: what was said, then the likeliest others, all different", () => {
  const texts = (count: number) => readingsOf(WORDS, count).map(textOf);
  assertEquals(texts(1), ["so it"]);
  assertEquals(texts(3), ["so it", "sew it", "sew is"]);
  assertEquals(texts(10), ["so it", "sew it", "sew is", "so is", "sew", "so"]);
  assertEquals(readingsOf([], 3), [[]]);
  const alike = [word("a", 0, [["a b", 0.5], ["a", 0.5]]), word("b", 200, [["", 0.9], ["b", 0.1]])];
  assertEquals(readingsOf(alike, 9).map(textOf), ["a b", "a", "a b b"]);
});

Deno.test("readingsOf: words of a reading have their place, and their own confidence", () => {
  const [first, second] = readingsOf([word("sow", 1000, [["so w", 0.8], ["sow", 0.2]])], 2);
  assertEquals(first![0]!.confidence, 0.5);
  assertEquals(second, [
    { text: "so", startSample: 1000, endSample: 1050, confidence: 0.8 },
    { text: "w", startSample: 1050, endSample: 1100, confidence: 0.8 },
  ]);
  assertEquals(
    readingsOf([{ ...first![0]!, alternatives: undefined } as unknown as Word], 2).length,
    1,
  );
});
