import { assertEquals, assertStringIncludes, assertThrows } from "../assert.ts";
import { convGeometry } from "../../src/geometry.ts";
import {
  OFFLINE_WINDOWS,
  offlineWindows,
  requireWindowsWithin,
  windowPolicy,
} from "../../src/schedule/window_policy.ts";

const HUBERT = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);

Deno.test("offlineWindows: windows of any length have room for what is new", () => {
  assertEquals(offlineWindows(Infinity), OFFLINE_WINDOWS);
  assertEquals(offlineWindows(12_000), { ...OFFLINE_WINDOWS, maxWindowMs: 12_000 });
  for (const limitMs of [200, 500, 1000, 5999, 11_999]) {
    const { hopFrames, maxWindowFrames } = windowPolicy(HUBERT, offlineWindows(limitMs));
    assertEquals(hopFrames >= maxWindowFrames / 2 - 2, true, `${limitMs} ms`);
  }
});

Deno.test("requireWindowsWithin: says what was asked for, and whose limit it is", () => {
  const limit = { limitMs: 5000, because: "the model was made for at most" };
  requireWindowsWithin(limit, {});
  requireWindowsWithin(limit, { hopMs: Infinity });
  const { message } = assertThrows(
    () => requireWindowsWithin(limit, { leftMs: 4000, rightMs: 601 }),
    RangeError,
  );
  assertStringIncludes(message, "leftMs 4000 + hopMs 400 + rightMs 601, 5001 ms");
  assertStringIncludes(message, "the model was made for at most 5000 ms");
});
