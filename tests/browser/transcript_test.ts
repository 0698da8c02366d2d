import { assertEquals, assertStrictEquals } from "../assert.ts";
import type { CaptionMessage, CaptionWord, HelloMessage } from "../../src/server/protocol.ts";
import {
  advance,
  clock,
  confidenceBand,
  EMPTY_TRANSCRIPT,
  greet,
  paragraphsOf,
  spell,
  textOf,
  wordCount,
} from "../../web/transcript.js";

const word = (text: string, index = 0): CaptionWord => ({
  ...{ text, startMs: 1000 * index, endMs: 1000 * index + 500, confidence: 0.9 },
});

const words = (text: string) => text.split(" ").filter(Boolean).map(word);

function caption(
  seq: number,
  firstWord: number,
  committed: string,
  tentative = "",
): CaptionMessage {
  return {
    ...{ type: "caption", seq, firstWord, settledMs: 1000 * seq },
    ...{ committed: words(committed), tentative: words(tentative) },
  } as const;
}

const end = (seq: number, wordCount: number) =>
  ({ type: "utterance_end", seq, startMs: 0, endMs: 1, wordCount }) as const;

const texts = ({ words }: { words: readonly CaptionWord[] }) => words.map(({ text }) => text);

Deno.test("transcript: committed words are appended, tentative ones replaced", () => {
  let transcript = advance(EMPTY_TRANSCRIPT, caption(1, 0, "", "the bo"));
  transcript = advance(transcript, caption(2, 0, "the", "boat lef"));
  transcript = advance(transcript, caption(3, 1, "boat left"));
  assertEquals(texts(transcript), ["the", "boat", "left"]);
  assertEquals(transcript.tentative, []);
  assertEquals(wordCount(transcript), 3);
});

Deno.test("transcript: what comes twice changes nothing", () => {
  const once = advance(advance(EMPTY_TRANSCRIPT, caption(1, 0, "a b")), end(2, 2));
  assertStrictEquals(advance(once, caption(1, 0, "a b")), once);
  assertStrictEquals(advance(once, end(2, 2)), once);
  const merged = advance(once, caption(5, 0, "a b c")); // all from the beginning, as one event
  assertEquals(texts(merged), ["a", "b", "c"]);
  assertEquals(merged.ends, [2]);
});

Deno.test("transcript: utterances are paragraphs, the last one open", () => {
  let transcript = EMPTY_TRANSCRIPT;
  for (const event of [caption(1, 0, "a b"), end(2, 2), end(3, 2), caption(4, 2, "c")]) {
    transcript = advance(transcript, event);
  }
  assertEquals(paragraphsOf(transcript), [
    { start: 0, end: 2, isComplete: true },
    { start: 2, end: 3, isComplete: false },
  ]);
  assertEquals(textOf(transcript, "sentence"), "A b\nC");
});

Deno.test("transcript: a reader who comes when early words are gone begins where they begin", () => {
  const hello = { firstWord: 100 } as HelloMessage;
  let transcript = greet(advance(EMPTY_TRANSCRIPT, caption(1, 0, "old")), hello);
  transcript = advance(transcript, caption(9, 100, "new words"));
  assertEquals([transcript.firstWord, texts(transcript)], [100, ["new", "words"]]);
  assertEquals(wordCount(transcript), 102);
  assertEquals(texts(advance(transcript, caption(10, 200, "later"))), ["later"]);
});

Deno.test("transcript: the end takes tentative words away", () => {
  const transcript = advance(EMPTY_TRANSCRIPT, caption(1, 0, "a", "b"));
  const ended = advance(transcript, { type: "end", seq: 2, atMs: 5 });
  assertEquals([ended.isOver, ended.tentative], [true, []]);
});

Deno.test("spell: capitals only read as sentences, names of a cased model stay", () => {
  const sentence = (text: string, isFirst = false) =>
    spell(text, { letterCase: "sentence", isFirst });
  assertEquals(["THE", "I", "I'LL", "boat"].map((text) => sentence(text)), [
    "the",
    "I",
    "I'll",
    "boat",
  ]);
  assertEquals([sentence("THE", true), sentence("élan", true), sentence("McCoy")], [
    "The",
    "Élan",
    "McCoy",
  ]);
  assertEquals(spell("THE", { letterCase: "recognised", isFirst: true }), "THE");
});

Deno.test("clock and confidence", () => {
  assertEquals([0, 59_999, 3_661_000].map(clock), ["0:00", "0:59", "1:01:01"]);
  assertEquals([0.9, 0.7, 0.2].map(confidenceBand), ["sure", "fair", "unsure"]);
});
