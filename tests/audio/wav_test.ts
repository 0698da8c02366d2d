import { assert, assertEquals, assertRejects } from "../assert.ts";
import { AudioError } from "../../src/errors.ts";
import { decodeAudio } from "../../src/audio/decode.ts";
import { concat, sine } from "./signals.ts";
import { concatBytes, s16le, wavFile, type WavFileOptions } from "./wav_file.ts";

const SINE = sine(440, 16000, { sampleCount: 1000, amplitude: 0.5 });

async function decode(
  bytes: Uint8Array,
): Promise<{ channels: Float32Array[]; rates: Set<number> }> {
  const blocks = await Array.fromAsync(decodeAudio(bytes));
  return {
    channels: blocks[0]!.channels.map((_, c) => concat(blocks.map(({ channels }) => channels[c]!))),
    rates: new Set(blocks.map(({ sampleRateHz }) => sampleRateHz)),
  };
}

function worst(actual: Float32Array, expected: Float32Array): number {
  return expected.reduce((max, x, i) => Math.max(max, Math.abs(x - (actual[i] ?? Infinity))), 0);
}

/** The sine in every sample format, by its own arithmetic. */
const FORMATS: { name: string; options: WavFileOptions; data: Uint8Array; tolerance: number }[] = [
  {
    name: "u8",
    options: { bits: 8 },
    data: Uint8Array.from(SINE, (x) => Math.round(x * 127) + 128),
    tolerance: 1 / 100,
  },
  { name: "s16", options: { bits: 16 }, data: s16le(SINE), tolerance: 1 / 20000 },
  {
    name: "s24",
    options: { bits: 24 },
    data: Uint8Array.from(
      { length: 3000 },
      (_, i) => (Math.round(SINE[Math.floor(i / 3)]! * 8388607) >> (8 * (i % 3))) & 0xff,
    ),
    tolerance: 1e-6,
  },
  {
    name: "s32",
    options: { bits: 32 },
    data: new Uint8Array(Int32Array.from(SINE, (x) => Math.round(x * 2147483647)).buffer),
    tolerance: 1e-7,
  },
  {
    name: "f32",
    options: { bits: 32, tag: 3 },
    data: new Uint8Array(SINE.slice().buffer),
    tolerance: 0,
  },
  {
    name: "f64",
    options: { bits: 64, tag: 3 },
    data: new Uint8Array(Float64Array.from(SINE).buffer),
    tolerance: 0,
  },
];

Deno.test("decodeAudio reads WAV of every sample format, plain and extensible", async () => {
  for (const { name, options, data, tolerance } of FORMATS) {
    for (const extensible of [false, true]) {
      const { channels, rates } = await decode(wavFile(data, { ...options, extensible }));
      assertEquals(channels.length, 1);
      assertEquals(channels[0]!.length, 1000, name);
      assert(worst(channels[0]!, SINE) <= tolerance, `${name}: ${worst(channels[0]!, SINE)}`);
      assertEquals(rates, new Set([16000]));
    }
  }
});

Deno.test("decodeAudio keeps channels apart", async () => {
  const left = s16le([0.1, 0.2, 0.3]);
  const right = s16le([-0.1, -0.2, -0.3]);
  const data = concatBytes(
    [0, 1, 2].flatMap((i) => [left, right].map((side) => side.slice(2 * i, 2 * i + 2))),
  );
  const { channels } = await decode(wavFile(data, { channelCount: 2, sampleRateHz: 44100 }));
  assertEquals(channels.map((channel) => [...channel].map((x) => Math.round(x * 10))), [
    [1, 2, 3],
    [-1, -2, -3],
  ]);
});

Deno.test("decodeAudio passes over chunks of odd length, and what follows the audio", async () => {
  const bytes = wavFile(s16le(SINE), {
    extraChunks: [{ id: "LIST", body: new Uint8Array(7) }, { id: "junk", body: new Uint8Array(1) }],
    trailer: new Uint8Array(100),
  });
  assertEquals((await decode(bytes)).channels[0]!.length, 1000);
});

Deno.test("decodeAudio reads streamed WAV, whose header knows no size", async () => {
  const headers: WavFileOptions[] = [
    { dataByteLength: 0xffffffff, riffByteLength: 0xffffffff },
    { dataByteLength: 0, riffByteLength: 0 },
    { dataByteLength: 0, riffByteLength: 36 },
    { dataByteLength: 0x7ffff000, riffByteLength: 0x7ffff024 },
  ];
  for (const header of headers) {
    assertEquals((await decode(wavFile(s16le(SINE), header))).channels[0]!.length, 1000);
  }
});

Deno.test("decodeAudio reads RF64, whose size is beyond 32 bits", async () => {
  const bytes = wavFile(s16le(SINE), {
    longByteLength: 2000n,
    dataByteLength: 0xffffffff,
    trailer: new Uint8Array(50),
  });
  assertEquals((await decode(bytes)).channels[0]!.length, 1000);
  const long = wavFile(s16le(SINE), { longByteLength: 9_000_000_000n, dataByteLength: 0xffffffff });
  assertEquals((await decode(long)).channels[0]!.length, 1000);
});

Deno.test("decodeAudio gives what is there of a WAV cut short", async () => {
  const bytes = wavFile(s16le(SINE)).subarray(0, 44 + 1001);
  assertEquals((await decode(bytes)).channels[0]!.length, 500);
});

Deno.test("decodeAudio says what is wrong with a WAV header", async () => {
  const data = s16le(SINE);
  const cases: [Uint8Array, string][] = [
    [wavFile(data, { sampleRateHz: 0 }), "0 Hz"],
    [wavFile(data, { channelCount: 0 }), "0 channels"],
    [wavFile(data, { channelCount: 300 }), "300 channels"],
    [wavFile(data, { tag: 0x55 }), "MP3"],
    [wavFile(data, { tag: 0x1234 }), "0x1234"],
    [wavFile(data, { tag: 3, bits: 16 }), "samples of 16 bits"],
    [wavFile(data, { bits: 0 }), "samples of 0 bits"],
    [wavFile(data, { bits: 128 }), "samples of 128 bits"],
    [wavFile(data).subarray(0, 40), "before its data chunk"],
    [wavFile(data).subarray(0, 14), "before its fmt chunk"],
    [wavFile(new Uint8Array(0)), "no samples"],
    [
      wavFile(new Uint8Array(0), { trailer: new Uint8Array([76, 73, 83, 84, 0, 0, 0, 0]) }),
      "no samples",
    ],
    [wavFile(new Uint8Array(1)), "no samples"],
  ];
  for (const [bytes, message] of cases) {
    await assertRejects(() => decode(bytes), AudioError, message);
  }
});

Deno.test("decodeAudio names the first sample that is not a number", async () => {
  const samples = SINE.slice();
  samples[600] = NaN;
  const bytes = wavFile(new Uint8Array(samples.buffer), { tag: 3, bits: 32 });
  await assertRejects(() => decode(bytes), AudioError, "sample 600 of channel 0");
});
