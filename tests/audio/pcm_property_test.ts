import fc from "../property.ts";
import { assertEquals } from "../assert.ts";
import { type PcmEncoding, PcmReader } from "../../src/audio/pcm.ts";
import { concat } from "./signals.ts";

const encodings = fc.constantFrom<PcmEncoding>("u8", "s16le", "s24le", "s32le", "mulaw", "alaw");

Deno.test("PcmReader gives the same samples however the bytes are cut", () => {
  fc.assert(
    fc.property(
      encodings,
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.uint8Array({ maxLength: 40 })),
      (encoding, channelCount, chunks) => {
        const bytes = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
        const oneShot = new PcmReader(encoding, { channelCount });
        const expected = oneShot.push(bytes);
        const cut = new PcmReader(encoding, { channelCount });
        const parts = chunks.map((chunk) => cut.push(chunk));
        assertEquals(expected.map((_, c) => concat(parts.map((part) => part[c]!))), expected);
        assertEquals(cut.sampleCount, oneShot.sampleCount);
        assertEquals(cut.pendingByteLength, oneShot.pendingByteLength);
      },
    ),
    { numRuns: 300 },
  );
});
