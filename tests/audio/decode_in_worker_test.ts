import { assert, assertEquals, assertRejects } from "../assert.ts";
import { readSpeech } from "../../src/audio/decode.ts";
import { decodeInWorker, type DecodeInWorkerOptions } from "../../src/audio/decode_in_worker.ts";
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
