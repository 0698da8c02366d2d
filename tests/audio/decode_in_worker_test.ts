import { assert, assertEquals, assertRejects } from "../assert.ts";
import { decodeAudio, readSpeech } from "../../src/audio/decode.ts";
import {
  decodeInWorker,
  type DecodeInWorkerOptions,
  decodeStreamInWorker,
} from "../../src/audio/decode_in_worker.ts";
import { AudioError } from "../../src/errors.ts";

const FIXTURES = ["tools.m4a", "balloons.mp3", "balloons_opus.ogg", "balloons.webm"];

function fixture(name: string): URL {
  return new URL(`fixtures/${name}`, import.meta.url);
}

async function readInWorker(file: Blob, options?: DecodeInWorkerOptions): Promise<Float32Array> {
  const blocks = await Array.fromAsync(decodeInWorker(file, options));
  return new Float32Array(await new Blob(blocks as BlobPart[]).arrayBuffer());
}

Deno.test("decodeInWorker: gives what decodeSpeech gives, at any rate", async () => {
  for (const name of FIXTURES) {
    const file = new Blob([await Deno.readFile(fixture(name))]);
    for (const sampleRateHz of [16_000, 11_025]) {
      const expected = await readSpeech(fixture(name), { sampleRateHz });
      assertEquals(await readInWorker(file, { sampleRateHz }), expected, name);
    }
  }
});

Deno.test("decodeInWorker: what is no audio fails in the same words", async () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(1000).fill(7)]) {
    const { message } = await assertRejects(() => readSpeech(bytes), AudioError);
    await assertRejects(() => readInWorker(new Blob([bytes])), AudioError, message);
  }
});

Deno.test("decodeInWorker: may be left, or ended by its signal, at any time", async () => {
  const file = new Blob(Array(20).fill(await Deno.readFile(fixture("balloons.mp3"))));
  for await (const samples of decodeInWorker(file)) {
    assert(samples.length > 0);
    break;
  }
  const stop = new AbortController();
  const why = new Error("enough");
  const error = await assertRejects(async () => {
    for await (const _ of decodeInWorker(file, { signal: stop.signal })) stop.abort(why);
  });
  assertEquals(error, why);
  await assertRejects(
    () => readInWorker(file, { signal: AbortSignal.abort(why) }),
    Error,
    "enough",
  );
});

Deno.test("decodeInWorker: everything else gets its turn meanwhile", async () => {
  const file = new Blob(Array(20).fill(await Deno.readFile(fixture("balloons.aac"))));
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  for await (const _ of decodeInWorker(file)) { /* nothing is done in this thread */ }
  clearInterval(timer);
  assert(turns > 5, `${turns} turns`);
});

/** Bytes as a speaker sends them: more only when what came is used up. */
function bitByBit(bytes: Uint8Array, stepBytes = 700) {
  const used: number[] = [];
  let at = 0;
  let isCancelled = false;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      used.push(at);
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at += stepBytes));
    },
    cancel: () => void (isCancelled = true),
  }, { highWaterMark: 0 });
  return { stream, used, isCancelled: () => isCancelled };
}

Deno.test("decodeStreamInWorker: gives what decodeAudio gives, and more before all has come", async () => {
  for (const name of [...FIXTURES, "balloons.aac", "balloons_vorbis.ogg"]) {
    const bytes = await Deno.readFile(fixture(name));
    const samplesOf = async (blocks: ReturnType<typeof decodeAudio>, heard = () => {}) => {
      const samples: number[] = [];
      for await (const { channels, sampleRateHz } of blocks) {
        assertEquals(channels.length, name === "tools.m4a" ? 2 : 1);
        assert(sampleRateHz >= 16_000);
        heard();
        for (const sample of channels[0]!) samples.push(sample);
      }
      return samples;
    };
    const source = bitByBit(bytes);
    let isBefore = false;
    const samples = await samplesOf(
      decodeStreamInWorker(source.stream),
      () => isBefore ||= source.used.at(-1)! < bytes.length,
    );
    assertEquals(samples, await samplesOf(decodeAudio(bytes)), name);
    const isReadWhole = name === "tools.m4a"; // its table of contents is at its end
    assertEquals(isBefore, !isReadWhole, name);
  }
});

Deno.test("decodeStreamInWorker: a source is left when its bytes are no audio, or nobody listens", async () => {
  const broken = bitByBit(new Uint8Array(5000).fill(7));
  const decode = () => Array.fromAsync(decodeStreamInWorker(broken.stream));
  await assertRejects(decode, AudioError, "looks like");
  assert(broken.isCancelled());
  const left = bitByBit(await Deno.readFile(fixture("balloons.aac")));
  for await (const _ of decodeStreamInWorker(left.stream)) break;
  assert(left.isCancelled());
  const stop = new AbortController();
  const silent = new ReadableStream<Uint8Array>({ pull: () => stop.abort(new Error("enough")) });
  const options = { signal: stop.signal };
  await assertRejects(
    () => Array.fromAsync(decodeStreamInWorker(silent, options)),
    Error,
    "enough",
  );
  const failing = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.error(new Error("the line is dead")),
  });
  await assertRejects(() => Array.fromAsync(decodeStreamInWorker(failing)), Error, "line is dead");
});

Deno.test("decodeInWorker: a decoder from which nothing is heard is given up", async () => {
  const file = new Blob([await Deno.readFile(fixture("balloons.mp3"))]);
  await assertRejects(() => readInWorker(file, { silenceMs: 0 }), AudioError, "nothing came of it");
});
