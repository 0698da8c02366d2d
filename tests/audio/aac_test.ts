import { AudioError } from "../../src/errors.ts";
import { AacDecoder, readAacConfig } from "../../src/audio/aac.ts";
import { inverseMdct, startOverlap, synthesise } from "../../src/audio/aac_filter_bank.ts";
import { SCALE_FACTOR_BOOK, SPECTRAL_BOOKS } from "../../src/audio/aac_tables.ts";
import { decodeAudio } from "../../src/audio/decode.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { concat, noise } from "./signals.ts";

async function decodeChannels(name: string): Promise<Float32Array[]> {
  const blocks = await Array.fromAsync(
    decodeAudio(new URL(`fixtures/${name}`, import.meta.url)),
  );
  return blocks[0]!.channels.map((_, c) => concat(blocks.map(({ channels }) => channels[c]!)));
}

Deno.test("AacDecoder agrees with FFmpeg: short windows, noise shaping, both kinds of stereo", async () => {
  const channels = await decodeChannels("tools.m4a");
  const bytes = await Deno.readFile(new URL("fixtures/tools.s16", import.meta.url));
  const golden = new Int16Array(bytes.buffer);
  let worst = 0;
  golden.forEach((expected, i) => {
    worst = Math.max(worst, Math.abs(channels[i % 2]![i >> 1]! * 32768 - expected));
  });
  assert(worst <= 0.51, `differs by ${worst} of a 16-bit step`); // rounding alone makes 0.5
  assertEquals(golden.length, 19200);
});

Deno.test("AacDecoder decodes ADTS to the same samples, after the encoder's delay", async () => {
  const [adts] = await decodeChannels("balloons.aac");
  const [mp4] = await decodeChannels("balloons.m4a");
  assertEquals(adts!.subarray(1024, 1024 + mp4!.length), mp4!);
});

Deno.test("readAacConfig reads AAC-LC, HE-AAC and explicit rates", () => {
  const read = (hex: string) => readAacConfig(Uint8Array.fromHex(hex));
  assertEquals(read("1190"), { rateIndex: 3, sampleRateHz: 48000 });
  assertEquals(read("1210"), { rateIndex: 4, sampleRateHz: 44100 });
  assertEquals(read("2b118800"), { rateIndex: 6, sampleRateHz: 24000 }); // HE-AAC, 48 kHz outside
  assertEquals(read("17801f4010"), { rateIndex: 8, sampleRateHz: 16000 }); // written out
});

Deno.test("readAacConfig names what it does not support", () => {
  const cases: [hex: string, message: string][] = [
    ["0990", "AAC Main"],
    ["f8e85000", "AAC-ELD"],
    ["1194", "960 samples"],
    ["16f0", "0 Hz"],
    ["11", "cut short"],
  ];
  for (const [hex, message] of cases) {
    assertThrows(() => readAacConfig(Uint8Array.fromHex(hex)), AudioError, message);
  }
});

Deno.test("AacDecoder ends on noise with an error or samples, whatever the bytes", () => {
  for (let seed = 0; seed < 2000; seed++) {
    const bytes = Uint8Array.from(noise(200, seed), (x) => Math.floor((x + 1) * 128));
    const decoder = new AacDecoder({ rateIndex: seed % 13, sampleRateHz: 16000 });
    try {
      for (const channel of decoder.decode(bytes)) assertEquals(channel.length, 1024);
    } catch (error) {
      assert(error instanceof AudioError, `seed ${seed}: ${error}`);
    }
  }
});

Deno.test("the codebooks are complete and hold each symbol once", () => {
  const sizes = [81, 81, 81, 81, 81, 81, 64, 64, 169, 169, 289, 121];
  [...SPECTRAL_BOOKS, SCALE_FACTOR_BOOK].forEach(({ counts, symbols }, i) => {
    assertEquals(counts.reduce((sum, count, bit) => sum + count / 2 ** (bit + 1), 0), 1);
    assertEquals(
      [...symbols].sort((a, b) => a - b),
      Array.from({ length: sizes[i]! }, (_, k) => k),
    );
  });
});

Deno.test("inverseMdct agrees with its definition", () => {
  for (const length of [8, 128, 1024]) {
    const spectrum = Float64Array.from(noise(length, length));
    const actual = inverseMdct(spectrum);
    for (let n = 0; n < 2 * length; n += length === 1024 ? 37 : 1) {
      let expected = 0;
      for (let k = 0; k < length; k++) {
        expected += spectrum[k]! * Math.cos(Math.PI / length * (n + 0.5 + length / 2) * (k + 0.5));
      }
      assert(Math.abs(actual[n]! - expected / length) < 1e-12);
    }
  }
});

Deno.test("synthesise overlaps windows of either shape without a seam", () => {
  // A spectrum that is the MDCT of a windowed constant gives the constant back.
  for (const shapes of [[0, 0, 0], [1, 1, 1], [0, 1, 0]]) {
    const state = startOverlap();
    const frames = shapes.map((shape, i) => {
      const rise = i === 0 ? shape : shapes[i - 1]!;
      return synthesise(mdctOfOnes(rise, shape), { sequence: 0, shape }, state);
    });
    assert(frames[2]!.every((x) => Math.abs(x - 1) < 1e-9));
  }
});

/** Forward MDCT of ones under a window, scaled so that the inverse returns them. // [1024] */
function mdctOfOnes(riseShape: number, fallShape: number): Float64Array {
  const rise = windowSlope(riseShape);
  const fall = windowSlope(fallShape);
  return Float64Array.from({ length: 1024 }, (_, k) => {
    let sum = 0;
    for (let n = 0; n < 2048; n++) {
      const weight = n < 1024 ? rise[n]! : fall[2047 - n]!;
      sum += weight * Math.cos(Math.PI / 1024 * (n + 512.5) * (k + 0.5));
    }
    return 2 * sum;
  });
}

/** The window itself, seen by feeding an impulse of a spectrum with a known transform. // [1024] */
function windowSlope(shape: number): Float64Array {
  const state = { ...startOverlap(), shape };
  const spectrum = new Float64Array(1024);
  spectrum[3] = 1024;
  const shaped = synthesise(spectrum, { sequence: 0, shape }, state);
  const plain = inverseMdct(spectrum);
  return shaped.map((x, n) => x / plain[n]!);
}
