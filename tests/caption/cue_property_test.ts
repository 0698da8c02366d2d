import fc from "../property.ts";
import { assert, assertEquals } from "../assert.ts";
import { type Cue, type CueOptions, nextCues, startCues, toCues } from "../../src/caption/cue.ts";
import { arbitraryWords } from "./words.ts";

const options: fc.Arbitrary<CueOptions> = fc.record({
  maxLineLength: fc.integer({ min: 5, max: 60 }),
  maxLines: fc.integer({ min: 1, max: 3 }),
  maxCharactersPerSecond: fc.integer({ min: 5, max: 30 }),
  minDurationMs: fc.integer({ min: 0, max: 2000 }),
  maxDurationMs: fc.integer({ min: 2000, max: 9000 }),
  pauseMs: fc.integer({ min: 0, max: 3000 }),
  gapMs: fc.integer({ min: 0, max: 200 }),
  chainMs: fc.integer({ min: 0, max: 1000 }),
}, { requiredKeys: [] });

Deno.test("toCues shows every word once, in order, in cues that never overlap", () => {
  fc.assert(
    fc.property(arbitraryWords, options, (words, chosen) => {
      const cues = toCues(words, chosen);
      assertEquals(cues.flatMap((cue) => cue.words), words);
      const { maxDurationMs = 7000, maxLineLength = 42, maxLines = 2 } = chosen;
      let end = 0;
      for (const cue of cues) {
        assert(cue.startSample >= end && cue.endSample > cue.startSample);
        assertEquals(cue.startSample, cue.words[0]!.startSample);
        assert(cue.endSample - cue.startSample <= maxDurationMs * 16);
        assert(cue.lines.length <= maxLines || cue.words.length === 1);
        for (const line of cue.lines) {
          assert(
            [...line].length <= maxLineLength ||
              cue.words.some(({ text }) => text.replaceAll(/\s+/g, " ") === line),
          );
        }
        end = cue.endSample;
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("nextCues gives the same cues however words and horizon come", () => {
  fc.assert(
    fc.property(arbitraryWords, options, fc.infiniteStream(fc.nat(3)), (words, chosen, steps) => {
      const cues: Cue[] = [];
      let state = startCues();
      for (let at = 0; at < words.length;) {
        const count = steps.next().value as number;
        const chunk = words.slice(at, at += count);
        // The horizon may go as far as the next word, or stay behind.
        const next = words[at]?.startSample ?? words.at(-1)!.endSample;
        const horizonSample = Math.floor(next * (steps.next().value as number) / 3);
        const step = nextCues(state, chunk, { ...chosen, horizonSample });
        cues.push(...step.cues);
        state = step.state;
      }
      cues.push(...nextCues(state, [], { ...chosen, horizonSample: Infinity }).cues);
      assertEquals(cues, toCues(words, chosen));
    }),
    { numRuns: 1000 },
  );
});
