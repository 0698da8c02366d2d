import { assertEquals, assertThrows } from "../assert.ts";
import { AudioError } from "../../src/errors.ts";
import { mixDown, PcmReader } from "../../src/audio/pcm.ts";

Deno.test("PcmReader expands µ-law and A-law as ITU-T G.711 does", () => {
  const codes = Uint8Array.from([0x00, 0x0f, 0x7f, 0x80, 0x8f, 0xff]);
  const mulaw = new PcmReader("mulaw").push(codes)[0]!.map((x) => x * 32768);
  assertEquals([...mulaw], [-32124, -16764, 0, 32124, 16764, 0]);
  const alawCodes = Uint8Array.from([0x00, 0x2a, 0x55, 0x80, 0xaa, 0xd5]);
  const alaw = new PcmReader("alaw").push(alawCodes)[0]!.map((x) => x * 32768);
  assertEquals([...alaw], [-5504, -32256, -8, 5504, 32256, 8]);
});

Deno.test("PcmReader names the position of a sample that is not finite", () => {
  const reader = new PcmReader("f32le", { channelCount: 2 });
  reader.push(new Uint8Array(new Float32Array([0, 0, 0, 0]).buffer));
  const bad = new Uint8Array(new Float32Array([0, 0, 0, Infinity]).buffer);
  assertThrows(() => reader.push(bad), AudioError, "sample 3 of channel 1");
});

Deno.test("PcmReader counts samples and bytes that wait", () => {
  const reader = new PcmReader("s16le", { channelCount: 2 });
  assertEquals(reader.push(new Uint8Array(7)).map(({ length }) => length), [1, 1]);
  assertEquals([reader.sampleCount, reader.pendingByteLength], [1, 3]);
});

Deno.test("PcmReader refuses unknown encodings and absurd channel counts", () => {
  assertThrows(() => new PcmReader("s16be" as "s16le"), RangeError, "s16be");
  assertThrows(() => new PcmReader("toString" as "s16le"), RangeError, "toString");
  for (const channelCount of [0, -1, 1.5, 65, NaN]) {
    assertThrows(() => new PcmReader("s16le", { channelCount }), RangeError, `${channelCount}`);
  }
});

Deno.test("mixDown averages", () => {
  const [left, right] = [new Float32Array([1, 0, -1]), new Float32Array([0, 0.5, -1])];
  assertEquals(mixDown([left, right]), new Float32Array([0.5, 0.25, -1]));
  assertEquals(mixDown([left]), left);
  assertThrows(() => mixDown([]), RangeError);
});
