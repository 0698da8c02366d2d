import fc from "./property.ts";
import type { Word } from "../src/caption/word.ts";
import { CaptionEngine } from "../src/engine.ts";
import { BackendError } from "../src/errors.ts";
import type { Caption, CaptionEvent } from "../src/event_queue.ts";
import { loadModel } from "../src/load_model.ts";
import type { HubertConfig } from "../src/model/config.ts";
import { join } from "../src/std.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import type { CaptionStream, StreamOptions } from "../src/stream.ts";
import { transcribe } from "../src/transcribe.ts";
import { assert, assertAlmostEquals, assertEquals } from "./assert.ts";
import { bertCheckpoint } from "./bert_checkpoint.ts";
import { ECHO_TOKENS, echoDevice, echoModel, echoSamples } from "./echo_device.ts";
import { GOLDEN_FOLDER } from "./golden.ts";

const { blank, delimiter, letters } = ECHO_TOKENS;
const TEXTS = new Map([[5, "a"], [6, "b"], [7, "e"], [8, "h"], [9, "l"], [10, "o"], [11, "t"]]);

/** What greedy CTC makes of tokens: repeats merged, blanks dropped. Words as the delimiter says. */
function offlineWords(tokens: readonly number[]): string[] {
  const merged = tokens.filter((token, i) => token !== tokens[i - 1] && token !== blank);
  const words = merged.map((token) => token === delimiter ? " " : TEXTS.get(token)!).join("");
  return words.split(" ").filter((word) => word !== "");
}

type Command =
  | { readonly kind: "push"; readonly sampleCount: number }
  | { readonly kind: "finalize" | "breathe" };

const frames = fc.oneof(
  { weight: 3, arbitrary: fc.constant(blank) },
  { weight: 2, arbitrary: fc.constant(delimiter) },
  { weight: 6, arbitrary: fc.constantFrom(...letters) },
);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("push" as const), sampleCount: fc.nat(6000) }),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom({ kind: "finalize" as const }, { kind: "breathe" as const }),
  },
);

interface Speaker {
  /** One a frame. */
  readonly tokens: readonly number[];
  readonly commands: readonly Command[];
}

const speaker: fc.Arbitrary<Speaker> = fc.record({
  tokens: fc.array(frames, { maxLength: 300 }),
  commands: fc.array(command, { minLength: 1, maxLength: 20 }),
});

/** Speaks, finalizes and ends as the commands say. */
async function speak(
  stream: CaptionStream,
  samples: Float32Array,
  commands: readonly Command[],
): Promise<number> {
  let finalizeCount = 0;
  for (const command of commands) {
    const { samplesReceived: at } = stream;
    if (command.kind === "push") {
      await stream.write(samples.subarray(at, at + command.sampleCount));
    } else if (command.kind === "finalize") {
      stream.finalize();
      finalizeCount++;
    } else await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await stream.write(samples.subarray(stream.samplesReceived));
  stream.end();
  return finalizeCount;
}

async function read(
  stream: CaptionStream,
  events: CaptionEvent[] = [],
): Promise<CaptionEvent[]> {
  for await (const event of stream) events.push(event);
  return events;
}

function captionsOf(events: readonly CaptionEvent[]): Caption[] {
  return events.filter((event) => event.kind === "caption");
}

/** What holds of every stream's events. */
function checkEvents(events: readonly CaptionEvent[], stream: CaptionStream): void {
  assertEquals(events.at(-1), { kind: "end", atSample: stream.samplesReceived });
  let settled = 0;
  let lastEnd = 0;
  for (const { committed, settledSample } of captionsOf(events)) {
    assert(settledSample >= settled, "what is settled stays so");
    settled = settledSample;
    for (const { startSample, endSample } of committed) {
      assert(startSample >= lastEnd && endSample > startSample, "words are in order");
      lastEnd = endSample;
    }
  }
  let isSpeaking = false;
  for (const { kind } of events) {
    if (kind === "speechStart") assert(!isSpeaking, "two starts"), isSpeaking = true;
    if (kind === "utteranceEnd") assert(isSpeaking, "an end without a start"), isSpeaking = false;
  }
  assert(!isSpeaking, "an utterance without an end");
}

Deno.test("whatever is pushed, finalized, refused and lost: each stream says each of its tokens once", async () => {
  await using echo = await echoModel();
  const { geometry, config } = echo.model;
  await echo.model[Symbol.asyncDispose]();
  await fc.assert(
    fc.asyncProperty(
      fc.array(speaker, { minLength: 1, maxLength: 4 }),
      fc.record({
        hopMs: fc.integer({ min: 8, max: 400 }),
        leftMs: fc.integer({ min: 0, max: 800 }),
        rightMs: fc.constantFrom(0, 8, 100, 300),
        wordEndRightMs: fc.constantFrom(0, 8, 100, Infinity),
        agreeRightMs: fc.constantFrom(0, 8, 100, Infinity),
        firstWindowMs: fc.constantFrom(8, 200, 900),
      }),
      fc.record({
        seed: fc.integer({ min: 1 }),
        faultRate: fc.constantFrom(0, 0.05, 0.15),
        lostAfter: fc.option(fc.nat(30)),
        maxBatch: fc.integer({ min: 1, max: 4 }),
        workerCount: fc.integer({ min: 1, max: 3 }),
        frontEndCache: fc.boolean(),
        isSlow: fc.boolean(),
        decoder: fc.constantFrom("greedy" as const, { beamWidth: 3, settleMs: 100 }),
      }),
      async (
        speakers,
        windows,
        { seed, faultRate, lostAfter, isSlow, workerCount, ...options },
      ) => {
        let nowMs = 0;
        let runCount = 0;
        let state = seed;
        const renew = () => {
          echo.device = echoDevice(geometry, (config as HubertConfig).conv_dim.at(-1)!);
          echo.device.fault = (_, output) => {
            runCount++;
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            if (state / 2 ** 32 >= faultRate) return "none";
            return output === "logits" && state % 2 === 0 ? "nan" : "throw";
          };
          echo.device.cost = () => {
            nowMs += isSlow ? 700 : 0; // slow enough for every step of the overload policy
            return Promise.resolve();
          };
          return echo.load();
        };
        const model = await renew();
        const { device } = echo;
        const copies = await Promise.all(Array.from({ length: workerCount - 1 }, renew));
        await using engine = new CaptionEngine(model, {
          ...{ ...options, copies, load: renew },
          nowMs: () => nowMs,
          maxFailures: Infinity,
          reopenDelayMs: 0,
        });
        if (lostAfter !== null) {
          const { fault } = device;
          device.fault = (...args) => {
            if (runCount > lostAfter) device.isLost = true;
            return fault(...args);
          };
        }
        await checkSpeakers(engine, speakers, windows);
      },
    ),
    { numRuns: 120 },
  );
});

Deno.test("devices lost for good, but for one: each stream says each of its tokens once", async () => {
  await using echo = await echoModel();
  const { geometry, config } = echo.model;
  await echo.model[Symbol.asyncDispose]();
  const gone = () => Promise.reject(new BackendError("Cannot open: gone", { backend: "wasm" }));
  let lossCount = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(speaker, { minLength: 2, maxLength: 5 }),
      fc.array(fc.nat(30), { minLength: 2, maxLength: 3 }), // the run that each device is lost in
      fc.nat(), // the one that is not
      fc.record({ maxBatch: fc.integer({ min: 1, max: 2 }), frontEndCache: fc.boolean() }),
      async (speakers, lostInRuns, kept, options) => {
        const lost = new Set<number>();
        const open = (lostInRun: number, worker: number) => {
          const { conv_dim } = config as HubertConfig;
          const device = echo.device = echoDevice(geometry, conv_dim.at(-1)!);
          let runCount = 0;
          device.fault = () => {
            device.isLost = worker !== kept % lostInRuns.length && runCount++ >= lostInRun;
            if (device.isLost) lost.add(worker);
            return "none";
          };
          device.cost = () => new Promise((resolve) => setTimeout(resolve, 0)); // runs overlap
          return echo.load();
        };
        const [model, ...copies] = await Promise.all(lostInRuns.map(open));
        await using engine = new CaptionEngine(model!, {
          ...{ ...options, copies, load: gone },
          ...{ nowMs: () => 0, maxFailures: 1 },
        });
        await checkSpeakers(engine, speakers, SHORT);
        const { lostWorkerCount, workerCount } = engine.stats;
        assertEquals([lostWorkerCount, workerCount], [lost.size, lostInRuns.length - lost.size]);
        lossCount += lostWorkerCount;
      },
    ),
    { numRuns: 40 },
  );
  assert(lossCount > 10, `${lossCount} devices were lost`);
});

/** Windows of less than half a second, and room for one: speakers wait for the devices. */
const SHORT = {
  leftMs: 200,
  hopMs: 60,
  rightMs: 60,
  firstWindowMs: 100,
  maxWindowMs: 400,
  backlogMs: 50,
};

/** Has speakers speak, and checks that every frame of theirs was committed once, in order. */
async function checkSpeakers(
  engine: CaptionEngine,
  speakers: readonly Speaker[],
  windows: StreamOptions,
): Promise<void> {
  const { geometry, sampleRateHz } = engine.model;
  const streams = speakers.map(() => engine.open({ ...windows, wordPauseMs: Infinity }));
  const reading = streams.map((stream) => read(stream));
  const writing = streams.map((stream, i) => {
    const { tokens, commands } = speakers[i]!;
    return speak(stream, echoSamples(tokens, geometry), commands);
  });
  for (const [i, stream] of streams.entries()) {
    const finalizeCount = await writing[i]!;
    const events = await reading[i]!;
    checkEvents(events, stream);
    const words = captionsOf(events).flatMap(({ committed }) => committed);
    const actual = words.map(({ text }) => text);
    const expected = offlineWords(speakers[i]!.tokens);
    if (finalizeCount === 0) assertEquals(actual, expected);
    else assertEquals(actual.join(""), expected.join(""));
    const finalized = events.filter(({ kind }) => kind === "finalize").length;
    assert(finalized <= finalizeCount && (finalized > 0) === (finalizeCount > 0));
  }
  const { streamCount, committedSeconds } = engine.stats;
  assertEquals(streamCount, 0);
  const committedFrames = committedSeconds * sampleRateHz / geometry.strideSamples;
  const spokenFrames = speakers.reduce((sum, { tokens }) => sum + tokens.length, 0);
  assertEquals(Math.round(committedFrames), spokenFrames);
}

/** Something that is not speech, for weights that are not trained. */
function recording(sampleCount: number): Float32Array {
  let state = 3;
  return Float32Array.from({ length: sampleCount }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const pitch = 40 + 30 * Math.sin(i / 1900);
    return 0.2 * Math.sin(i / 700) *
      (Math.sin(i / pitch * 6) + (state / 2 ** 31 - 1) * Math.sin(i / 1100));
  });
}

async function captionWith(
  engine: CaptionEngine,
  options: StreamOptions,
  feed: (stream: CaptionStream, events: readonly CaptionEvent[]) => Promise<void>,
): Promise<CaptionEvent[]> {
  await using stream = engine.open(options);
  const events: CaptionEvent[] = [];
  const reading = read(stream, events);
  await feed(stream, events);
  stream.end();
  return await reading;
}

/** A model of one of the golden checkpoints, HuBERT's or Wav2Vec2-BERT's. */
async function goldenModel(name: string): Promise<SpeechModel<"ctc">> {
  const load = (path: string) => loadModel(path, { task: "ctc", backend: "cpu", parts: [] });
  if (name !== "bert_ctc" && name !== "bert_ctc_adapter") {
    return await load(join(GOLDEN_FOLDER, name));
  }
  await using folder = await bertCheckpoint(name);
  const model = await load(folder.path);
  await model.session({ part: "whole" }); // while the folder is there
  await model.session({ part: "whole", hasFrameMask: true });
  return model;
}

const BEAM = { beamWidth: 8, settleMs: 100 };

const CHOICES = [
  ...["ctc_group", "ctc_adapter", "bert_ctc", "bert_ctc_adapter"].map((name) => [name] as const),
  ...["ctc_group", "ctc_adapter", "bert_ctc"].map((name) => [name, BEAM] as const),
];

for (const [name, decoder] of CHOICES) {
  const title = decoder === undefined ? name : `${name} with beam search`;
  Deno.test(`${title}: words do not depend on how samples come`, async () => {
    const model = await goldenModel(name);
    await using engine = new CaptionEngine(model, { nowMs: () => 0, decoder }); // never behind
    const samples = recording(24_000);
    const options = { leftMs: 500, hopMs: 150, rightMs: 100, maxWindowMs: 1500 };
    const at = [5000, 5001, 16_000]; // finalized here
    const run = (sizes: readonly number[]) =>
      captionWith(engine, options, async (stream, events) => {
        for (let from = 0, i = 0; from < samples.length; i++) {
          const nextStop = at.find((stop) => stop > from) ?? samples.length;
          const end = Math.min(nextStop, samples.length, from + sizes[i % sizes.length]!);
          await stream.write(samples.subarray(from, end));
          from = end;
          if (at.includes(from)) {
            stream.finalize(); // answered, as a second one may be answered together with it
            while (!events.some((event) => event.kind === "finalize" && event.atSample === from)) {
              await new Promise((resolve) => setTimeout(resolve, 1));
            }
          }
        }
      });
    const summary = (events: readonly CaptionEvent[]) => ({
      words: captionsOf(events).flatMap(({ committed }) => committed),
      utterances: events.filter(({ kind }) => kind === "speechStart" || kind === "utteranceEnd"),
    });
    const expected = summary(await run([24_000]));
    assert(expected.words.length > 0, "random weights must say something for this test");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1 }),
        async (sizes) => {
          if (Math.max(...sizes) < 100) return; // thousands of pushes
          assertEquals(summary(await run(sizes)), expected);
        },
      ),
      { numRuns: 5 },
    );
  });
}

for (const name of ["ctc_group", "ctc_adapter", "bert_ctc", "bert_ctc_adapter"]) {
  Deno.test(`${name}: a window that holds the recording says what the recording says as a whole`, async () => {
    await using engine = new CaptionEngine(await goldenModel(name), { nowMs: () => 0 });
    const { model } = engine;
    const whole: StreamOptions = {
      ...{ hopMs: Infinity, firstWindowMs: Infinity, maxWindowMs: 4000, leftMs: 500, rightMs: 500 },
      wordPauseMs: Infinity,
    };
    const all = recording(60_000);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 60_000 }),
        fc.array(fc.integer({ min: 100, max: 9000 }), { minLength: 1, maxLength: 5 }),
        async (sampleCount, sizes) => {
          const samples = all.subarray(0, sampleCount);
          const events = await captionWith(engine, whole, async (stream) => {
            for (let at = 0, i = 0; at < sampleCount; i++) {
              const end = Math.min(sampleCount, at + sizes[i % sizes.length]!);
              await stream.write(samples.subarray(at, end));
              at = end;
            }
          });
          const words = captionsOf(events).flatMap(({ committed }) => committed);
          const offline = await transcribe(samples, { model });
          const place = ({ confidence: _, ...word }: Word) => word;
          assertEquals(words.map(place), offline.words.map(place));
          words.forEach(({ confidence }, i) =>
            // streams share a graph with a mask, which rounds differently
            assertAlmostEquals(confidence, offline.words[i]!.confidence, 1e-4)
          );
        },
      ),
      { numRuns: 8 },
    );
  });
}
