import {
  characterErrors,
  editDistance,
  normalizeText,
  wordErrors,
} from "../../bench/word_errors.ts";
import { assertEquals } from "../assert.ts";

Deno.test("normalizeText: case, punctuation and spaces go, apostrophes inside words stay", () => {
  assertEquals(normalizeText("  “It’s  seventy-five,” she said… "), "it's seventy five she said");
  assertEquals(normalizeText("'tis the dogs' café, no. 1862"), "tis the dogs café no 1862");
});

Deno.test("editDistance: kitten to sitting takes three changes", () => {
  assertEquals(editDistance([..."kitten"], [..."sitting"]), 3);
  assertEquals(editDistance([], [..."abc"]), 3);
  assertEquals(editDistance([..."abc"], []), 3);
});

Deno.test("wordErrors counts words that were said; characterErrors counts spaces too", () => {
  assertEquals(wordErrors("The cat sat.", "the cat sat on it"), [2, 3]);
  assertEquals(wordErrors("one two", ""), [2, 2]);
  assertEquals(characterErrors("a cat", "acat"), [1, 5]);
});
