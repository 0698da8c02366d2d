import { assert, assertEquals, assertThrows } from "../assert.ts";
import { createContext } from "../../src/server/app.ts";
import { resolveConfig } from "../../src/server/config.ts";
import type { ServerContext } from "../../src/server/context.ts";
import { EngineSlot } from "../../src/server/engine_slot.ts";
import { LimitError } from "../../src/server/limits.ts";
import { type AudioFormat, SpeakerSession } from "../../src/server/session.ts";
import { openEngine, s16le, sampleSpeech } from "./server.ts";

/** A server's shared part with a running engine. */
async function openContext(): Promise<{ context: ServerContext } & AsyncDisposable> {
  const engine = new EngineSlot(await openEngine());
  await engine.settled;
  const config = resolveConfig({ flags: { maxQueuedBytes: 1_000_000 } });
  const context = createContext(config, { engine, draining: new AbortController().signal });
  return { context, [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose]() };
}

const PCM: AudioFormat = {
  ...{ encoding: "s16le", sampleRateHz: 16_000, channelCount: 1, channels: "mix" },
};

/** What a session said, by stream, once it is over. */
function record(context: ServerContext, format: AudioFormat) {
  const said: { words: string[]; end: number }[] = [];
  const over = Promise.withResolvers<void>();
  const session = new SpeakerSession(context, {
    dialect: "test",
    format,
    hooks: {
      onEvent: (event, channel) => {
        const stream = said[channel] ??= { words: [], end: 0 };
        if (event.kind === "caption") stream.words.push(...event.committed.map(({ text }) => text));
        if (event.kind === "end") stream.end = event.atSample;
      },
      onEnd: (error) => error === undefined ? over.resolve() : over.reject(error),
    },
  });
  over.promise.catch(() => {});
  return { session, said, over: over.promise };
}

Deno.test("SpeakerSession: channels apart give what each gives alone", async () => {
  await using opened = await openContext();
  const speech = (await sampleSpeech()).subarray(0, 24_000);
  const backwards = speech.slice().reverse();
  const stereo = new Float32Array(2 * speech.length);
  speech.forEach((sample, i) => [stereo[2 * i], stereo[2 * i + 1]] = [sample, backwards[i]!]);
  const split = record(opened.context, { ...PCM, channelCount: 2, channels: "split" });
  split.session.push(s16le(stereo));
  split.session.end();
  await split.over;
  for (const [index, samples] of [speech, backwards].entries()) {
    const alone = record(opened.context, PCM);
    alone.session.push(s16le(samples));
    alone.session.end();
    await alone.over;
    assert(alone.said[0]!.words.length > 0);
    assertEquals(split.said[index], alone.said[0]);
  }
  assertEquals(opened.context.sessions.size, 0);
});

Deno.test("SpeakerSession: a container is decoded as it comes", async () => {
  await using opened = await openContext();
  const container = { ...PCM, encoding: "container" } as const;
  for (const name of ["balloons.flac", "weather.opus", "harbour.wav"]) {
    const { session, said, over } = record(opened.context, container);
    const bytes = await Deno.readFile(new URL(`../../samples/${name}`, import.meta.url));
    for (let at = 0; at < bytes.length; at += 1000) session.push(bytes.subarray(at, at + 1000));
    session.end();
    await over;
    assert(said[0]!.end > 20_000, name);
    assertEquals(said[0]!.end, session.acceptedSamples, name);
  }
  const { session, over } = record(opened.context, container);
  session.push(new TextEncoder().encode("this is no audio, however long it may be".repeat(10)));
  session.end();
  const error = await over.then(() => undefined, (error) => error);
  assertEquals(error?.name, "AudioError");
});

Deno.test("SpeakerSession: what is finalized of a container is all that came of it", async () => {
  await using opened = await openContext();
  const finalized = Promise.withResolvers<number>();
  const over = Promise.withResolvers<unknown>();
  const session = new SpeakerSession(opened.context, {
    dialect: "test",
    format: { ...PCM, encoding: "container" },
    hooks: {
      onEvent: (event) => event.kind === "finalize" && finalized.resolve(event.atSample),
      onEnd: over.resolve,
    },
  });
  session.push(await Deno.readFile(new URL("../../samples/harbour.wav", import.meta.url)));
  session.finalize();
  // a resampler may hold back what it can only tell with what follows
  assert(await finalized.promise > 39_000, `${await finalized.promise}`);
  session.end();
  await over.promise;
});

Deno.test("SpeakerSession: a container that breaks is its speaker's matter alone", async () => {
  await using opened = await openContext();
  const container = { ...PCM, encoding: "container" } as const;
  const flac = await Deno.readFile(new URL("../../samples/balloons.flac", import.meta.url));
  const good = record(opened.context, container);
  good.session.push(flac.subarray(0, 20_000));
  const broken = ["fLaC", "OggS", "RIFF0000WAVEfmt ", "\x1a\x45\xdf\xa3", "ID3"].map((magic) => {
    const bytes = new Uint8Array(60_000).map((_, i) => (i * 7919) % 251);
    bytes.set([...magic].map((letter) => letter.charCodeAt(0)));
    const bad = record(opened.context, container);
    bad.session.push(bytes);
    bad.session.end();
    return bad.over.then(() => "captioned", (error) => error.name);
  });
  const gone = record(opened.context, container);
  gone.session.push(flac.subarray(0, 10_000));
  gone.session.abort(new DOMException("gone", "AbortError"));
  assertEquals((await gone.over.catch((error) => error)).name, "AbortError");
  for (const outcome of await Promise.all(broken)) assertEquals(outcome, "AudioError");
  good.session.push(flac.subarray(20_000));
  good.session.end();
  await good.over;
  const alone = record(opened.context, container);
  alone.session.push(flac);
  alone.session.end();
  await alone.over;
  assertEquals(good.said, alone.said);
  assertEquals(opened.context.sessions.size, 0);
});

Deno.test("SpeakerSession: what is too much is refused, what was taken is captioned", async () => {
  await using opened = await openContext();
  const { session, said, over } = record(opened.context, PCM);
  session.push(s16le((await sampleSpeech()).subarray(0, 16_000)));
  const tooBig = assertThrows(() => session.push(new Uint8Array(2_000_000)), LimitError);
  assertEquals(tooBig.code, "message_too_big");
  const flood = assertThrows(() => {
    while (true) session.push(new Uint8Array(320_000));
  }, LimitError);
  assertEquals(flood.code, "too_fast");
  session.interrupt();
  const { acceptedSamples } = session;
  session.end();
  session.end();
  session.push(new Uint8Array(3200));
  await over;
  assertEquals(said[0]!.end, acceptedSamples);
});

Deno.test("SpeakerSession: an engine that ends is told to every session, and room given back", async () => {
  await using opened = await openContext();
  const { context } = opened;
  const permit = context.gate.admitSpeaker({ keyName: undefined, address: undefined });
  assert(permit.kind === "admitted");
  const over = Promise.withResolvers<unknown>();
  const session = new SpeakerSession(context, {
    ...{ dialect: "test", format: PCM, permit },
    hooks: { onEvent: () => {}, onEnd: over.resolve },
  });
  session.push(new Uint8Array(32_000));
  await context.engine[Symbol.asyncDispose]();
  assertEquals((await over.promise as Error).name, "AbortError");
  assertEquals([context.gate.speakerCount, context.sessions.size], [0, 0]);
  assertThrows(() => record(context, PCM));
});

Deno.test("SpeakerSession: a format that cannot be gives the room back", async () => {
  await using opened = await openContext();
  const { context } = opened;
  const permit = context.gate.admitSpeaker({ keyName: undefined, address: undefined });
  assert(permit.kind === "admitted");
  const wrong = { ...PCM, sampleRateHz: 1 };
  assertThrows(() => {
    new SpeakerSession(context, {
      ...{ dialect: "test", format: wrong, permit },
      hooks: { onEvent: () => {}, onEnd: () => {} },
    });
  }, RangeError);
  assertEquals([context.gate.speakerCount, context.engine.engine!.stats.streamCount], [0, 0]);
});
