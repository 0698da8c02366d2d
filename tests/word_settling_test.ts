import fc from "./property.ts";
import { assert, assertEquals } from "./assert.ts";
import { beamDecoder } from "../src/ctc/beam.ts";
import { convGeometry } from "../src/geometry.ts";
import { settleMsFor, wordPauseMsFor } from "../src/word_settling.ts";

const GEOMETRY = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);
const STRIDE_MS = 20;

function waitsFor(options: Parameters<typeof settleMsFor>[0]): [settleMs: number, pauseMs: number] {
  const settleMs = settleMsFor(options);
  const decoder = beamDecoder({ blankId: 0, settleAfterFrames: Math.ceil(settleMs / STRIDE_MS) });
  return [settleMs, wordPauseMsFor({ decoder, geometry: GEOMETRY }, options)];
}

Deno.test("by the usual rules neither the decoder nor a pause is hurried", () => {
  assertEquals(waitsFor({}), [800, 400]);
});

Deno.test("a last word is final before its utterance ends, however short the silence that ends it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 200, max: 5000 }), (minTrailingSilenceMs) => {
      const rules = [{ minTrailingSilenceMs, minUtteranceMs: 0, minWords: 1 }];
      const [settleMs, pauseMs] = waitsFor({ rules });
      assert(settleMs + pauseMs <= minTrailingSilenceMs + STRIDE_MS, `${settleMs} + ${pauseMs}`);
    }),
    { numRuns: 500, seed: 27 },
  );
});
