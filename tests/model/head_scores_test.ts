import type { ModelConfig } from "../../src/model/family.ts";
import { cosineSimilarity, frameProbabilities, labelScores } from "../../src/model/head_scores.ts";
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

Deno.test("labelScores() are shares of 1, apart from each other, or numbers, as problem_type says", () => {
  const logits = { data: Float32Array.of(1000, 1000, -1000, 0, 100, -100), shape: [2, 3] };
  const id2label = { 0: "a", 1: "b", 2: "c" };
  const scores = (problem_type: ModelConfig["problem_type"]) =>
    labelScores(logits, { id2label, problem_type })
      .map((row) => row.map(({ label, score }) => `${label} ${score}`));
  const shares = ["a 0.5", "b 0.5", "c 0"];
  assertEquals(scores("single_label_classification")[0], shares);
  assertEquals(scores(null)[0], shares);
  assertEquals(scores("multi_label_classification")[0], ["a 1", "b 1", "c 0"]);
  assertEquals(scores("regression")[1], ["b 100", "a 0", "c -100"]);
});
