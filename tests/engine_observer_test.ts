import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { CaptionEngine, type EngineOptions } from "../src/engine.ts";
import type { EngineObserver, EngineRecord } from "../src/engine_observer.ts";
import { BackendError, OverloadError } from "../src/errors.ts";
import type { HubertConfig } from "../src/model/config.ts";
import type { CaptionStream, StreamOptions } from "../src/stream.ts";
import { echoDevice, type EchoModel, echoModel, echoSamples } from "./echo_device.ts";

/** The echo's frames are 7.5 ms apart: hops of 27 frames, 11 of them ahead, no silence before them. */
const WINDOWS: StreamOptions = {
  ...{ leftMs: 600, hopMs: 200, rightMs: 80, firstWindowMs: 200, leadMs: 0 },
};

/** "ab" and "hello" in tokens of a frame each. */
const HELLO = [0, 5, 5, 6, 4, 8, 7, 9, 0, 9, 10, 4];

const HELLOS = (count: number) => Array.from({ length: count }, () => HELLO).flat();

interface Setup extends AsyncDisposable {
  readonly echo: EchoModel;
  readonly engine: CaptionEngine;
  readonly clock: { nowMs: number };
  readonly records: EngineRecord[];
}

/** An engine on a clock that only a test and runs move; `runMs` is what a run takes. */
async function setUp(
  { runMs = 0, ...options }: EngineOptions & { runMs?: number } = {},
): Promise<Setup> {
  const echo = await echoModel();
  const clock = { nowMs: 1000 };
  const records: EngineRecord[] = [];
  echo.device.cost = () => Promise.resolve(void (clock.nowMs += runMs));
  const engine = new CaptionEngine(echo.model, {
    nowMs: () => clock.nowMs,
    reopenDelayMs: 0,
    frontEndCache: false, // one run a batch
    observer: (record) => void records.push(record),
    ...options,
    load: () => echo.load(),
  });
  return {
    ...{ echo, engine, clock, records },
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      await echo[Symbol.asyncDispose]();
    },
  };
}

function ofKind<K extends EngineRecord["kind"]>(
  records: readonly EngineRecord[],
  kind: K,
): Extract<EngineRecord, { kind: K }>[] {
  return records.filter((record) => record.kind === kind) as Extract<EngineRecord, { kind: K }>[];
}

async function textOf(stream: CaptionStream): Promise<string> {
  const words: string[] = [];
  for await (const event of stream) {
    if (event.kind === "caption") words.push(...event.committed.map(({ text }) => text));
  }
  return words.join(" ");
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("runs: their windows, how long these waited, and how late they were", async () => {
  await using setup = await setUp({ runMs: 30, deadlineMs: 100 });
  const { engine, clock, echo: { model: { geometry } } } = setup;
  const streams = ["ada", "bob"].map((id) => engine.open({ ...WINDOWS, id }));
  const samples = echoSamples(HELLOS(5), geometry);
  const hop = geometry.sampleCount(27);
  // both are due at 1000, but the clock has moved on when the engine sees them
  for (const stream of streams) stream.push(samples.subarray(0, hop));
  clock.nowMs = 1090;
  await until(() => setup.records.some(({ kind }) => kind === "commit"));
  const [run, ...others] = ofKind(setup.records, "run");
  assertEquals(others, []);
  const window = {
    sampleCount: hop,
    newSampleCount: 27 * geometry.strideSamples,
    hopsSpared: 0,
    queueMs: 90,
    latenessMs: 20,
  };
  assertEquals(run, {
    ...{ kind: "run", atMs: 1090, runMs: 30 },
    windows: [{ streamId: "ada", ...window }, { streamId: "bob", ...window }],
  });
  assertEquals(
    setup.records.slice(0, 2).map(({ kind }) => kind),
    ["run", "commit"],
    "a run is told before what it committed",
  );
});

Deno.test("a word's latency goes from the push of its last sample to its commit", async () => {
  await using setup = await setUp({ runMs: 3 });
  const { engine, clock, echo: { model: { geometry } } } = setup;
  const stream = engine.open({ ...WINDOWS, id: "ada", maxWindowMs: 1500 });
  const samples = echoSamples(HELLOS(20), geometry);
  const pushedMs = new Map<number, number>();
  for (let at = 0; at < samples.length; at += 100) {
    clock.nowMs += 7;
    pushedMs.set(at / 100, clock.nowMs);
    stream.push(samples.subarray(at, at + 100));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  stream.end();
  await textOf(stream);
  const commits = ofKind(setup.records, "commit");
  const words = commits.flatMap(({ words, atMs }) => words.map((word) => ({ ...word, atMs })));
  assertEquals(words.length, 40);
  for (const { word, latencyMs, atMs } of words) {
    const push = Math.floor((word.endSample - 1) / 100);
    assertEquals(latencyMs, atMs - pushedMs.get(push)!, word.text);
  }
  assert(new Set(words.map(({ latencyMs }) => latencyMs)).size > 3, "latencies differ");
  assert(commits.every(({ streamId }) => streamId === "ada"));
});

Deno.test("a word that a finalize commits long after its samples came is as late as that", async () => {
  await using setup = await setUp();
  const { engine, clock, echo: { model: { geometry } } } = setup;
  const stream = engine.open(WINDOWS);
  stream.push(echoSamples([0, 5, 5, 6], geometry));
  clock.nowMs += 5000;
  stream.finalize();
  for await (const event of stream) if (event.kind === "finalize") break;
  const [commit] = ofKind(setup.records, "commit");
  assertEquals(commit!.words.map(({ word, latencyMs }) => [word.text, latencyMs]), [["ab", 5000]]);
  const [run] = ofKind(setup.records, "run");
  assertEquals(run!.windows[0]!.queueMs, 0, "asked for only now");
});

Deno.test("failures: what failed, what was found, and that the windows ran again", async () => {
  await using setup = await setUp({ runMs: 10 });
  const { engine, echo } = setup;
  let count = 0;
  echo.device.fault = () => count++ === 0 ? "throw" : "none";
  const streams = ["ada", "bob"].map((id) => engine.open({ ...WINDOWS, id }));
  for (const stream of streams) {
    stream.push(echoSamples(HELLOS(2), echo.model.geometry));
    stream.end();
  }
  const texts = await Promise.all(streams.map(textOf));
  assertEquals(texts, ["ab hello ab hello", "ab hello ab hello"]);
  const [failure, ...others] = ofKind(setup.records, "failure");
  assertEquals(others, []);
  assert(failure!.error instanceof BackendError);
  assertEquals([failure!.windowCount, failure!.recovery, failure!.recoveryMs], [2, "well", 10]);
  assertEquals(failure!.endedStreamId, undefined);
  const ran = ofKind(setup.records, "run").flatMap(({ windows }) =>
    windows.map(({ streamId }) => streamId)
  );
  assertEquals(ran.toSorted(), ["ada", "bob"], "each once, in spite of the failure");
});

Deno.test("failures: a stream that is ended, a device that is renewed, an engine without hope", async () => {
  await using ended = await setUp({ maxFailures: 2 });
  // the probe is silent, the stream is not
  ended.echo.device.fault = ({ data }) =>
    (data as Float32Array).some((value) => value > 0.1) ? "throw" : "none";
  const bad = ended.engine.open({ ...WINDOWS, id: "bad" });
  bad.push(echoSamples(Array.from({ length: 30 }, () => 11), ended.echo.model.geometry));
  await assertRejects(() => textOf(bad), BackendError);
  assertEquals(
    ofKind(ended.records, "failure").map(({ endedStreamId }) => endedStreamId),
    [undefined, "bad"],
  );

  await using renewed = await setUp();
  const { echo, engine } = renewed;
  const { conv_dim } = echo.model.config as HubertConfig;
  const { geometry } = echo.model;
  echo.device.isLost = true;
  echo.device = echoDevice(geometry, conv_dim.at(-1)!);
  const stream = engine.open(WINDOWS);
  stream.push(echoSamples(HELLO, geometry));
  stream.end();
  assertEquals(await textOf(stream), "ab hello");
  assertEquals(ofKind(renewed.records, "failure").map(({ recovery }) => recovery), ["renewed"]);

  await using hopeless = await setUp({ maxFailures: 1 });
  hopeless.echo.device.isLost = true;
  const last = hopeless.engine.open(WINDOWS);
  last.push(echoSamples(HELLO, geometry));
  last.end();
  await assertRejects(() => textOf(last), BackendError);
  assertEquals(ofKind(hopeless.records, "failure").map(({ recovery }) => recovery), ["hopeless"]);
});

Deno.test("overload and refusals", async () => {
  await using setup = await setUp({ runMs: 3000, maxStreams: 2 });
  const { engine, clock, echo: { model: { geometry } } } = setup;
  const streams = [1, 2].map(() => engine.open({ ...WINDOWS, maxWindowMs: 1500 }));
  assertThrows(() => engine.open(WINDOWS), OverloadError);
  const reading = streams.map(textOf);
  for (const stream of streams) {
    stream.push(echoSamples(HELLOS(60), geometry));
    stream.end();
  }
  await Promise.all(reading);
  const steps = ofKind(setup.records, "overload").map(({ from, to }) => `${from}-${to}`);
  assertEquals(steps.slice(0, 3), ["admit-coalesce", "coalesce-degrade", "degrade-refuse"]);
  assertThrows(() => engine.open(WINDOWS), OverloadError, "behind");
  await until(() => ofKind(setup.records, "refusal").length === 2);
  const refusals = ofKind(setup.records, "refusal");
  assertEquals(refusals.map(({ reason }) => reason), ["full", "behind"]);
  assertEquals(refusals[1]!.atMs, clock.nowMs);
});

Deno.test("an observer that throws, rejects or closes what it hears of harms nobody", async () => {
  const observers: EngineObserver[] = [
    () => {
      throw new Error("a bug of the observer's");
    },
    // what an async function gives is no record's business
    (() => Promise.reject(new Error("a bug of the observer's"))) as EngineObserver,
  ];
  for (const observer of observers) {
    await using setup = await setUp({ observer });
    const stream = setup.engine.open(WINDOWS);
    stream.push(echoSamples(HELLOS(20), setup.echo.model.geometry));
    stream.end();
    assertEquals(await textOf(stream), Array(20).fill("ab hello").join(" "));
    assertEquals(setup.engine.stats.failureCount, 0);
  }
  const open: CaptionStream[] = [];
  await using setup = await setUp({
    observer: ({ kind }) => kind === "commit" && open.pop()?.abort(new Error("heard enough")),
  });
  const { engine, echo: { model: { geometry } } } = setup;
  open.push(engine.open(WINDOWS));
  const [aborted] = open;
  const other = engine.open(WINDOWS);
  for (const stream of [aborted!, other]) stream.push(echoSamples(HELLOS(20), geometry));
  await assertRejects(() => textOf(aborted!), Error, "heard enough");
  other.end();
  assertEquals(await textOf(other), Array(20).fill("ab hello").join(" "));
  assertEquals(engine.stats.streamCount, 0);
});
