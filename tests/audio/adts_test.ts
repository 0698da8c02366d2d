import { AudioError } from "../../src/errors.ts";
import { readAdtsHeader } from "../../src/audio/adts.ts";
import { readSpeech } from "../../src/audio/decode.ts";
import { assertEquals, assertRejects, assertThrows } from "../assert.ts";
import { concatBytes } from "./wav_file.ts";

const FILE = new URL("fixtures/balloons.aac", import.meta.url);

Deno.test("readAdtsHeader reads rate and lengths, and names what is not AAC-LC", () => {
  const read = (hex: string) => readAdtsHeader(Uint8Array.fromHex(hex));
  const header = { rateIndex: 3, sampleRateHz: 48000, headerByteLength: 7, byteLength: 371 };
  assertEquals(read("fff14c802e7ffc"), header);
  assertEquals(read("fff04c802e7ffc"), { ...header, headerByteLength: 9 });
  assertEquals(read("fff17c802e7ffc"), undefined); // no such rate
  assertEquals(read("fffb4c802e7ffc"), undefined); // MPEG layer 3
  assertEquals(read("00000000000000"), undefined);
  assertThrows(() => read("fff10c802e7ffc"), AudioError, "AAC Main");
});

Deno.test("decodeAdts passes over what lies between frames", async () => {
  const bytes = await Deno.readFile(FILE);
  const { byteLength } = readAdtsHeader(bytes)!;
  const dirty = concatBytes([
    bytes.subarray(0, byteLength),
    new Uint8Array(1000).fill(0x55),
    bytes.subarray(byteLength),
  ]);
  assertEquals(await readSpeech(dirty), await readSpeech(bytes));
});

Deno.test("decodeAdts says when there is no whole frame", async () => {
  const bytes = (await Deno.readFile(FILE)).subarray(0, 5);
  await assertRejects(() => readSpeech(bytes), AudioError, "no frame is whole");
});
