import fc from "../property.ts";
import { assert, assertEquals } from "../assert.ts";
import { breakLines, lineCountOf, textLength } from "../../src/caption/line_break.ts";

Deno.test("breakLines keeps short text on one line", () => {
  assertEquals(breakLines(["hello", "there"], 42), ["hello there"]);
  assertEquals(breakLines([], 42), []);
});

Deno.test("breakLines makes lines about equal", () => {
  const text = "we are going to meet at the station at noon tomorrow";
  assertEquals(breakLines(text.split(" "), 42), [
    "we are going to meet at the",
    "station at noon tomorrow",
  ]);
});

Deno.test("breakLines lets a word that is longer than a line stand alone", () => {
  assertEquals(breakLines(["a", "incomprehensibilities", "b"], 10), [
    "a",
    "incomprehensibilities",
    "b",
  ]);
});

Deno.test("breakLines counts characters, not storage units", () => {
  assertEquals(textLength("👍é"), 2);
  assertEquals(breakLines(["👍👍", "👍👍"], 5), ["👍👍 👍👍"]);
});

Deno.test("breakLines keeps all words, in order, within the width", () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,15}$/), { maxLength: 20 });
  fc.assert(
    fc.property(words, fc.integer({ min: 1, max: 50 }), (texts, width) => {
      const lines = breakLines(texts, width);
      assertEquals(lines.flatMap((line) => line.split(" ")), texts);
      assert(lines.every((line) => textLength(line) <= width || !line.includes(" ")));
      assertEquals(lines.length, lineCountOf(texts, width));
    }),
    { numRuns: 500 },
  );
});
