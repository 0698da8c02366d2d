import fc from "../property.ts";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";
import {
  type BeamOptions,
  decodeBeam,
  flushBeam,
  hypothesesOf,
  startBeam,
} from "../../src/ctc/beam.ts";
import type { TokenSpan } from "../../src/ctc/decoder.ts";
import type { Emissions } from "../../src/ctc/emissions.ts";
import { everyText, probabilityOf, runsOf } from "./brute_force.ts";
import { chunked, chunkLengths, emissionsOf } from "./random_emissions.ts";

const EXHAUSTIVE = { beamWidth: Infinity, minTokenLogProb: -Infinity, maxScoreGap: Infinity };

function spans(tokens: TokenSpan[]): number[][] {
  return tokens.map(({ id, startFrame, endFrame }) => [id, startFrame, endFrame]);
}

/** All tokens of a recording decoded in chunks, and the state before the flush. */
function decodeChunks(chunks: Emissions[], options: BeamOptions) {
  let state = startBeam({ ...options, startFrame: chunks[0]!.startFrame });
  const tokens: TokenSpan[] = [];
  for (const chunk of chunks) {
    const step = decodeBeam(state, chunk, options);
    const starts = step.tokens.map(({ startFrame }) => startFrame);
    assert(starts.every((frame) => frame < step.settledFrame));
    tokens.push(...step.tokens);
    state = step.state;
  }
  const flushed = flushBeam(state, options);
  return { state, tokens: [...tokens, ...flushed.tokens] };
}

Deno.test("an endless beam finds every text with its exact probability and its best alignment", () => {
  fc.assert(
    fc.property(
      emissionsOf({ maxFrames: 5, vocabularySize: 3, scale: 3 }),
      fc.integer({ min: 0, max: 2 }),
      (emissions, blankId) => {
        const { state } = decodeChunks([emissions], { ...EXHAUSTIVE, blankId });
        const found = hypothesesOf(state);
        const expected = everyText(emissions, blankId);
        assertEquals(found.length, expected.length);
        const byIds = new Map(expected.map((text) => [text.ids.join(), text]));
        for (const { tokens, logProb, probability } of found) {
          const text = byIds.get(tokens.map(({ id }) => id).join())!;
          assertAlmostEquals(Math.exp(logProb), text.probability, 1e-6);
          assertAlmostEquals(probability, text.probability, 1e-5);
          // Two alignments may be equally likely, so that only the probability is certain.
          const alignment = alignmentOf(tokens, emissions, blankId);
          const { bestProbability, bestAlignment } = text;
          assertAlmostEquals(probabilityOf(alignment, emissions), bestProbability, 1e-7);
          assertEquals(spans(tokens).length, runsOf(bestAlignment, blankId).length);
        }
        assertAlmostEquals(Math.exp(found[0]!.logProb), expected[0]!.probability, 1e-6);
      },
    ),
    { numRuns: 150, seed: 11 },
  );
});

function alignmentOf(tokens: TokenSpan[], emissions: Emissions, blankId: number): number[] {
  const alignment = new Array<number>(emissions.frameCount).fill(blankId);
  for (const { id, startFrame, endFrame } of tokens) {
    alignment.fill(id, startFrame - emissions.startFrame, endFrame - emissions.startFrame);
  }
  return alignment;
}

Deno.test("with a delimiter, texts are those of their words", () => {
  fc.assert(
    fc.property(emissionsOf({ maxFrames: 5, vocabularySize: 3, scale: 3 }), (emissions) => {
      const options = { ...EXHAUSTIVE, blankId: 0, delimiterId: 2 };
      const { state } = decodeChunks([emissions], options);
      const wordsOf = (ids: number[]) => ids.join("").split("2").filter(Boolean).join("2");
      const expected = new Map<string, number>();
      for (const { ids, probability } of everyText(emissions, 0)) {
        const words = wordsOf(ids);
        expected.set(words, (expected.get(words) ?? 0) + probability);
      }
      const found = hypothesesOf(state);
      assertEquals(found.length, expected.size);
      for (const { tokens, logProb, score } of found) {
        const words = wordsOf(tokens.map(({ id }) => id));
        assertAlmostEquals(Math.exp(logProb), expected.get(words)!, 1e-6);
        assertEquals(score, logProb);
      }
      const scores = found.map(({ score }) => score);
      assertEquals(scores, scores.toSorted((a, b) => b - a));
    }),
    { numRuns: 150, seed: 15 },
  );
});

Deno.test("a narrow beam never claims more than a text's probability", () => {
  fc.assert(
    fc.property(
      emissionsOf({ minFrames: 1, maxFrames: 5, vocabularySize: 3, scale: 3 }),
      fc.integer({ min: 1, max: 4 }),
      (emissions, beamWidth) => {
        const { state } = decodeChunks([emissions], { blankId: 0, beamWidth });
        const texts = new Map(everyText(emissions, 0).map((text) => [text.ids.join(), text]));
        for (const { tokens, logProb } of hypothesesOf(state)) {
          const text = texts.get(tokens.map(({ id }) => id).join())!;
          assert(Math.exp(logProb) <= text.probability + 1e-6);
        }
      },
    ),
    { numRuns: 200, seed: 12 },
  );
});

Deno.test("beam search gives the same tokens for any chunking", () => {
  fc.assert(
    fc.property(
      emissionsOf({ maxFrames: 40, vocabularySize: 4 }),
      chunkLengths,
      fc.record({
        blankId: fc.integer({ min: 0, max: 3 }),
        delimiterId: fc.constantFrom(undefined, 0, 1),
        beamWidth: fc.constantFrom(1, 2, 5, 30),
        minTokenLogProb: fc.constantFrom(-2, -5, -Infinity),
        maxScoreGap: fc.constantFrom(1, 10),
        settleAfterFrames: fc.constantFrom(1, 4, 15, Infinity),
      }),
      (whole, lengths, options) => {
        if (options.delimiterId === options.blankId) return;
        const expected = decodeChunks([whole], options);
        const { state, tokens } = decodeChunks(chunked(whole, lengths), options);
        assertEquals(tokens, expected.tokens);
        assertEquals(hypothesesOf(state), hypothesesOf(expected.state));
        assertEquals(hypothesesOf(state, { count: 1 })[0]!.tokens, tokens);
        for (const [i, { startFrame, endFrame }] of tokens.entries()) {
          assert(startFrame < endFrame && startFrame >= (tokens[i - 1]?.endFrame ?? 0));
        }
      },
    ),
    { numRuns: 300, seed: 13 },
  );
});

Deno.test("settleAfterFrames bounds how far tokens lag", () => {
  fc.assert(
    fc.property(
      emissionsOf({ maxFrames: 40, vocabularySize: 3, scale: 2 }),
      fc.integer({ min: 1, max: 10 }),
      (whole, settleAfterFrames) => {
        const options = { ...EXHAUSTIVE, beamWidth: 20, blankId: 0, settleAfterFrames };
        let state = startBeam({ ...options, startFrame: whole.startFrame });
        for (const frame of chunked(whole, new Array(40).fill(1))) {
          state = decodeBeam(state, frame, options).state;
          for (const { tokens } of hypothesesOf(state)) {
            for (const { endFrame } of tokens.slice(state.settled.length)) {
              assert(endFrame > state.nextFrame - settleAfterFrames);
            }
          }
        }
      },
    ),
    { numRuns: 300, seed: 14 },
  );
});
