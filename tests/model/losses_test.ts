import {
  crossEntropyLoss,
  ctcLoss,
  meanSquaredLoss,
  sequenceClassificationLoss,
} from "../../src/model/losses.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";

const floats = (data: number[], ...shape: number[]) => ({ data: Float32Array.from(data), shape });
const integers = (data: number[], ...shape: number[]) => ({ data: Int32Array.from(data), shape });
const zeros = (...shape: number[]) => ({
  data: new Float32Array(shape.reduce((a, b) => a * b)),
  shape,
});

Deno.test("ctcLoss() counts every way to lay labels over frames", () => {
  // Three equal scores a frame; "a" fits three frames as a__, _a_, __a, aa_, _aa and aaa.
  const loss = ctcLoss(zeros(1, 3, 3), integers([1], 1, 1));
  assertAlmostEquals(loss, -Math.log(6 / 27), 1e-12);
  // "aa" fits only as a_a, "ab" as a_b, ab_, _ab, aab and abb.
  assertAlmostEquals(ctcLoss(zeros(1, 3, 3), integers([1, 1], 1, 2)), -Math.log(1 / 27), 1e-12);
  assertAlmostEquals(ctcLoss(zeros(1, 3, 3), integers([1, 2], 1, 2)), -Math.log(5 / 27), 1e-12);
});

Deno.test("ctcLoss() of no labels is that of blanks only", () => {
  assertAlmostEquals(ctcLoss(zeros(1, 2, 4), integers([-100], 1, 1)), Math.log(16), 1e-12);
  assertAlmostEquals(ctcLoss(zeros(1, 2, 4), integers([], 1, 0)), Math.log(16), 1e-12);
});

Deno.test("ctcLoss() refuses labels that are no tokens", () => {
  for (const label of [4, -1, -99]) {
    assertThrows(
      () => ctcLoss(zeros(1, 3, 4), integers([label], 1, 1)),
      RangeError,
      `label ${label}`,
    );
  }
});

Deno.test("ctcLoss() refuses more labels than frames hold, unless they count as 0", () => {
  const logits = zeros(2, 2, 4);
  const labels = integers([1, 2, 3, 1, -100, -100], 2, 3);
  assertThrows(() => ctcLoss(logits, labels), RangeError, "row 0 as its 3 labels need 3 frames");
  const second = ctcLoss(zeros(1, 2, 4), integers([1], 1, 1));
  assertEquals(ctcLoss(logits, labels, { zeroInfinity: true }), second);
  assertThrows(() => ctcLoss(zeros(1, 2, 4), integers([1, 1], 1, 2)), RangeError, "need 3 frames");
});

Deno.test("ctcLoss() refuses shapes that do not fit", () => {
  const labels = integers([1], 1, 1);
  assertThrows(() => ctcLoss(zeros(3, 4), labels), RangeError, "logits [B, T, V]");
  assertThrows(() => ctcLoss(zeros(2, 3, 4), labels), RangeError, "2 rows");
  assertThrows(() => ctcLoss(zeros(1, 3, 4), labels, { blank: 4 }), RangeError, "blank 4");
  assertThrows(() => ctcLoss(zeros(1, 3, 4), labels, { frameCounts: [4] }), RangeError, "4 frames");
});

Deno.test("crossEntropyLoss() of nothing but ignored labels is NaN, as in PyTorch", () => {
  assert(Number.isNaN(crossEntropyLoss(zeros(2, 3), integers([-100, -100], 2))));
});

Deno.test("crossEntropyLoss() refuses labels that are no classes or too many", () => {
  assertThrows(() => crossEntropyLoss(zeros(1, 3), integers([3], 1)), RangeError, "label 3");
  assertThrows(() => crossEntropyLoss(zeros(1, 3), integers([0, 1], 2)), RangeError, "got 2");
});

Deno.test("sequenceClassificationLoss() follows problem_type, else labels and class count", () => {
  const unsaid = { problem_type: null };
  const one = floats([2, 4], 2, 1);
  const regression = meanSquaredLoss(one, floats([1, 1], 2, 1));
  assertEquals(sequenceClassificationLoss(one, floats([1, 1], 2), unsaid), regression);
  assertEquals(sequenceClassificationLoss(one, integers([1, 1], 2), unsaid), regression);
  const two = floats([0, 0], 1, 2);
  assertAlmostEquals(
    sequenceClassificationLoss(two, integers([1], 1), unsaid),
    Math.log(2),
    1e-12,
  );
  assertAlmostEquals(
    sequenceClassificationLoss(two, floats([1, 0], 1, 2), unsaid),
    Math.log(2),
    1e-12,
  );
  assertThrows(
    () =>
      sequenceClassificationLoss(two, floats([1], 1), {
        problem_type: "single_label_classification",
      }),
    TypeError,
    "Int32Array",
  );
});
