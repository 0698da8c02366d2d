import fc from "../property.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";
import {
  emissionsFromLogits,
  endFrameOf,
  FrameGridError,
  joinEmissions,
  logSoftmax,
  sliceEmissions,
} from "../../src/ctc/emissions.ts";
import { chunked, chunkLengths, emissionsOf } from "./random_emissions.ts";

Deno.test("logSoftmax gives log-probabilities, also of huge and of infinite scores", () => {
  const logProbs = logSoftmax(new Float32Array([1, 2, 3, 1e30, -1e30, 0, -Infinity, 0, 0]), 3);
  const expected = [
    [0.09003057, 0.24472847, 0.66524096],
    [1, 0, 0],
    [0, 0.5, 0.5],
  ].flat();
  for (const [i, probability] of expected.entries()) {
    assertAlmostEquals(Math.exp(logProbs[i]!), probability, 1e-6);
  }
  assertEquals(logSoftmax(new Float32Array(0), 32).length, 0);
});

Deno.test("emissions refuse scores that are not whole frames", () => {
  for (const vocabularySize of [3, 0, -1, 1.5, NaN]) {
    assertThrows(
      () => emissionsFromLogits(new Float32Array(4), { vocabularySize }),
      RangeError,
      `Cannot lay out 4 scores as whole frames of vocabularySize: ${vocabularySize}`,
    );
  }
});

Deno.test("slices joined again are the whole, for any cuts", () => {
  fc.assert(
    fc.property(emissionsOf({ maxFrames: 30, vocabularySize: 3 }), chunkLengths, (whole, cuts) => {
      assertEquals(joinEmissions(chunked(whole, cuts)), whole);
    }),
    { numRuns: 100, seed: 1 },
  );
});

Deno.test("a slice is a view on the absolute grid", () => {
  const emissions = emissionsFromLogits(new Float32Array(8), { vocabularySize: 2, startFrame: 10 });
  const slice = sliceEmissions(emissions, { startFrame: 11, endFrame: 13 });
  assertEquals([slice.startFrame, endFrameOf(slice), slice.logProbs.length], [11, 13, 4]);
  assert(slice.logProbs.buffer === emissions.logProbs.buffer);
  for (const [startFrame, endFrame] of [[9, 11], [11, 15], [12, 11], [NaN, 12]] as const) {
    assertThrows(
      () => sliceEmissions(emissions, { startFrame, endFrame }),
      RangeError,
      `Cannot take frames [${startFrame}, ${endFrame}) as held are [10, 14)`,
    );
  }
});

Deno.test("joining names the gap or the overlap", () => {
  const at = (startFrame: number) =>
    emissionsFromLogits(new Float32Array(4), { vocabularySize: 2, startFrame });
  const gap = assertThrows(() => joinEmissions([at(0), at(3)]), FrameGridError, "a gap");
  assertEquals([gap.kind, gap.expectedFrame, gap.actualFrame], ["gap", 2, 3]);
  const overlap = assertThrows(() => joinEmissions([at(0), at(1)]), FrameGridError);
  assertEquals([overlap.kind, overlap.expectedFrame, overlap.actualFrame], ["overlap", 2, 1]);
  assertThrows(() => joinEmissions([]), RangeError, "0 parts");
  const other = emissionsFromLogits(new Float32Array(3), { vocabularySize: 3, startFrame: 2 });
  assertThrows(() => joinEmissions([at(0), other]), RangeError, "2 and 3");
});
