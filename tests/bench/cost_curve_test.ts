import { costOf } from "../../bench/cost_curve.ts";
import { assertEquals } from "../assert.ts";

const curve = { batches: [1, 4], windowsMs: [1000, 3000], runMs: [[10, 30], [20, 60]] };

Deno.test("costOf: what was measured, linear between, along the last two beyond", () => {
  assertEquals(costOf(curve, { batch: 1, windowMs: 3000 }), 30);
  assertEquals(costOf(curve, { batch: 4, windowMs: 2000 }), 40);
  assertEquals(costOf(curve, { batch: 2.5, windowMs: 1000 }), 15);
  assertEquals(costOf(curve, { batch: 7, windowMs: 3000 }), 90);
  assertEquals(costOf(curve, { batch: 1, windowMs: 500 }), 5);
});

Deno.test("costOf is never negative", () => {
  const steep = { batches: [1], windowsMs: [1000, 2000], runMs: [[1, 10]] };
  assertEquals(costOf(steep, { batch: 1, windowMs: 100 }), 0);
});
