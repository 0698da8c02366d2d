import { amSoftmaxLoss, frameClassificationLoss } from "../../src/model/speaker_losses.ts";
import { assertAlmostEquals, assertThrows } from "../assert.ts";

const vectors = { data: Float32Array.of(1, 0, 0, 1), shape: [2, 2] };

Deno.test("amSoftmaxLoss() asks the right class for a margin", () => {
  const logits = { data: Float32Array.of(5, 0), shape: [1, 2] };
  const labels = { data: Int32Array.of(0), shape: [1] };
  const loss = (margin: number) =>
    amSoftmaxLoss(logits, labels, { weight: vectors, scale: 2, margin });
  assertAlmostEquals(loss(0), Math.log(1 + Math.exp(-2)), 1e-6);
  assertAlmostEquals(loss(1), Math.log(2), 1e-6);
});

Deno.test("amSoftmaxLoss() takes vectors of zeros, and refuses shapes and labels that do not fit", () => {
  const logits = { data: new Float32Array(2), shape: [1, 2] };
  const labels = { data: Int32Array.of(1), shape: [1] };
  const margin = { weight: vectors, margin: 0 };
  assertAlmostEquals(amSoftmaxLoss(logits, labels, margin), Math.log(2), 1e-6);
  const narrow = { data: new Float32Array(1), shape: [1, 1] };
  assertThrows(() => amSoftmaxLoss(logits, labels, { weight: narrow }), RangeError, "[E, L]");
  const wrong = { data: Int32Array.of(2), shape: [1] };
  assertThrows(() => amSoftmaxLoss(logits, wrong, margin), RangeError, "label 2");
});

Deno.test("frameClassificationLoss() refuses labels of another shape", () => {
  const logits = { data: new Float32Array(6), shape: [1, 3, 2] };
  const labels = { data: new Int32Array(3), shape: [1, 3] };
  assertThrows(() => frameClassificationLoss(logits, labels), RangeError, "[B, T, L]");
  const even = { data: Float32Array.of(0, 1, 1, 0, 0, 1), shape: [1, 3, 2] };
  assertAlmostEquals(frameClassificationLoss(logits, even), Math.log(2), 1e-6);
});
