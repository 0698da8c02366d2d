import fc from "../property.ts";
import { assertEquals } from "../assert.ts";
import { Resampler } from "../../src/audio/resample.ts";
import { concat, noise } from "./signals.ts";

const rates = fc.oneof(
  fc.constantFrom(4000, 8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000),
  fc.integer({ min: 4000, max: 60000 }),
);
const chunkLengths = fc.array(
  fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 700 })),
  { maxLength: 20 },
);

Deno.test("Resampler gives the same bits for any chunking, and exactly ceil(n · to / from) samples", () => {
  fc.assert(
    fc.property(rates, rates, chunkLengths, (fromHz, toHz, lengths) => {
      const total = lengths.reduce((sum, length) => sum + length, 0);
      const samples = noise(total);
      const oneShot = new Resampler(fromHz, toHz);
      const expected = concat([oneShot.push(samples), oneShot.end()]);
      const chunked = new Resampler(fromHz, toHz);
      const parts: Float32Array[] = [];
      let at = 0;
      for (const length of lengths) parts.push(chunked.push(samples.subarray(at, at += length)));
      parts.push(chunked.end());
      assertEquals(concat(parts), expected);
      assertEquals(expected.length, Math.ceil(total * toHz / fromHz));
    }),
    { numRuns: 60 },
  );
});
