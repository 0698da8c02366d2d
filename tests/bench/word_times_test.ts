import { alignedWords, tokenIds } from "../../bench/word_times.ts";
import { emissionsFromLogits } from "../../src/ctc/emissions.ts";
import { convGeometry } from "../../src/geometry.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const TOKENS = ["", "|", "A", "B", "'"];
const vocabulary = { blankId: 0, wordDelimiterId: 1, tokenText: (id: number) => TOKENS[id] ?? "" };
const geometry = convGeometry([400], [320]);

Deno.test("tokenIds: what the vocabulary has, whatever its case, words divided", () => {
  const ids = tokenIds("Ab, a'b — zb!", { vocabulary, vocabularySize: 5 });
  assertEquals(ids, [2, 3, 1, 2, 4, 3, 1, 3]);
});

Deno.test("tokenIds: a vocabulary without delimiter cannot align a transcript", () => {
  const without = { ...vocabulary, wordDelimiterId: undefined };
  assertThrows(() => tokenIds("a", { vocabulary: without, vocabularySize: 5 }), RangeError);
});

Deno.test("alignedWords: from the first frame of a word to its last", () => {
  const path = [0, 2, 2, 3, 0, 1, 0, 3, 0, 0];
  const logits = new Float32Array(path.length * TOKENS.length);
  path.forEach((id, frame) => logits[frame * TOKENS.length + id] = 20);
  const emissions = emissionsFromLogits(logits, { vocabularySize: TOKENS.length });
  const words = alignedWords([2, 3, 1, 3], emissions, {
    ...{ vocabulary, geometry, sampleRateHz: 16_000 },
  });
  assertEquals(words, [
    { text: "AB", startMs: 20, endMs: 80 },
    { text: "B", startMs: 140, endMs: 160 },
  ]);
});
