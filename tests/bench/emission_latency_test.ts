import {
  erasure,
  leastRise,
  type SeenCaption,
  wordLatencies,
} from "../../bench/emission_latency.ts";
import { assertAlmostEquals, assertEquals } from "../assert.ts";

const word = (text: string, startMs: number, endMs: number) => ({ text, startMs, endMs });
const caption = (
  atMs: number,
  committed: SeenCaption["committed"],
  tentative: SeenCaption["tentative"] = [],
): SeenCaption => ({ atMs, committed, tentative });

Deno.test("wordLatencies: first guess, since when it stood, when it was final", () => {
  const spoken = [word("boat", 100, 500)];
  const latencies = wordLatencies(spoken, [
    caption(600, [], [word("bow", 120, 400)]),
    caption(700, [], [word("boat", 120, 520)]),
    caption(800, [], [word("goat", 120, 520)]),
    caption(900, [], [word("boat", 120, 520)]),
    caption(1000, [word("boat", 120, 520)]),
  ]);
  assertEquals(latencies, [{ interim: 100, stable: 400, final: 500, endMs: 500 }]);
});

Deno.test("wordLatencies: a word that was never captioned has none, its neighbours do", () => {
  const spoken = [word("a", 0, 100), word("b", 200, 300), word("c", 400, 500)];
  const seen = [caption(900, [word("a", 0, 100), word("c", 420, 520)])];
  assertEquals(wordLatencies(spoken, seen).map(({ final }) => final), [800, 400]);
});

Deno.test("wordLatencies: the caption that shares most time is the word's", () => {
  const seen = [
    caption(1000, [word("ha", 0, 130)]),
    caption(2000, [word("harbour", 130, 500)]),
  ];
  assertEquals(wordLatencies([word("harbour", 100, 500)], seen).map(({ final }) => final), [1500]);
});

Deno.test("erasure counts the words from the first change on; what is committed stays", () => {
  const [a, b, c] = [word("a", 0, 1), word("b", 1, 2), word("c", 2, 3)] as const;
  const other = word("x", 1, 2);
  assertEquals(
    erasure([caption(1, [], [a, b]), caption(2, [a], [b, c]), caption(3, [b, c])]),
    [0, 3],
  );
  assertEquals(erasure([caption(1, [], [a, b, c]), caption(2, [a, other, c])]), [2, 3]);
  assertEquals(erasure([caption(1, [], [a]), caption(2, [])]), [1, 0]);
});

Deno.test("leastRise: a line's slope, and no rise in noise", () => {
  assertAlmostEquals(leastRise([[0, 1], [10, 2], [20, 3]]), 0.1, 1e-12);
  const noise = Array.from({ length: 40 }, (_, i) => [i, (i * 7919) % 13] as const);
  assertEquals(leastRise(noise) < 0.02, true);
  const rising = noise.map(([at, value]) => [at, value + 2 * at] as const);
  assertEquals(leastRise(rising) > 1.5, true);
  assertEquals(leastRise([[0, 1], [1, 2]]), -Infinity);
});
