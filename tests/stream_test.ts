import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { CaptionEngine } from "../src/engine.ts";
import { AudioError } from "../src/errors.ts";
import type { CaptionEvent } from "../src/event_queue.ts";
import { loadModel } from "../src/load_model.ts";
import { join } from "../src/std.ts";
import type { CaptionStream } from "../src/stream.ts";
import { echoModel, echoSamples } from "./echo_device.ts";
import { GOLDEN_FOLDER } from "./golden.ts";

const WINDOWS = { leftMs: 600, hopMs: 200, rightMs: 150, maxWindowMs: 1500 };

async function setUp() {
  const echo = await echoModel();
  const engine = new CaptionEngine(echo.model, { nowMs: () => 0 }); // never behind
  return {
    echo,
    engine,
    geometry: echo.model.geometry,
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await echo[Symbol.asyncDispose]();
    },
  };
}

async function read(stream: CaptionStream): Promise<CaptionEvent[]> {
  const events: CaptionEvent[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

/** One letter an event; words in capitals where they are committed. */
function story(events: readonly CaptionEvent[]): string {
  return events.map((event) => {
    if (event.kind === "caption") return event.committed.map(({ text }) => text).join(" ");
    return {
      speechStart: "<",
      utteranceEnd: ">",
      finalize: "F",
      end: ".",
      overload: "!",
      annotation: "@",
    }[event.kind];
  }).filter((part) => part !== "").join(" ");
}

const pause = (frameCount: number) => Array<number>(frameCount).fill(0);

Deno.test("an utterance's words come before its end, the next one's after it", async () => {
  // "a" and "b" apart by 450 ms, "h" 1.5 s later
  const tokens = [5, 4, ...pause(60), 6, 4, ...pause(200), 8, 4, ...pause(10)];
  const rules = [{ minTrailingSilenceMs: 300, minUtteranceMs: 0, minWords: 0 }];
  for (const decoder of ["greedy", "beam"] as const) {
    for (const hopMs of [8, 200, 900]) {
      await using setup = await setUp();
      const stream = setup.engine.open({ ...WINDOWS, maxWindowMs: 2500, hopMs, rules, decoder });
      stream.push(echoSamples(tokens, setup.geometry));
      stream.end();
      const events = await read(stream);
      assertEquals(story(events).replaceAll("< ", ""), "a > b > h > .", `${decoder}, ${hopMs}`);
      const ends = events.filter((event) => event.kind === "utteranceEnd");
      assertEquals(ends.map(({ wordCount }) => wordCount), [1, 1, 1]);
    }
  }
});

Deno.test("a word without a delimiter is final no later than the utterance it ends", async () => {
  const rules = [{ minTrailingSilenceMs: 300, minUtteranceMs: 0, minWords: 1 }];
  for (const decoder of ["greedy", "beam"] as const) {
    await using setup = await setUp();
    const stream = setup.engine.open({ ...WINDOWS, rules, decoder });
    stream.push(echoSamples([5, 6, ...pause(120)], setup.geometry));
    const events: CaptionEvent[] = [];
    for await (const event of stream) {
      events.push(event);
      if (event.kind === "utteranceEnd") break;
    }
    assertEquals(story(events), "< ab >", decoder);
  }
});

Deno.test("a finalize ends the open word and utterance; speech goes on in the next one", async () => {
  await using setup = await setUp();
  const stream = setup.engine.open(WINDOWS);
  const samples = echoSamples([5, 6, 7, 8, 9, 10, 4, ...pause(80)], setup.geometry);
  const half = setup.geometry.sampleCount(3);
  stream.push(samples.subarray(0, half));
  stream.finalize();
  const events: CaptionEvent[] = [];
  for await (const event of stream) {
    events.push(event);
    if (event.kind === "finalize") break;
  }
  stream.push(samples.subarray(half));
  stream.end();
  assertEquals(
    story([...events, ...await read(stream)]),
    "< abe > F < hlo > .",
  );
});

Deno.test("tentative words come before committed ones, and are replaced", async () => {
  await using setup = await setUp();
  const stream = setup.engine.open({ ...WINDOWS, firstWindowMs: 40 });
  stream.push(echoSamples([5, 6, 4, 8, 0, 0], setup.geometry));
  const first = await stream[Symbol.asyncIterator]().next();
  assert(!first.done && first.value.kind === "caption");
  const { value } = first;
  assertEquals(value.committed, []);
  assertEquals(value.tentative.map(({ text }) => text), ["ab", "h"]);
});

Deno.test("repeated letters, a word on a seam, speech in the first frame, a last word at once", async () => {
  const texts: [number[], string][] = [
    [[9, 0, 9], "ll"],
    [[9, 9, 9], "l"],
    [[6, 5, 9, 0, 9, 10, 10, 0, 10], "balloo"],
    [[5], "a"],
    [[...pause(120), 10, 0, 10], "oo"],
  ];
  for (const [tokens, text] of texts) {
    for (const lead of [0, 17, 26, 27, 28, 53, 54]) { // seams of a hop of 27 frames
      await using setup = await setUp();
      const stream = setup.engine.open(WINDOWS);
      stream.push(echoSamples([...pause(lead), ...tokens], setup.geometry));
      stream.end();
      const words = (await read(stream)).flatMap((event) =>
        event.kind === "caption" ? event.committed : []
      );
      assertEquals(words.map((word) => word.text), [text], `${lead} frames before`);
    }
  }
});

Deno.test("with nBest, words and utterances say what else they may be", async () => {
  await using setup = await setUp();
  const stream = setup.engine.open({ ...WINDOWS, nBest: 2 });
  stream.push(echoSamples([5, 6, 4, 8, 4, ...pause(300), 9, 4, ...pause(40)], setup.geometry));
  stream.end();
  const events = await read(stream);
  const words = events.flatMap((event) => event.kind === "caption" ? event.committed : []);
  assertEquals(words.map(({ alternatives }) => alternatives![0]!.text), ["ab", "h", "l"]);
  const ends = events.filter(({ kind }) => kind === "utteranceEnd");
  const texts = ends.map((end) => "alternatives" in end && end.alternatives![0]!.text);
  assertEquals(texts, ["ab h", "l"]);
  assertThrows(() => setup.engine.open({ nBest: 0 }), RangeError, "nBest");
});

Deno.test("a push that is refused leaves the stream as it was", async () => {
  await using setup = await setUp();
  const stream = setup.engine.open({ ...WINDOWS, backlogMs: 0 });
  assertThrows(() => stream.push(Float32Array.of(0, NaN)), AudioError, "sample 1 is NaN");
  assertThrows(() => stream.push(new Float32Array(stream.freeSamples + 1)), RangeError, "free");
  assertEquals(stream.samplesReceived, 0);
  await stream.write(echoSamples([5, 4, ...pause(2000), 6], setup.geometry)); // waits for room
  stream.end();
  assertEquals(story(await read(stream)), "< a > < b > .");
});

Deno.test("a writable: closing it ends the stream, aborting either ends both", async () => {
  await using setup = await setUp();
  const source = (samples: Float32Array) =>
    ReadableStream.from([samples.subarray(0, 999), samples.subarray(999)]);
  const stream = setup.engine.open(WINDOWS);
  const piping = source(echoSamples([5, 4, ...pause(90), 6, 4], setup.geometry)).pipeTo(
    stream.writable,
  );
  assertEquals(story(await read(stream)).replace(/[<>] /g, ""), "a b .");
  await piping;

  const aborted = setup.engine.open(WINDOWS);
  const reason = new Error("hung up");
  await aborted.writable.abort(reason);
  assertEquals(await assertRejects(() => read(aborted), Error), reason);

  const idle = setup.engine.open(WINDOWS);
  let isCancelled = false;
  const silent = new ReadableStream<Float32Array>({ cancel: () => void (isCancelled = true) });
  const waiting = silent.pipeTo(idle.writable);
  idle.abort(reason);
  assertEquals(await assertRejects(() => waiting, Error), reason);
  assert(isCancelled, "the source is told");
});

Deno.test("leaving the loop and the block at any moment leaves nothing behind", async () => {
  await using setup = await setUp();
  for (let count = 0; count < 12; count++) {
    await using stream = setup.engine.open(WINDOWS);
    stream.push(echoSamples(Array.from({ length: 300 }, (_, i) => i % 7 ? 5 : 4), setup.geometry));
    if (count % 2) stream.end();
    let left = count;
    for await (const _ of stream) if (left-- <= 0) break;
  }
  assertEquals(setup.engine.stats.streamCount, 0);
});

/** Sounds that are not speech. */
const SOUNDS: Readonly<Record<string, (i: number, noise: number) => number>> = {
  "silence": () => 0,
  "a constant": () => 0.5,
  "white noise": (_, noise) => 0.3 * noise,
  "hum": (i) => 0.2 * Math.sin(2 * Math.PI * 50 * i / 16_000),
  "clicks": (i, noise) => i % 2900 < 20 ? noise : 0,
  "full scale": (i) => i % 160 < 80 ? 1 : -1,
};

for (const name of ["ctc_group", "ctc_adapter"]) {
  Deno.test(`${name}: sounds that are not speech come to an end like all others`, async () => {
    const model = await loadModel(join(GOLDEN_FOLDER, name), {
      task: "ctc",
      backend: "cpu",
      parts: [],
    });
    await using engine = new CaptionEngine(model, { normalization: "running", nowMs: () => 0 });
    for (const [sound, sample] of Object.entries(SOUNDS)) {
      let state = 1;
      const samples = Float32Array.from({ length: 48_000 }, (_, i) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return sample(i, state / 2 ** 31 - 1);
      });
      await using stream = engine.open({
        leftMs: 500,
        hopMs: 300,
        rightMs: 100,
        maxWindowMs: 2000,
      });
      await stream.write(samples);
      stream.end();
      const events = await read(stream);
      assertEquals(events.at(-1), { kind: "end", atSample: 48_000 }, sound);
      const words = events.flatMap((event) => event.kind === "caption" ? event.committed : []);
      assert(words.every(({ confidence }) => confidence > 0 && confidence <= 1), sound);
      // weights are random, so words there may be, but no more than frames
      assert(words.length <= 400, `${sound}: ${words.length} words`);
    }
    assertEquals([engine.stats.failureCount, engine.stats.streamCount], [0, 0]);
  });
}
