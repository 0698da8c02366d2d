import { assertEquals, assertThrows } from "../assert.ts";
import { emissionsFromLogits, FrameGridError } from "../../src/ctc/emissions.ts";
import { cutWindow } from "../../src/stitch/seam.ts";

function emissionsAt(startFrame: number, frameCount: number) {
  return emissionsFromLogits(new Float32Array(frameCount * 2), { vocabularySize: 2, startFrame });
}

function windowOf(startFrame: number, commitStartFrame: number, commitEndFrame: number) {
  return { startFrame, endFrame: startFrame + 8, commitStartFrame, commitEndFrame };
}

Deno.test("a window is cut into committed and tentative frames, and padding is dropped", () => {
  const { committed, tentative } = cutWindow(6, emissionsAt(4, 11), windowOf(4, 6, 10));
  assertEquals([committed.startFrame, committed.frameCount], [6, 4]);
  assertEquals([tentative.startFrame, tentative.frameCount], [10, 2]);
});

Deno.test("a window may commit nothing, or all", () => {
  const nothing = cutWindow(4, emissionsAt(0, 8), windowOf(0, 4, 4));
  assertEquals([nothing.committed.frameCount, nothing.tentative.frameCount], [0, 4]);
  const all = cutWindow(0, emissionsAt(0, 8), windowOf(0, 0, 8));
  assertEquals([all.committed.frameCount, all.tentative.frameCount], [8, 0]);
});

Deno.test("gaps, overlaps and foreign emissions are refused by name", () => {
  const gap = assertThrows(
    () => cutWindow(5, emissionsAt(4, 8), windowOf(4, 6, 10)),
    FrameGridError,
    "Cannot stitch a window because of a gap: the next frame is 5, given were frames from 6",
  );
  assertEquals(gap.kind, "gap");
  const overlap = assertThrows(
    () => cutWindow(7, emissionsAt(4, 8), windowOf(4, 6, 10)),
    FrameGridError,
  );
  assertEquals([overlap.kind, overlap.expectedFrame, overlap.actualFrame], ["overlap", 7, 6]);
  for (const [startFrame, frameCount] of [[3, 9], [5, 8], [4, 7]] as const) {
    assertThrows(
      () => cutWindow(6, emissionsAt(startFrame, frameCount), windowOf(4, 6, 10)),
      RangeError,
      `frames [4, 12) as its emissions are of [${startFrame}, ${startFrame + frameCount})`,
    );
  }
  assertThrows(() => cutWindow(2, emissionsAt(4, 8), windowOf(4, 2, 10)), RangeError, "[2, 10)");
});
