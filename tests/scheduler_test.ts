import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import type { EngineRecord, FailureRecord } from "../src/engine_observer.ts";
import { BackendError, OverloadError } from "../src/errors.ts";
import { join } from "../src/std.ts";
import type { CaptionStream } from "../src/stream.ts";
import { type EchoDevice, type EchoModel, echoModel } from "./echo_device.ts";
import {
  eventsOf,
  gate,
  HELLO,
  repeat,
  replacement,
  setUp,
  setUpTwo,
  textOf,
  type TwoSetup,
  WINDOWS,
} from "./echo_engine.ts";
import { GOLDEN_FOLDER } from "./golden.ts";

/** A device fails for good after three runs without one that works. */
const SOON = { maxFailures: 3 };

const ORDERS = [{ lost: 0, left: 1 }, { lost: 1, left: 0 }] as const;

function devicesOf({ echo, second }: TwoSetup): readonly [EchoDevice, EchoDevice] {
  return [echo.device, second];
}

function gone(): BackendError {
  return new BackendError("Cannot open: gone", { backend: "wasm" });
}

/** Has a device fail for good: its model cannot be opened anew. */
function loseForGood(setup: TwoSetup, ...lost: readonly number[]): void {
  for (const worker of lost) devicesOf(setup)[worker]!.isLost = true;
  const load = setup.echo.load;
  setup.echo.load = (signal, worker) =>
    lost.includes(worker!) ? Promise.reject(gone()) : load(signal, worker);
}

function failuresIn(records: readonly EngineRecord[]): FailureRecord[] {
  return records.filter((record) => record.kind === "failure");
}

/** Says "ab hello" so many times and ends. */
function sayAll({ say }: TwoSetup, streams: readonly CaptionStream[], times: number): void {
  for (const stream of streams) {
    say(stream, repeat(HELLO, HELLO.length * times));
    stream.end();
  }
}

async function textsOf(streams: readonly CaptionStream[]): Promise<string[]> {
  return (await Promise.all(streams.map(eventsOf))).map(textOf);
}

const hellos = (times: number) => Array(times).fill("ab hello").join(" ");

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 0));
}

for (const { lost, left } of ORDERS) {
  const which = ["first", "second"][lost];

  Deno.test(`the ${which} of two devices is lost for good during a run: the other goes on with everything`, async () => {
    const records: EngineRecord[] = [];
    await using setup = await setUpTwo({
      ...SOON,
      observer: (record) => void records.push(record),
    });
    const { engine, models } = setup;
    const devices = devicesOf(setup);
    const gates = devices.map(gate);
    const streams = Array.from({ length: 4 }, () => engine.open(WINDOWS));
    sayAll(setup, streams, 10);
    const reading = textsOf(streams);
    await Promise.all(gates.map(({ isReached }) => isReached)); // both have windows
    loseForGood(setup, lost);
    for (const { open } of gates) open();
    assertEquals(await reading, Array(4).fill(hellos(10)));
    await until(() => engine.stats.lostWorkerCount === 1);
    assertEquals([engine.stats.workerCount, engine.failure], [1, undefined]);
    assertEquals(engine.model, models[left]);
    assertThrows(() => models[lost]!.forward({}), TypeError, "closed");
    const late = engine.open(WINDOWS);
    sayAll(setup, [late], 3);
    assertEquals(await textsOf([late]), [hellos(3)]);
    const told = failuresIn(records).map(({ recovery, workerCount }) => [recovery, workerCount]);
    assertEquals(told, [["lost", 1]]);
  });

  Deno.test(`the ${which} of two devices is lost for good between runs: the other goes on with everything`, async () => {
    await using setup = await setUpTwo(SOON);
    const { engine, say } = setup;
    const streams = Array.from({ length: 4 }, () => engine.open(WINDOWS));
    for (const stream of streams) say(stream, repeat(HELLO, 5 * HELLO.length));
    const { runCount } = engine.stats;
    await until(() => engine.stats.runCount > runCount + 1);
    let seen = -1;
    await until(() => {
      const isIdle = seen === engine.stats.runCount;
      seen = engine.stats.runCount;
      return isIdle;
    });
    loseForGood(setup, lost);
    sayAll(setup, streams, 5);
    assertEquals(await textsOf(streams), Array(4).fill(hellos(10)));
    await until(() => engine.stats.lostWorkerCount === 1);
    assertEquals([engine.stats.workerCount, engine.stats.streamCount], [1, 0]);
  });

  Deno.test(`the ${which} of two devices hangs and cannot be replaced: its windows run on the other`, async () => {
    // on a machine that is busy the other may be late, too, and is opened anew then
    await using setup = await setUpTwo({ runTimeoutMs: 300, maxFailures: 20 });
    const { engine, echo } = setup;
    const device = devicesOf(setup)[lost]!;
    device.fault = () => "hang";
    const load = echo.load;
    echo.load = (_signal, worker) => {
      if (worker === lost) return Promise.reject(gone());
      echo.device = replacement(echo);
      return load();
    };
    const streams = Array.from({ length: 4 }, () => engine.open(WINDOWS));
    sayAll(setup, streams, 10);
    assertEquals(await textsOf(streams), Array(4).fill(hellos(10)));
    await until(() => engine.stats.lostWorkerCount === 1);
    device.letGo(); // what it says now is nobody's
    assertEquals(engine.stats.workerCount, 1);
  });

  Deno.test(`the ${which} of two devices is lost while the language changes: the other speaks the new one`, async () => {
    await using setup = await setUpTwo(SOON);
    const { engine, models, say } = setup;
    const gates = devicesOf(setup).map(gate);
    const old = Array.from({ length: 3 }, () => engine.open(WINDOWS));
    for (const stream of old) say(stream, repeat(HELLO, 120));
    const ended = old.map((stream) => assertRejects(() => eventsOf(stream), TypeError, "deu"));
    await Promise.all(gates.map(({ isReached }) => isReached));
    const changing = engine.setTargetLang("deu");
    loseForGood(setup, lost);
    for (const { open } of gates) open();
    await Promise.all([changing, ...ended]);
    const streams = [engine.open(WINDOWS), engine.open(WINDOWS)];
    sayAll(setup, streams, 3); // of its letters German has "a" and, in place of "b" and "e", "ß" and "ü"
    assertEquals(await textsOf(streams), Array(2).fill(Array(3).fill("aß ü").join(" ")));
    await until(() => engine.stats.lostWorkerCount === 1);
    assertEquals([engine.model, engine.model.targetLang], [models[left], "deu"]);
  });

  Deno.test(`the ${which} of two devices cannot follow to another language: it is lost, not a stream`, async () => {
    const first = await echoModel();
    await using second = await echoModel();
    const echoes: EchoModel[] = [first, second];
    let reloadCount = 0;
    first.load = () => {
      reloadCount++;
      return Promise.reject(gone());
    };
    await using setup = await setUp({ ...SOON, echo: first, copies: [second.model] });
    const { engine, say } = setup;
    await engine.setTargetLang("deu"); // read from the first one's folder
    await Deno.remove(join(echoes[lost]!.model.source, "adapter.deu.bin"));
    const streams = Array.from({ length: 4 }, () => engine.open(WINDOWS));
    for (const stream of streams) {
      say(stream, repeat(HELLO, 5 * HELLO.length));
      stream.end();
    }
    assertEquals(await textsOf(streams), Array(4).fill(Array(5).fill("aß ü").join(" ")));
    await until(() => engine.stats.lostWorkerCount === 1);
    assertEquals([engine.model, reloadCount], [echoes[left]!.model, 3]);
  });
}

Deno.test("a language that the checkpoint lacks leaves the engine as it was", async () => {
  await using setup = await setUpTwo();
  const { engine } = setup;
  const stream = engine.open(WINDOWS);
  await assertRejects(() => engine.setTargetLang("xho"), RangeError, "deu");
  sayAll(setup, [stream], 3);
  assertEquals(await textsOf([stream]), [hellos(3)]);
  await engine[Symbol.asyncDispose]();
  await assertRejects(() => engine.setTargetLang("deu"), TypeError, "closed");
});

Deno.test("streams end only with the last device, with its error", async () => {
  for (const { lost, left } of ORDERS) {
    const records: EngineRecord[] = [];
    await using setup = await setUpTwo({
      ...SOON,
      observer: (record) => void records.push(record),
    });
    const { engine, say } = setup;
    loseForGood(setup, lost);
    const streams = Array.from({ length: 3 }, () => engine.open(WINDOWS));
    for (const stream of streams) say(stream, repeat(HELLO, 60));
    await until(() => engine.stats.lostWorkerCount === 1);
    assertEquals(engine.failure, undefined);
    loseForGood(setup, lost, left);
    for (const stream of streams) say(stream, repeat(HELLO, 60));
    for (const stream of streams) {
      await assertRejects(() => eventsOf(stream), BackendError, "gone");
    }
    assertThrows(() => engine.open(), BackendError, "gone");
    assert(engine.failure instanceof BackendError);
    assertEquals([engine.stats.workerCount, engine.stats.lostWorkerCount], [0, 2]);
    await until(() => failuresIn(records).length === 2);
    const told = failuresIn(records).map(({ recovery, workerCount }) => [recovery, workerCount]);
    assertEquals(told, [["lost", 1], ["hopeless", 0]]);
  }
});

Deno.test("two devices lost at once end the engine once", async () => {
  await using setup = await setUpTwo(SOON);
  const { engine } = setup;
  const gates = devicesOf(setup).map(gate);
  const streams = Array.from({ length: 4 }, () => engine.open(WINDOWS));
  sayAll(setup, streams, 10);
  await Promise.all(gates.map(({ isReached }) => isReached));
  loseForGood(setup, 0, 1);
  for (const { open } of gates) open();
  for (const stream of streams) {
    await assertRejects(() => eventsOf(stream), BackendError, "gone");
  }
  assertEquals(engine.stats.lostWorkerCount, 2);
});

Deno.test("an engine that is closed while a device is given up waits for nothing", async () => {
  const setup = await setUpTwo(SOON);
  const { engine, echo } = setup;
  const opening = Promise.withResolvers<void>();
  devicesOf(setup)[0].isLost = true;
  echo.load = (signal) => {
    opening.resolve();
    return new Promise((_, reject) =>
      signal!.addEventListener("abort", () => reject(signal!.reason))
    );
  };
  const streams = Array.from({ length: 3 }, () => engine.open(WINDOWS));
  sayAll(setup, streams, 5);
  assertEquals(await textsOf(streams), Array(3).fill(hellos(5)));
  await opening.promise;
  await setup[Symbol.asyncDispose]();
  assertEquals(engine.stats.lostWorkerCount, 0);
});

Deno.test("fewer devices take fewer streams; those that are open stay", async () => {
  await using setup = await setUpTwo({ ...SOON, maxStreams: 3 });
  const { engine, say } = setup;
  const streams = Array.from({ length: 3 }, () => engine.open(WINDOWS));
  loseForGood(setup, 0);
  for (const stream of streams) say(stream, repeat(HELLO, 60));
  await until(() => engine.stats.lostWorkerCount === 1);
  streams[0]!.end();
  await eventsOf(streams[0]!);
  assertThrows(() => engine.open(WINDOWS), OverloadError, "there are 2, the most allowed");
  streams[1]!.end();
  await eventsOf(streams[1]!);
  await using _another = engine.open(WINDOWS);
});

Deno.test("the language model outlives the copy that it came with", async () => {
  const languageModel = join(GOLDEN_FOLDER, "language_model", "small.arpa");
  await using setup = await setUpTwo({ ...SOON, echo: await echoModel({ languageModel }) });
  const { engine, models } = setup;
  loseForGood(setup, 0);
  const streams = Array.from({ length: 3 }, () => engine.open(WINDOWS));
  sayAll(setup, streams, 5);
  assertEquals(await textsOf(streams), Array(3).fill(hellos(5)));
  await until(() => engine.stats.lostWorkerCount === 1);
  assertEquals(models.map((model) => model.languageModel !== undefined), [true, false]);
  // it is an error to give weights to a language model that is not there
  const late = engine.open({ ...WINDOWS, decoder: { languageModel: { weight: 0.1 } } });
  sayAll(setup, [late], 2);
  assertEquals(await textsOf([late]), [hellos(2)]);
});
