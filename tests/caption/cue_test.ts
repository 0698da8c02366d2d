import { assert, assertEquals, assertThrows } from "../assert.ts";
import { type Cue, nextCues, startCues, toCues } from "../../src/caption/cue.ts";
import { spoken } from "./words.ts";

const SECOND = 16000;

function texts(cues: readonly Cue[]): string[] {
  return cues.map(({ lines }) => lines.join("/"));
}

Deno.test("toCues ends a cue at a pause and lets it stand for the minimum", () => {
  const cues = toCues(spoken("yes | I think so"));
  assertEquals(texts(cues), ["yes", "I think so"]);
  assertEquals(cues.map(({ startSample, endSample }) => [startSample, endSample]), [
    [0, SECOND],
    [2.3 * SECOND, 3.3 * SECOND],
  ]);
});

Deno.test("toCues ends a cue at a full stop once it has stood long enough", () => {
  assertEquals(texts(toCues(spoken("I came. I saw it all. I won."))), [
    "I came. I saw it all.",
    "I won.",
  ]);
});

Deno.test("toCues splits long speech into cues of two lines", () => {
  const text = "the quick brown fox jumps over the lazy dog and ".repeat(8).trim();
  const cues = toCues(spoken(text, { wordMs: 200, gapMs: 20 }));
  assertEquals(texts(cues).join(" ").replaceAll("/", " "), text);
  assert(cues.length >= 4);
  for (const { lines } of cues) assert(lines.length === 2 && lines.every((l) => l.length <= 42));
});

Deno.test("toCues cuts an overfull cue at its best mark or longest silence", () => {
  const marked = spoken("one two three four five six, seven eight nine ten", { wordMs: 900 });
  assertEquals(texts(toCues(marked))[0], "one two three four five six,");
  const words = spoken("one two three four five six seven eight nine ten", { wordMs: 900 });
  for (const word of words.slice(5)) {
    word.startSample += 4000;
    word.endSample += 4000;
  }
  assertEquals(texts(toCues(words))[0], "one two three four five");
});

Deno.test("toCues leaves time to read where the speaker does", () => {
  const [cue] = toCues(
    spoken("incomprehensibilities unquestionably notwithstanding", { wordMs: 300 }),
  );
  assertEquals(cue!.endSample, Math.ceil(51 * SECOND / 17));
});

Deno.test("toCues closes short gaps so that text does not flicker", () => {
  const [first, second] = toCues(
    spoken("this is the first of them. here is another one", { gapMs: 60 }),
  );
  assertEquals(second!.startSample - first!.endSample, 0.06 * SECOND);
  const words = spoken("this is the first of them. here is another one", { gapMs: 0 });
  for (const word of words.slice(6)) {
    word.startSample += 6400;
    word.endSample += 6400;
  }
  const [a, b] = toCues(words, { maxCharactersPerSecond: 30 });
  assertEquals(b!.startSample - a!.endSample, 0.08 * SECOND);
});

Deno.test("nextCues waits until nothing to come can change a cue", () => {
  const words = spoken("hello there");
  const given = nextCues(startCues(), words);
  assertEquals(given.cues, []);
  const soon = nextCues(given.state, [], { horizonSample: 1.4 * SECOND });
  assertEquals(soon.cues, []);
  const late = nextCues(soon.state, [], { horizonSample: 1.5 * SECOND });
  assertEquals(texts(late.cues), ["hello there"]);
  assertEquals(late.state.pending, []);
});

Deno.test("nextCues does not change the state it is given", () => {
  const { state } = nextCues(startCues(), spoken("hello there"));
  const before = structuredClone(state);
  nextCues(state, spoken("again", { startMs: 1000 }), { horizonSample: Infinity });
  assertEquals(state, before);
});

Deno.test("nextCues drops words without text", () => {
  const words = spoken("hello there you");
  words[1]!.text = " ";
  assertEquals(texts(toCues(words)), ["hello you"]);
});

Deno.test("nextCues refuses words out of order and options out of range", () => {
  const [a, b] = spoken("hello there") as [Word, Word];
  assertThrows(() => toCues([b, a]), RangeError, "hello");
  assertThrows(() => toCues([{ ...a, endSample: a.startSample }]), RangeError, "overlap");
  assertThrows(() => toCues([{ ...a, startSample: NaN }]), RangeError, "NaN");
  const { state } = nextCues(startCues(), [], { horizonSample: SECOND });
  assertThrows(() => nextCues(state, [a]), RangeError, "after 16000");
  for (const name of ["sampleRateHz", "maxLines", "maxLineLength", "maxDurationMs"] as const) {
    assertThrows(() => toCues([a], { [name]: 0 }), RangeError, name);
  }
  for (const name of ["minDurationMs", "pauseMs", "gapMs", "chainMs"] as const) {
    assertThrows(() => toCues([a], { [name]: -1 }), RangeError, name);
  }
  assertThrows(() => toCues([a], { minDurationMs: 8000 }), RangeError, "at most maxDurationMs");
});

type Word = ReturnType<typeof spoken>[number];
