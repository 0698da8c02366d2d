import { assertEquals, assertThrows } from "./assert.ts";
import { Arrivals } from "../src/arrivals.ts";

Deno.test("each sample came with its push, silence after the last one with the last", () => {
  const arrivals = new Arrivals();
  assertThrows(() => arrivals.atMs(1), RangeError, "none has");
  arrivals.note(100, 10);
  arrivals.note(200, 30);
  arrivals.note(250, 34); // at once with those before
  arrivals.note(300, 60);
  const when = () => [1, 100, 101, 250, 251, 300, 999].map((sample) => arrivals.atMs(sample));
  assertEquals(when(), [10, 10, 30, 30, 60, 60, 60]);
  arrivals.forgetBefore(100);
  assertEquals(when().slice(2), [30, 30, 60, 60, 60]);
  arrivals.forgetBefore(1000);
  assertEquals(arrivals.atMs(300), 60);
  arrivals.note(400, 90);
  assertEquals([arrivals.atMs(300), arrivals.atMs(301)], [60, 90]);
});
