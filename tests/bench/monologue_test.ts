import { joinClips } from "../../bench/monologue.ts";
import { assertEquals } from "../assert.ts";

const clip = (value: number, length: number) => ({
  samples: new Float32Array(length).fill(value),
  words: [{ text: `w${value}`, startMs: 0, endMs: 1000 * length / 1000 }],
});

Deno.test("joinClips goes on where the list ends, and keeps words where they are heard", () => {
  const options = { seconds: 3, first: 1, sampleRateHz: 1000 };
  const { samples, words } = joinClips([clip(1, 1000), clip(2, 500)], options);
  assertEquals(words.map(({ text, startMs }) => [text, startMs]), [
    ["w2", 0],
    ["w1", 1000],
    ["w2", 2500],
  ]);
  for (const { text, startMs, endMs } of words) {
    assertEquals([samples[startMs], samples[endMs - 1], samples[endMs]], [
      ...[Number(text[1]), Number(text[1]), 0],
    ]);
  }
  assertEquals(samples.length, 3500 + 2500); // silence after, so that the end hurries no word
});
