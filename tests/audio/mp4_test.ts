import { AudioError } from "../../src/errors.ts";
import { decodeAudio } from "../../src/audio/decode.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { concat } from "./signals.ts";
import { concatBytes } from "./wav_file.ts";

function fixture(name: string): URL {
  return new URL(`fixtures/${name}`, import.meta.url);
}

async function decode(
  source: Uint8Array | URL | ReadableStream<Uint8Array>,
): Promise<Float32Array> {
  const blocks = await Array.fromAsync(decodeAudio(source));
  return concat(blocks.map(({ channels }) => channels[0]!));
}

/** The file with `change` made to the body of its first box of a type. */
function withBox(bytes: Uint8Array, type: string, change: (body: DataView) => void): Uint8Array {
  const changed = bytes.slice();
  const at = new TextDecoder("latin1").decode(changed).indexOf(type);
  assert(at > 0, `no ${type} box`);
  change(new DataView(changed.buffer, at + 4));
  return changed;
}

Deno.test("decodeMp4 decodes the same with its index last, first, or in fragments", async () => {
  const expected = await decode(fixture("balloons.m4a"));
  assertEquals(expected.length, 41280);
  for (const name of ["balloons.m4a", "faststart.m4a", "fragmented.mp4"]) {
    const bytes = await Deno.readFile(fixture(name));
    // A fragmented file does not tell the encoder's delay.
    const skipped = name === "fragmented.mp4" ? 1024 : 0;
    for (const source of [bytes, fixture(name), ReadableStream.from([bytes])]) {
      const samples = await decode(source);
      assertEquals(samples.subarray(skipped, skipped + expected.length), expected, name);
    }
  }
});

Deno.test("decodeAudio decodes AAC in Matroska", async () => {
  const expected = await decode(fixture("tools.m4a"));
  const samples = await decode(fixture("tools.mkv"));
  assertEquals(samples.subarray(1024, 1024 + expected.length), expected);
});

Deno.test("decodeMp4 is not held up by counts that lie", async () => {
  const whole = await Deno.readFile(fixture("balloons.m4a"));
  const fragmented = await Deno.readFile(fixture("fragmented.mp4"));
  const offsets: [bytes: Uint8Array, type: string, offset: number][] = [
    [whole, "stts", 4],
    [whole, "stts", 8],
    [whole, "stts", 12],
    [whole, "stsc", 4],
    [whole, "stsc", 12],
    [whole, "stsz", 4],
    [whole, "stsz", 8],
    [whole, "stco", 4],
    [whole, "stco", 8],
    [whole, "elst", 12],
    [fragmented, "trun", 4],
    [fragmented, "trun", 8],
    [fragmented, "tfhd", 8],
    [fragmented, "trex", 12],
  ];
  for (const [bytes, type, offset] of offsets) {
    for (const value of [0, 1, 0x7fffffff, 0xffffffff]) {
      const start = performance.now();
      const damaged = withBox(bytes, type, (body) => body.setUint32(offset, value));
      const samples = await decode(damaged).catch((error) => {
        assert(error instanceof AudioError, `${type}: ${error}`);
        return new Float32Array(0);
      });
      assert(samples.length < 16000 * 20, `${type} at ${offset}: ${samples.length} samples`);
      assert(performance.now() - start < 5000, `${type} at ${offset} takes long`);
    }
  }
});

Deno.test("decodeMp4 names what it does not support", async () => {
  const bytes = await Deno.readFile(fixture("balloons.m4a"));
  const entry = (type: string) => {
    const changed = bytes.slice();
    const at = new TextDecoder("latin1").decode(changed).indexOf("mp4a\0\0\0\0");
    changed.set(new TextEncoder().encode(type), at);
    return changed;
  };
  const cases: [Uint8Array, string][] = [
    [entry("alac"), "ALAC"],
    [entry("Opus"), "Opus in MP4"],
    [entry("enca"), "encrypted audio"],
    [entry("????"), 'codec "????"'],
    [withBox(bytes, "hdlr", (body) => body.setUint32(8, 0x76696465)), "no audio track"],
    [withBox(bytes, "mdhd", (body) => body.setUint32(12, 0)), "0 ticks"],
    [bytes.subarray(0, bytes.length - 200), "cut short"],
    [bytes.subarray(0, 60), "index is missing"],
  ];
  for (const [source, message] of cases) {
    await assertRejects(() => decode(source), AudioError, message);
  }
});

Deno.test("decodeMp4 says why a long stream with its index at the end cannot be read", async () => {
  const bytes = await Deno.readFile(fixture("balloons.m4a"));
  const mdat = concatBytes([bytes.subarray(0, 36), Uint8Array.fromHex("7fffffff6d646174")]);
  function* stream() {
    yield mdat;
    for (let i = 0; i < 70; i++) yield new Uint8Array(1 << 20);
  }
  await assertRejects(() => decode(ReadableStream.from(stream())), AudioError, "faststart");
});
