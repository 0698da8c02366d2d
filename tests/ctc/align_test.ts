import fc from "../property.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";
import { alignTokens } from "../../src/ctc/align.ts";
import type { TokenSpan } from "../../src/ctc/decoder.ts";
import { emissionsFromLogits } from "../../src/ctc/emissions.ts";
import { everyText, probabilityOf } from "./brute_force.ts";
import { emissionsOf, emissionsOfPath } from "./random_emissions.ts";

function spans(tokens: TokenSpan[]): number[][] {
  return tokens.map(({ id, startFrame, endFrame }) => [id, startFrame, endFrame]);
}

Deno.test("alignment finds the best of all alignments, for every text that fits", () => {
  fc.assert(
    fc.property(
      emissionsOf({ maxFrames: 6, vocabularySize: 3, scale: 3 }),
      fc.integer({ min: 0, max: 2 }),
      (emissions, blankId) => {
        for (const { ids, bestProbability } of everyText(emissions, blankId)) {
          const { tokens, logProb } = alignTokens(ids, emissions, { blankId });
          assertEquals(tokens.map(({ id }) => id), ids);
          assertAlmostEquals(Math.exp(logProb), bestProbability, 1e-7);
          const alignment = new Array<number>(emissions.frameCount).fill(blankId);
          for (const { id, startFrame, endFrame } of tokens) {
            assert(startFrame < endFrame);
            const { startFrame: origin } = emissions;
            alignment.fill(id, startFrame - origin, endFrame - origin);
          }
          assertAlmostEquals(probabilityOf(alignment, emissions), bestProbability, 1e-7);
        }
      },
    ),
    { numRuns: 60, seed: 15 },
  );
});

Deno.test("alignment keeps repeated letters apart and counts frames from stream start", () => {
  const path = [0, 1, 1, 0, 1, 2, 0];
  const emissions = emissionsOfPath(path, { vocabularySize: 3, startFrame: 100 });
  const { tokens } = alignTokens([1, 1, 2], emissions, { blankId: 0 });
  assertEquals(spans(tokens), [[1, 101, 103], [1, 104, 105], [2, 105, 106]]);
});

Deno.test("alignment of a text that is not there says so by its probability", () => {
  const emissions = emissionsOfPath([0, 1, 1, 0], { vocabularySize: 3 });
  const [right] = alignTokens([1], emissions, { blankId: 0 }).tokens;
  const [wrong] = alignTokens([2], emissions, { blankId: 0 }).tokens;
  assert(right!.probability > 0.99 && wrong!.probability < 0.01);
});

Deno.test("an empty text is all blank, and fits in no frames", () => {
  const emissions = emissionsOfPath([0, 0], { vocabularySize: 2 });
  const { tokens, logProb } = alignTokens([], emissions, { blankId: 0 });
  assertEquals(tokens, []);
  assertAlmostEquals(logProb, 2 * emissions.logProbs[0]!, 1e-9);
  const none = emissionsFromLogits(new Float32Array(0), { vocabularySize: 2 });
  assertEquals(alignTokens([], none, { blankId: 0 }), { tokens: [], logProb: 0 });
});

Deno.test("alignment refuses foreign ids and texts that are too long", () => {
  const emissions = emissionsOfPath([1, 0], { vocabularySize: 2 });
  for (const id of [0, 2, -1, 0.5]) {
    assertThrows(() => alignTokens([1, id], emissions, { blankId: 0 }), RangeError, `: ${id}`);
  }
  assertThrows(
    () => alignTokens([1, 1], emissions, { blankId: 0 }),
    RangeError,
    "Cannot align 2 tokens as they need at least 3 frames (equal neighbours need a blank between them): 2",
  );
  const logits = new Float32Array([0, -Infinity, 0, -Infinity]);
  const never = emissionsFromLogits(logits, { vocabularySize: 2 });
  assertThrows(() => alignTokens([1], never, { blankId: 0 }), RangeError, "no alignment");
});
