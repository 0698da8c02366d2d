import fc from "../property.ts";
import { assertEquals } from "../assert.ts";
import type { TokenSpan } from "../../src/ctc/decoder.ts";
import type { Emissions } from "../../src/ctc/emissions.ts";
import { decodeGreedy, flushGreedy, startGreedy } from "../../src/ctc/greedy.ts";
import { chunked, chunkLengths, emissionsOf } from "./random_emissions.ts";

/** The definition, frame by frame, over the whole recording. */
function greedyByDefinition(emissions: Emissions, blankId: number): number[] {
  const ids: number[] = [];
  for (let frame = 0; frame < emissions.frameCount; frame++) {
    const row = [...emissions.logProbs].slice(
      frame * emissions.vocabularySize,
      (frame + 1) * emissions.vocabularySize,
    );
    ids.push(row.indexOf(Math.max(...row)));
  }
  return ids.filter((id, frame) => id !== blankId && id !== ids[frame - 1]);
}

Deno.test("greedy gives the same tokens for any chunking", () => {
  fc.assert(
    fc.property(
      emissionsOf({ maxFrames: 40, vocabularySize: 3 }),
      fc.integer({ min: 0, max: 2 }),
      chunkLengths,
      (whole, blankId, lengths) => {
        const options = { blankId, startFrame: whole.startFrame };
        const oneShot = decodeGreedy(startGreedy(options), whole, options);
        const expected = [...oneShot.tokens, ...flushGreedy(oneShot.state).tokens];
        const tokens: TokenSpan[] = [];
        let state = startGreedy(options);
        for (const chunk of chunked(whole, lengths)) {
          const step = decodeGreedy(state, chunk, options);
          tokens.push(...step.tokens);
          state = step.state;
        }
        assertEquals(state, oneShot.state);
        tokens.push(...flushGreedy(state).tokens);
        assertEquals(tokens, expected);
        assertEquals(tokens.map(({ id }) => id), greedyByDefinition(whole, blankId));
      },
    ),
    { numRuns: 300, seed: 2 },
  );
});

Deno.test("flushes anywhere change no token's id or start", () => {
  fc.assert(
    fc.property(emissionsOf({ maxFrames: 40, vocabularySize: 3 }), chunkLengths, (whole, cuts) => {
      const options = { blankId: 0, startFrame: whole.startFrame };
      const tokens: TokenSpan[] = [];
      let state = startGreedy(options);
      for (const chunk of chunked(whole, cuts)) {
        const step = decodeGreedy(state, chunk, options);
        const flushed = flushGreedy(step.state);
        tokens.push(...step.tokens, ...flushed.tokens);
        state = flushed.state;
      }
      const oneShot = decodeGreedy(startGreedy(options), whole, options);
      const expected = [...oneShot.tokens, ...flushGreedy(oneShot.state).tokens];
      const starts = (list: TokenSpan[]) => list.map(({ id, startFrame }) => [id, startFrame]);
      assertEquals(starts(tokens), starts(expected));
    }),
    { numRuns: 200, seed: 3 },
  );
});
