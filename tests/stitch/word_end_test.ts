import { assertEquals } from "../assert.ts";
import type { TokenSpan } from "../../src/ctc/decoder.ts";
import { agreedEndFrame, lastWordEnd } from "../../src/stitch/word_end.ts";
import { CHARACTERS, characters, PIECES, pieces } from "./vocabularies.ts";

/** Tokens from a text of a character a frame: `_` is the blank. */
function tokensOf(text: string, names: readonly string[] = CHARACTERS): TokenSpan[] {
  return [...text].flatMap((character, startFrame) =>
    character === "_"
      ? []
      : [{ id: names.indexOf(character), startFrame, endFrame: startFrame + 1, probability: 1 }]
  );
}

const RULES = { vocabulary: characters, strideSamples: 10, pauseFrames: 3 };

function untilFrame(text: string, letterEndFrame: number, untilFrame: number) {
  return lastWordEnd(tokensOf(text), RULES, { letterEndFrame, untilFrame })?.untilFrame;
}

Deno.test("a word ends where a delimiter begins, if its letters and the delimiter are certain", () => {
  //            0123456789
  const text = "so_|al_|ba";
  assertEquals(untilFrame(text, 10, 10), 8);
  assertEquals(untilFrame(text, 6, 8), 8);
  assertEquals(untilFrame(text, 5, 8), 4, "its last letter ends at 6");
  assertEquals(untilFrame(text, 6, 7), 4, "the delimiter begins in 7");
  assertEquals(untilFrame(text, 1, 10), undefined);
  assertEquals(untilFrame(text, 10, 3), undefined);
});

Deno.test("a word ends after a pause, with or without another word after it", () => {
  assertEquals(untilFrame("so____al", 8, 8), 5);
  assertEquals(untilFrame("so____al", 8, 4), undefined);
  assertEquals(untilFrame("so", 2, 5), 5, "nothing more was heard until 5");
  assertEquals(untilFrame("so", 2, 4), undefined);
  assertEquals(untilFrame("___", 9, 9), undefined);
  assertEquals(untilFrame("|||", 9, 9), undefined);
});

Deno.test("its tokens are those that start before its end is seen", () => {
  const tokens = tokensOf("so_|al");
  const end = lastWordEnd(tokens, RULES, { letterEndFrame: 6, untilFrame: 6 });
  assertEquals(end?.tokens, tokens.slice(0, 3));
  const paused = lastWordEnd(tokensOf("so____|al"), RULES, { letterEndFrame: 2, untilFrame: 9 });
  assertEquals([paused?.untilFrame, paused?.tokens.length], [5, 2]);
});

Deno.test("sub-words: a word ends where another begins", () => {
  const spans = ["▁ba", "ll", "▁so"].map((piece, i) => {
    return { id: PIECES.indexOf(piece), startFrame: 2 * i, endFrame: 2 * i + 1, probability: 1 };
  });
  const rules = { ...RULES, vocabulary: pieces };
  const end = lastWordEnd(spans, rules, { letterEndFrame: 5, untilFrame: 5 });
  assertEquals([end?.untilFrame, end?.tokens.length], [5, 3]);
});

Deno.test("windows agree on the tokens before the first that differs in kind or place", () => {
  const now = tokensOf("s_o_|_al");
  assertEquals(agreedEndFrame(now, now), 8);
  assertEquals(agreedEndFrame(now, tokensOf("s_o_|_a")), 7, "the other one says no more");
  assertEquals(agreedEndFrame(now, tokensOf("s_o_|_bl")), 5);
  assertEquals(agreedEndFrame(now, tokensOf("s_o_|___al")), 8, "two frames apart");
  assertEquals(agreedEndFrame(now, tokensOf("s_o_|____al")), 5, "three frames apart");
  assertEquals(agreedEndFrame(now, tokensOf("_b")), -Infinity);
  assertEquals(agreedEndFrame([], now), -Infinity);
});
