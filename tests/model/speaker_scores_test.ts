import { cosineSimilarity, frameProbabilities } from "../../src/model/speaker_scores.ts";
import { assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";

Deno.test("frameProbabilities() takes each label for itself", () => {
  const { data, shape } = frameProbabilities({
    data: Float32Array.of(0, 100, -1000),
    shape: [1, 1, 3],
  });
  assertEquals([data, shape], [Float32Array.of(0.5, 1, 0), [1, 1, 3]]);
});

Deno.test("cosineSimilarity() is 1 for the same direction, 0 for right angles and for silence", () => {
  const a = Float32Array.of(1, 2, 3);
  assertAlmostEquals(cosineSimilarity(a, a.map((value) => 4 * value)), 1, 1e-7);
  assertAlmostEquals(cosineSimilarity(a, a.map((value) => -value)), -1, 1e-7);
  assertEquals(cosineSimilarity(Float32Array.of(1, 0), Float32Array.of(0, 1)), 0);
  assertEquals(cosineSimilarity(a, new Float32Array(3)), 0);
  assertThrows(() => cosineSimilarity(a, new Float32Array(2)), RangeError, "lengths differ");
});
