import { TextWriter, transcriptJson } from "../../src/cli/transcript_format.ts";
import type { Word } from "../../src/caption/word.ts";
import { assertEquals } from "../assert.ts";

const WORDS: Word[] = [
  { text: "one", startSample: 0, endSample: 4000, confidence: 0.123456 },
  { text: "two", startSample: 8000, endSample: 12_000, confidence: 1 },
  { text: "three", startSample: 3600 * 16_000, endSample: 3601 * 16_000, confidence: 1 },
];

function written(options: { timestamps?: boolean; prefix?: string }, cuts: number[]): string {
  let text = "";
  const writer = new TextWriter((piece) => text += piece, { sampleRateHz: 16_000, ...options });
  for (const [i, cut] of cuts.entries()) {
    const words = WORDS.slice(cut, cuts[i + 1]);
    writer.push(words, (words.at(-1)?.endSample ?? 0) / 16_000);
  }
  writer.end();
  return text;
}

Deno.test("TextWriter: the text does not depend on how words arrive", () => {
  for (const cuts of [[0], [0, 1], [0, 1, 2], [0, 0, 2, 2]]) {
    assertEquals(written({}, cuts), "one two three\n");
    assertEquals(written({ prefix: "a: " }, cuts), "a: one two three\n");
    assertEquals(
      written({ timestamps: true, prefix: "a: " }, cuts),
      "a: [00:00:00.000 --> 00:00:01.000] one two\n" +
        "a: [01:00:00.000 --> 01:00:01.000] three\n",
    );
  }
});

Deno.test("TextWriter: silence is an empty line, or the prefix alone", () => {
  assertEquals(written({}, []), "\n");
  assertEquals(written({ prefix: "a: " }, []), "a:\n");
  assertEquals(written({ timestamps: true }, []), "");
});

Deno.test("transcriptJson: seconds, and one line whatever the words hold", () => {
  const words = [{ ...WORDS[0]!, text: 'say "a\nb"' }];
  const json = transcriptJson(
    { text: words[0]!.text, words, seconds: 1, sampleRateHz: 8000 },
    { file: "a.wav", model: "m", backend: "cpu", dtype: "float32" },
  );
  assertEquals(json.indexOf("\n"), json.length - 1);
  assertEquals(JSON.parse(json).words, [
    { text: 'say "a\nb"', startSeconds: 0, endSeconds: 0.5, confidence: 0.1235 },
  ]);
});
