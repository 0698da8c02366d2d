import { assertEquals, assertThrows } from "../assert.ts";
import { convGeometry } from "../../src/geometry.ts";
import type { TokenSpan } from "../../src/ctc/decoder.ts";
import type { Vocabulary } from "../../src/stitch/vocabulary.ts";
import { splitTokens, wordOf, wordRules } from "../../src/stitch/words.ts";
import { CHARACTERS, characters, PIECES, pieces } from "./vocabularies.ts";

/** One token a frame from `startFrame` on; `_` is a frame without one. */
function tokensOf(list: string[], texts: string[], startFrame = 0): TokenSpan[] {
  return list.flatMap((text, i) => {
    if (text === "_") return [];
    const frame = startFrame + i;
    const id = texts.indexOf(text);
    return [{ id, startFrame: frame, endFrame: frame + 1, probability: 1 / (i + 1) }];
  });
}

function split(list: string[], vocabulary: Vocabulary, texts: string[]) {
  const rules = { vocabulary, strideSamples: 10, pauseFrames: 3 };
  const { words, openTokens } = splitTokens(tokensOf(list, texts), rules);
  const open = openTokens.length === 0 ? [] : [wordOf(openTokens, rules)];
  const spans = (all: typeof words) => all.map((w) => [w.text, w.startSample, w.endSample]);
  return { words: spans(words), open: spans(open) };
}

Deno.test("characters: words end at delimiters", () => {
  assertEquals(split(["|", "b", "a", "|", "|", "s", "o", "|", "n"], characters, CHARACTERS), {
    words: [["ba", 10, 30], ["so", 50, 70]],
    open: [["n", 80, 90]],
  });
});

Deno.test("sub-words: words end where another begins", () => {
  assertEquals(split(["▁ba", "ll", "oon", "▁so", "▁", "s", "s"], pieces, PIECES), {
    words: [["balloon", 0, 30], ["so", 30, 40]],
    open: [["ss", 50, 70]],
  });
});

Deno.test("a space before a sub-word begins a word as ▁ does", () => {
  const texts = ["", " a", "b"];
  const vocabulary = { blankId: 0, tokenText: (id: number) => texts[id]! };
  assertEquals(split([" a", "b", " a"], vocabulary, texts), {
    words: [["ab", 0, 20]],
    open: [["a", 20, 30]],
  });
});

Deno.test("a pause ends a word, a shorter one does not", () => {
  assertEquals(split(["s", "_", "_", "o", "_", "_", "_", "n"], characters, CHARACTERS), {
    words: [["so", 0, 40]],
    open: [["n", 70, 80]],
  });
});

Deno.test("tokens without text are neither words nor ends of words", () => {
  assertEquals(split(["<s>", "s", "<s>", "o", "<s>"], characters, CHARACTERS), {
    words: [],
    open: [["so", 10, 40]],
  });
});

Deno.test("a word is as sure as its least sure token", () => {
  const rules = { vocabulary: characters, strideSamples: 10, pauseFrames: 3 };
  assertEquals(wordOf(tokensOf(["s", "o"], CHARACTERS), rules).confidence, 0.5);
});

Deno.test("wordRules counts the pause in whole frames", () => {
  const geometry = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);
  const pauseOf = (wordPauseMs?: number) =>
    wordRules(characters, geometry, wordPauseMs === undefined ? {} : { wordPauseMs }).pauseFrames;
  assertEquals([pauseOf(), pauseOf(0), pauseOf(21), pauseOf(Infinity)], [20, 1, 2, Infinity]);
  assertThrows(() => pauseOf(-1), RangeError, "wordPauseMs must be a number of at least 0: -1");
});
