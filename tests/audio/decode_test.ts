import { createHash } from "node:crypto";
import { fromFileUrl } from "../../src/std.ts";
import { AudioError } from "../../src/errors.ts";
import { decodeAudio, decodeSpeech, readSpeech } from "../../src/audio/decode.ts";
import { assert, assertEquals, assertRejects } from "../assert.ts";
import { concat, sine } from "./signals.ts";
import { silentOpusFile } from "./ogg_file.ts";
import { concatBytes, s16le, wavFile } from "./wav_file.ts";

const FLAC = sample("balloons.flac");
const FLAC_SECONDS = 41280 / 16000;

function sample(name: string): string {
  return fromFileUrl(new URL(`../../samples/${name}`, import.meta.url));
}

function fixture(name: string): string {
  return fromFileUrl(new URL(`fixtures/${name}`, import.meta.url));
}

/** Where `actual` fits `expected` best, in samples, and their correlation there. */
function bestLag(actual: Float32Array, expected: Float32Array): { lag: number; fit: number } {
  let best = { lag: 0, fit: -1 };
  const energy = Math.sqrt(
    actual.reduce((sum, x) => sum + x * x, 0) * expected.reduce((sum, x) => sum + x * x, 0),
  );
  for (let lag = -500; lag <= 500; lag++) {
    let sum = 0;
    for (let i = Math.max(0, -lag); i < expected.length; i++) {
      sum += expected[i]! * (actual[i + lag] ?? 0);
    }
    if (sum / energy > best.fit) best = { lag, fit: sum / energy };
  }
  return best;
}

/** A stream that hands out `bytes` in pieces of `pieceLength`, and records being cancelled. */
function inPieces(
  bytes: Uint8Array,
  pieceLength: number,
): { stream: ReadableStream<Uint8Array>; state: { cancelled: boolean } } {
  const state = { cancelled: false };
  let at = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at += pieceLength));
    },
    cancel() {
      state.cancelled = true;
    },
  });
  return { stream, state };
}

Deno.test("decodeAudio decodes FLAC to the bit: the file's own checksum of its samples", async () => {
  const blocks = await Array.fromAsync(decodeAudio(FLAC));
  const samples = concat(blocks.map(({ channels }) => channels[0]!));
  const pcm = new Uint8Array(Int16Array.from(samples, (x) => x * 32768).buffer);
  const stored = (await Deno.readFile(FLAC)).subarray(26, 42).toHex();
  assertEquals(createHash("md5").update(pcm).digest("hex"), stored);
});

Deno.test("decodeAudio decodes every format in place and in length", async () => {
  const expected = await readSpeech(FLAC);
  const cases: { name: string; rateHz: number; seconds?: number; tolerance?: number }[] = [
    { name: "balloons.mp3", rateHz: 24000 },
    { name: "balloons_opus.ogg", rateHz: 48000 },
    { name: "balloons_vorbis.ogg", rateHz: 16000 },
    { name: "balloons_flac.ogg", rateHz: 16000, seconds: 0.5 },
    { name: "balloons.webm", rateHz: 48000 },
    { name: "balloons.m4a", rateHz: 16000 },
    { name: "balloons.mka", rateHz: 16000, tolerance: 0.05 }, // its length is not in the file
  ];
  for (const { name, rateHz, seconds = FLAC_SECONDS, tolerance = 0.001 } of cases) {
    const blocks = await Array.fromAsync(decodeAudio(fixture(name)));
    assertEquals(new Set(blocks.map((block) => block.sampleRateHz)), new Set([rateHz]), name);
    assertEquals(blocks[0]!.channels.length, 1, name);
    const samples = await readSpeech(fixture(name));
    const off = Math.abs(samples.length / 16000 - seconds);
    assert(off <= tolerance, `${name} is ${off} s off`);
    const { lag, fit } = bestLag(samples, expected.subarray(0, samples.length));
    assert(Math.abs(lag) <= 3 && fit > 0.85, `${name}: fits ${fit} at a lag of ${lag}`);
  }
});

Deno.test("decodeAudio gives the same from bytes, a path, a URL and a stream in odd pieces", async () => {
  const fixtures = [fixture("balloons.webm"), fixture("balloons.m4a")];
  for (const path of [FLAC, ...fixtures, sample("harbour.wav")]) {
    const bytes = await Deno.readFile(path);
    const expected = await readSpeech(path);
    assertEquals(await readSpeech(bytes), expected);
    assertEquals(await readSpeech(new URL(`file://${path}`)), expected);
    assertEquals(await readSpeech(inPieces(bytes, 997).stream), expected);
  }
});

Deno.test("decodeSpeech mixes channels or takes one, at the rate asked for", async () => {
  const left = sine(400, 48000, { sampleCount: 48000, amplitude: 0.5 });
  const data = s16le(Float32Array.from({ length: 96000 }, (_, i) => i % 2 ? 0 : left[i >> 1]!));
  const stereo = wavFile(data, { channelCount: 2, sampleRateHz: 48000 });
  const peak = async (options: { channel?: number; sampleRateHz?: number }) => {
    const samples = await readSpeech(stereo, options);
    return [samples.length, Number(Math.max(...samples.subarray(2000, 6000)).toFixed(2))];
  };
  assertEquals(await peak({}), [16000, 0.25]);
  assertEquals(await peak({ channel: 0 }), [16000, 0.5]);
  assertEquals(await peak({ channel: 1 }), [16000, 0]);
  assertEquals(await peak({ sampleRateHz: 8000 }), [8000, 0.25]);
  await assertRejects(() => readSpeech(stereo, { channel: 2 }), AudioError, "channel 2");
});

Deno.test("decodeSpeech says when the rate is beyond what it converts", async () => {
  for (const sampleRateHz of [3999, 384000]) {
    const bytes = wavFile(s16le(new Float32Array(10)), { sampleRateHz });
    await assertRejects(() => readSpeech(bytes), AudioError, `${sampleRateHz}`);
  }
});

Deno.test("decodeAudio says what a file looks like that is not audio", async () => {
  const text = new TextEncoder();
  const cases: [Uint8Array | string, string][] = [
    [new Uint8Array(0), "empty"],
    ["hello there, this is not audio", "looks like text"],
    ["<!DOCTYPE html><html>", "looks like a web page"],
    ['{"a": 1}', "looks like JSON"],
    [Uint8Array.fromHex("ffd8ffe000104a464946"), "looks like a JPEG"],
    [Uint8Array.fromHex("504b030414000000"), "looks like a zip"],
    [Uint8Array.fromHex("464f524d00000000414946460000"), "looks like AIFF"],
    [Uint8Array.fromHex("00010203040506070809"), "looks like no known format"],
    [new Uint8Array(1), "looks like no known format"],
  ];
  for (const [source, message] of cases) {
    const bytes = typeof source === "string" ? text.encode(source) : source;
    await assertRejects(() => readSpeech(bytes), AudioError, message);
  }
  await assertRejects(() => readSpeech(sample("no such file.wav")), Deno.errors.NotFound);
});

Deno.test("decodeAudio gives what is there of a file cut short, or says that it is", async () => {
  for (
    const name of ["balloons.mp3", "balloons_opus.ogg", "balloons_vorbis.ogg", "balloons.webm"]
  ) {
    const bytes = await Deno.readFile(fixture(name));
    const samples = await readSpeech(bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    assert(samples.length > 4000 && samples.length < 41280, `${name}: ${samples.length}`);
    for (const length of [4, 20, 100]) {
      await assertRejects(() => readSpeech(bytes.subarray(0, length)), AudioError, "Cannot decode");
    }
  }
});

Deno.test("decodeAudio ends on damaged files of every kind", async () => {
  let state = 7;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const names = ["balloons.mp3", "balloons_opus.ogg", "balloons_vorbis.ogg", "balloons_flac.ogg"];
  const aac = ["balloons.m4a", "fragmented.mp4", "tools.mkv", "balloons.aac"];
  for (const name of [...names, "balloons.webm", "balloons.mka", ...aac]) {
    const intact = await Deno.readFile(fixture(name));
    for (let i = 0; i < 6; i++) {
      const bytes = intact.slice();
      for (let k = 0; k < 40; k++) {
        bytes[4 + Math.floor(random() * (bytes.length - 4))] = random() * 256;
      }
      try {
        const samples = await readSpeech(bytes);
        assert(samples.every(Number.isFinite), `${name}: not finite`);
      } catch (error) {
        assert(error instanceof AudioError, `${name}: ${error}`);
      }
    }
  }
});

Deno.test("decodeAudio names a codec that it does not support", async () => {
  const webm = (await Deno.readFile(fixture("balloons.webm"))).slice();
  const at = new TextDecoder("latin1").decode(webm).indexOf("A_OPUS");
  webm.set(new TextEncoder().encode("A_AC3\0"), at);
  await assertRejects(() => readSpeech(webm), AudioError, "codec is not supported: ac3");
});

Deno.test("decodeAudio closes its source when left early, on error, and at the end", async () => {
  const wav = await Deno.readFile(sample("harbour.wav"));
  for (const bytes of [wav, concatBytes([...silentOpusFile(1000)])]) {
    const { stream, state } = inPieces(bytes, 1000);
    for await (const _ of decodeAudio(stream)) break;
    assertEquals(state.cancelled, true);
  }
  const { stream, state } = inPieces(concatBytes([new Uint8Array(5000)]), 1000);
  await assertRejects(() => readSpeech(stream), AudioError);
  assertEquals(state.cancelled, true);
});

Deno.test("decodeAudio passes on the source's own failure", async () => {
  for (const path of [FLAC, sample("harbour.wav"), fixture("balloons.m4a")]) {
    const bytes = await Deno.readFile(path);
    let at = 0;
    const stream = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (at > 5000) return controller.error(new Deno.errors.ConnectionReset("line cut"));
        controller.enqueue(bytes.slice(at, at += 2000));
      },
    });
    await assertRejects(() => readSpeech(stream), Deno.errors.ConnectionReset, "line cut");
  }
});

Deno.test("decodeAudio stops on an aborted signal, also while it waits for bytes", async () => {
  await assertRejects(
    () => readSpeech(FLAC, { signal: AbortSignal.abort(new Error("no more")) }),
    Error,
    "no more",
  );
  for (const path of [FLAC, sample("harbour.wav")]) {
    const head = (await Deno.readFile(path)).slice(0, 20000);
    const controller = new AbortController();
    const stalled = new ReadableStream<Uint8Array>({ start: (c) => c.enqueue(head) });
    const reading = Array.fromAsync(decodeSpeech(stalled, { signal: controller.signal }));
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await assertRejects(() => reading, Error, "enough");
  }
});

Deno.test("decodeAudio decodes several files at once", async () => {
  const names = ["balloons.mp3", "balloons_opus.ogg", "balloons.webm", "balloons_vorbis.ogg"];
  const alone: number[] = [];
  for (const name of names) alone.push((await readSpeech(fixture(name))).length);
  const together = await Promise.all(names.map((name) => readSpeech(fixture(name))));
  assertEquals(together.map(({ length }) => length), alone);
});

Deno.test("decodeAudio takes hours in bounded memory: 3 h of WAV, 1 h of Opus", async () => {
  for (const [kind, seconds] of [["wav", 3 * 3600], ["opus", 3600]] as const) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--allow-all",
        new URL("peak_memory.ts", import.meta.url).href,
        kind,
        `${seconds}`,
      ],
      stderr: "inherit",
    }).output();
    const result = JSON.parse(new TextDecoder().decode(stdout));
    assert(Math.abs(result.seconds - seconds) < 16, `${kind}: ${result.seconds} s`);
    assert(result.growthMiB < 300, `${kind}: memory grew by ${result.growthMiB} MiB`);
  }
});

Deno.test("decodeSpeech reads real recordings", async (t) => {
  const folder = Deno.env.get("HUBCAP_SPEECH_DATA") ?? "../shared/data";
  const path = `${folder}/clips/jfk.flac`;
  const isThere = await Deno.stat(path).then(() => true, () => false);
  await t.step({
    name: `${path}: eleven seconds${isThere ? "" : " (absent: set HUBCAP_SPEECH_DATA)"}`,
    ignore: !isThere,
    fn: async () => assertEquals((await readSpeech(path)).length, 176000),
  });
});
