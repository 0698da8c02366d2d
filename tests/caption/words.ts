/**
 * Words for tests: written out, and arbitrary.
 *
 * @module
 */
import fc from "../property.ts";
import type { Word } from "../../src/caption/word.ts";

/** Words from `text`, of `wordMs` each with `gapMs` between, at 16 kHz; `|` stands for a pause of 2 s. */
export function spoken(
  text: string,
  options: { wordMs?: number; gapMs?: number; startMs?: number } = {},
): Word[] {
  const { wordMs = 250, gapMs = 50, startMs = 0 } = options;
  const words: Word[] = [];
  let ms = startMs;
  for (const token of text.split(" ")) {
    if (token === "|") {
      ms += 2000;
      continue;
    }
    words.push({ text: token, startSample: ms * 16, endSample: (ms + wordMs) * 16, confidence: 1 });
    ms += wordMs + gapMs;
  }
  return words;
}

const texts = fc.oneof(
  { weight: 8, arbitrary: fc.stringMatching(/^[a-z']{1,12}[,.?!]?$/) },
  { weight: 1, arbitrary: fc.stringMatching(/^[a-z]{30,60}$/) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("<b>", "R&B", "-->", "naïve", "你好", "👍🏽", "a\nb", "&amp;"),
  },
);

/** Words of a millisecond (16 samples) or more, any silence between, in order, none overlapping. */
export const arbitraryWords: fc.Arbitrary<Word[]> = fc.array(
  fc.record({
    text: texts,
    silence: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 4000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 4000, max: 200_000 }) },
    ),
    length: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 16, max: 12_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: 12_000, max: 150_000 }) },
    ),
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { maxLength: 60 },
).map((gaps) => {
  let sample = 0;
  return gaps.map(({ text, silence, length, confidence }) => {
    const startSample = sample + silence;
    sample = startSample + length;
    return { text, startSample, endSample: sample, confidence };
  });
});
