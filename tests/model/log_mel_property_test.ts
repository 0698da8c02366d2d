import fc from "../property.ts";
import { continueLogMel, createLogMel, startLogMel } from "../../src/model/log_mel.ts";
import { assert, assertEquals } from "../assert.ts";

const logMel = createLogMel({ melBinCount: 20 });

Deno.test("log-mel frames of a stream are those of the whole, bit for bit, however it is cut", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4000 }),
      fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 12 }),
      fc.integer(),
      (sampleCount, cuts, seed) => {
        const samples = Float32Array.from(
          { length: sampleCount },
          (_, i) => Math.sin(seed + i * i * 0.001) * 0.3,
        );
        const frames: number[] = [];
        let state = startLogMel();
        let position = 0;
        for (const length of [...cuts, sampleCount]) {
          const chunk = continueLogMel(state, samples.subarray(position, position + length), {
            logMel,
          });
          assertEquals(chunk.startFrame * 20, frames.length);
          assertEquals(chunk.state.nextFrame * 20, frames.length + chunk.frames.length);
          assert(chunk.state.tail.length < 400);
          frames.push(...chunk.frames);
          state = chunk.state;
          position += length;
        }
        assertEquals(Float32Array.from(frames), logMel(samples));
      },
    ),
    { numRuns: 100, seed: 8 },
  );
});
