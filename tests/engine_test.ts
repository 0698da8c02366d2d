import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { CaptionEngine, type EngineOptions } from "../src/engine.ts";
import { readSpeech } from "../src/audio/decode.ts";
import { BackendError, OverloadError } from "../src/errors.ts";
import type { CaptionEvent } from "../src/event_queue.ts";
import { loadModel } from "../src/load_model.ts";
import type { StreamOptions } from "../src/stream.ts";
import { transcribe } from "../src/transcribe.ts";
import { fromFileUrl, join } from "../src/std.ts";
import { bertCheckpoint } from "./bert_checkpoint.ts";
import {
  eventsOf,
  gate,
  HELLO,
  repeat,
  replacement,
  setUp,
  setUpTwo,
  textOf,
  WINDOWS,
} from "./echo_engine.ts";
import { echoModel } from "./echo_device.ts";
import { GOLDEN_FOLDER } from "./golden.ts";

Deno.test("a stream's words, and its end", async () => {
  await using setup = await setUp();
  const stream = setup.engine.open(WINDOWS);
  setup.say(stream, repeat(HELLO, 240));
  stream.end();
  const events = await eventsOf(stream);
  assertEquals(textOf(events), repeat(["ab", "hello"] as never, 40).join(" "));
  assertEquals(events.at(-1), { kind: "end", atSample: stream.samplesReceived });
  assertEquals(setup.engine.stats.streamCount, 0);
  assertThrows(() => stream.push(new Float32Array(1)), TypeError, "ended");
  assertThrows(() => stream.finalize(), TypeError, "ended");
  stream.end();
});

Deno.test("windows of a young stream begin in silence, unless it is not wanted", async () => {
  await using setup = await setUp();
  const { geometry, sampleRateHz } = setup.echo.model;
  const tokens = repeat(HELLO, 24);
  for (const [lead, seconds] of [[{}, 3], [{ leadMs: 0 }, 0]] as const) {
    const runsBefore = setup.echo.device.shapes.length;
    const stream = setup.engine.open({ ...lead, firstWindowMs: 100 });
    setup.say(stream, tokens);
    while (setup.echo.device.shapes.length === runsBefore) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    stream.end();
    assertEquals(textOf(await eventsOf(stream)), "ab hello ab hello");
    const [, sampleCount] = setup.echo.device.shapes[runsBefore]!;
    const shortest = Math.max(seconds * sampleRateHz, geometry.sampleCount(tokens.length));
    assert(Math.abs(sampleCount! - shortest) <= 25 * geometry.strideSamples, `${sampleCount}`);
  }
});

Deno.test("an end right after a finalize ends the stream, after both are answered", async () => {
  for (const rightMs of [0, 150]) {
    for (const frameCount of [0, 1, 27, 200]) {
      await using setup = await setUp();
      const stream = setup.engine.open({ ...WINDOWS, rightMs });
      if (frameCount > 0) setup.say(stream, repeat(HELLO, frameCount));
      stream.finalize();
      stream.end();
      const kinds = (await eventsOf(stream)).map(({ kind }) => kind);
      assertEquals(kinds.slice(-2), ["finalize", "end"], `${frameCount} frames`);
      assertEquals(kinds.filter((kind) => kind === "end" || kind === "finalize").length, 2);
    }
  }
});

Deno.test("finalize and end asked for while a window that commits everything is on the device", async () => {
  for (const ask of ["finalize", "end", "both"] as const) {
    await using setup = await setUp();
    const { open, isReached } = gate(setup.echo.device);
    // without right context the first window, of 27 frames, leaves nothing to commit
    const stream = setup.engine.open({ ...WINDOWS, rightMs: 0, firstWindowMs: 200 });
    setup.say(stream, repeat(HELLO, 27));
    await isReached;
    if (ask !== "end") stream.finalize();
    if (ask !== "finalize") stream.end();
    open();
    const answered: string[] = [];
    let text = "";
    for await (const event of stream) {
      if (event.kind === "caption") text += textOf([event]);
      if (event.kind === "finalize" || event.kind === "end") answered.push(event.kind);
      if (event.kind === (ask === "finalize" ? "finalize" : "end")) break;
    }
    assertEquals(answered, ask === "both" ? ["finalize", "end"] : [ask]);
    assertEquals(text.replaceAll(" ", ""), "abhelloabhelloa");
  }
});

Deno.test("finalize is answered once and the stream goes on", async () => {
  await using setup = await setUp();
  const stream = setup.engine.open(WINDOWS);
  setup.say(stream, HELLO);
  stream.finalize();
  stream.finalize();
  const seen: CaptionEvent[] = [];
  for await (const event of stream) {
    seen.push(event);
    if (event.kind === "finalize") break;
  }
  assertEquals(textOf(seen), "ab hello");
  assertEquals(seen.at(-1), { kind: "finalize", atSample: stream.samplesReceived });
  stream.finalize(); // nothing new
  setup.say(stream, [0, 0, ...HELLO]);
  stream.end();
  const rest = await eventsOf(stream);
  assertEquals(textOf(rest), "ab hello");
  assertEquals(rest.filter(({ kind }) => kind === "finalize").length, 1);
});

Deno.test("an aborted stream's window on the device comes back to nobody", async () => {
  await using setup = await setUp();
  const { open, isReached } = gate(setup.echo.device);
  const controller = new AbortController();
  const stream = setup.engine.open({ ...WINDOWS, signal: controller.signal });
  const other = setup.engine.open(WINDOWS);
  setup.say(stream, repeat(HELLO, 100));
  setup.say(other, repeat(HELLO, 60));
  const reading = eventsOf(stream);
  await isReached;
  const reason = new Error("hung up");
  controller.abort(reason);
  assertEquals(await assertRejects(() => reading, Error), reason);
  open();
  other.end();
  assertEquals(textOf(await eventsOf(other)), repeat(["ab", "hello"] as never, 10).join(" "));
  stream.abort();
  await stream[Symbol.asyncDispose]();
  assertEquals(setup.engine.stats.streamCount, 0);
  assertThrows(() => setup.engine.open({ signal: controller.signal }), Error, "hung up");
  assertEquals(setup.engine.stats.streamCount, 0);
});

Deno.test("streams of one name are two streams", async () => {
  await using setup = await setUp({ maxBatch: 3 });
  const streams = [1, 2, 3].map(() => setup.engine.open({ ...WINDOWS, id: "same" }));
  for (const stream of streams) {
    setup.say(stream, repeat(HELLO, 48));
    stream.end();
  }
  const texts = (await Promise.all(streams.map(eventsOf))).map(textOf);
  assertEquals(new Set(texts).size, 1);
  assertEquals(texts[0], repeat(["ab", "hello"] as never, 8).join(" "));
  assert(setup.echo.device.shapes.some(([rows]) => rows === 3), "windows share runs");
});

Deno.test("a run that throws loses nothing", async () => {
  await using setup = await setUp({ reloads: false });
  let count = 0;
  setup.echo.device.fault = () => count++ % 7 === 0 ? "throw" : "none";
  const streams = [1, 2, 3, 4].map(() => setup.engine.open(WINDOWS));
  for (const stream of streams) {
    setup.say(stream, repeat(HELLO, 120));
    stream.end();
  }
  for (const stream of streams) {
    assertEquals(textOf(await eventsOf(stream)), repeat(["ab", "hello"] as never, 20).join(" "));
  }
  assert(setup.engine.stats.failureCount > 2);
});

Deno.test("scores that are no numbers are a failure, not a caption", async () => {
  await using setup = await setUp({ reloads: false });
  let count = 0;
  setup.echo.device.fault = (_, output) =>
    output === "logits" && count++ % 7 === 2 ? "nan" : "none";
  const stream = setup.engine.open(WINDOWS);
  setup.say(stream, repeat(HELLO, 120));
  stream.end();
  assertEquals(textOf(await eventsOf(stream)), repeat(["ab", "hello"] as never, 20).join(" "));
  assert(setup.engine.stats.failureCount > 0);
});

Deno.test("a stream whose windows always fail ends alone", async () => {
  await using setup = await setUp();
  const poison = 11;
  // seen in the samples, where each frame's token is
  setup.echo.device.fault = ({ data }) =>
    (data as Float32Array).some((value) => Math.round(value * 100) === poison) ? "throw" : "none";
  const good = [1, 2, 3].map(() => setup.engine.open(WINDOWS));
  const bad = setup.engine.open(WINDOWS);
  setup.say(bad, repeat([0, poison], 120));
  for (const stream of good) setup.say(stream, repeat(HELLO, 120));
  for (const stream of [bad, ...good]) stream.end();
  await assertRejects(() => eventsOf(bad), BackendError, "injected");
  for (const stream of good) {
    assertEquals(textOf(await eventsOf(stream)), repeat(["ab", "hello"] as never, 20).join(" "));
  }
  assertEquals(setup.engine.stats.reloadCount, 0);
});

Deno.test("batches shrink to what the device takes", async () => {
  await using setup = await setUp({ reloads: false });
  setup.echo.device.fault = ({ shape }) => shape[0]! > 2 ? "throw" : "none";
  const streams = Array.from({ length: 9 }, () => setup.engine.open(WINDOWS));
  for (const stream of streams) {
    setup.say(stream, repeat(HELLO, 120));
    stream.end();
  }
  for (const stream of streams) {
    assertEquals(textOf(await eventsOf(stream)), repeat(["ab", "hello"] as never, 20).join(" "));
  }
  const { failureCount, runCount } = setup.engine.stats;
  assert(failureCount <= 3 && runCount > 10, `${failureCount} failures in ${runCount} runs`);
});

Deno.test("a lost device is opened anew, as often as it takes, and nothing is lost", async () => {
  await using setup = await setUp();
  const { echo, engine, say } = setup;
  let refusals = 2;
  const load = echo.load;
  echo.load = async () => {
    if (refusals-- > 0) throw new BackendError("Cannot open: still gone", { backend: "wasm" });
    echo.device = replacement(echo);
    return await load();
  };
  const streams = [engine.open(WINDOWS), engine.open(WINDOWS)];
  for (const stream of streams) say(stream, repeat(HELLO, 60));
  for await (const event of streams[0]!) if (event.kind === "caption") break;
  echo.device.isLost = true;
  for (const stream of streams) {
    say(stream, repeat(HELLO, 60));
    stream.end();
  }
  const lines = await Promise.all(streams.map(eventsOf));
  assert(textOf(lines[1]!).endsWith("ab hello"));
  assertEquals(textOf(lines[1]!), repeat(["ab", "hello"] as never, 20).join(" "));
  assertEquals(engine.stats.reloadCount, 1);
  const late = engine.open(WINDOWS);
  say(late, HELLO);
  late.end();
  assertEquals(textOf(await eventsOf(late)), "ab hello");
});

Deno.test("a device that never comes back ends every stream with the reason", async () => {
  await using setup = await setUp({ maxFailures: 3 });
  const streams = [setup.engine.open(WINDOWS), setup.engine.open(WINDOWS)];
  setup.echo.device.isLost = true;
  for (const stream of streams) setup.say(stream, repeat(HELLO, 60));
  for (const stream of streams) {
    await assertRejects(() => eventsOf(stream), BackendError, "lost");
  }
  assertThrows(() => setup.engine.open(), BackendError, "lost");
  assert(setup.engine.failure instanceof BackendError);
});

Deno.test("a run that takes too long is a lost device", async () => {
  for (const reloads of [true, false]) {
    // a machine that is busy may be late with other runs, too
    await using setup = await setUp({ reloads, runTimeoutMs: 300, maxFailures: 20 });
    const { echo, engine, say } = setup;
    const first = echo.device;
    first.fault = () => "hang";
    const load = echo.load;
    echo.load = () => {
      echo.device = replacement(echo);
      return load();
    };
    const stream = engine.open(WINDOWS);
    say(stream, repeat(HELLO, 60));
    stream.end();
    if (reloads) {
      assertEquals(textOf(await eventsOf(stream)), repeat(["ab", "hello"] as never, 10).join(" "));
    } else {
      await assertRejects(() => eventsOf(stream), BackendError, "more than 300 ms");
    }
    first.letGo();
  }
});

Deno.test("two devices run beside each other, and never two windows of one stream", async () => {
  await using setup = await setUpTwo();
  const { echo, engine, second, say } = setup;
  let [running, most] = [0, 0];
  for (const device of [echo.device, second]) {
    device.cost = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve));
      running--;
    };
  }
  const only = engine.open(WINDOWS);
  say(only, repeat(HELLO, 240));
  only.end();
  assertEquals(textOf(await eventsOf(only)), repeat(["ab", "hello"] as never, 40).join(" "));
  assertEquals(most, 1);
  const streams = Array.from({ length: 5 }, () => engine.open(WINDOWS));
  for (const stream of streams) {
    say(stream, repeat(HELLO, 120));
    stream.end();
  }
  for (const text of (await Promise.all(streams.map(eventsOf))).map(textOf)) {
    assertEquals(text, repeat(["ab", "hello"] as never, 20).join(" "));
  }
  assertEquals([most, engine.stats.workerCount], [2, 2]);
});

Deno.test("while one of two devices is opened anew, the other does all the work", async () => {
  for (const lost of [0, 1]) {
    await using setup = await setUpTwo();
    const { echo, engine, second, say } = setup;
    const opening = Promise.withResolvers<number>();
    const load = echo.load;
    const mayOpen = Promise.withResolvers<void>();
    echo.load = async (_signal, worker) => {
      opening.resolve(worker!);
      await mayOpen.promise;
      echo.device = replacement(echo);
      return await load();
    };
    const streams = Array.from({ length: 4 }, () => engine.open(WINDOWS));
    [echo.device, second][lost]!.isLost = true;
    for (const stream of streams) {
      say(stream, repeat(HELLO, 120));
      stream.end();
    }
    for (const text of (await Promise.all(streams.map(eventsOf))).map(textOf)) {
      assertEquals(text, repeat(["ab", "hello"] as never, 20).join(" "));
    }
    assertEquals([await opening.promise, engine.stats.reloadCount], [lost, 0]);
    mayOpen.resolve();
  }
});

Deno.test("a change of the model's language reaches every copy, and ends the streams that are open", async () => {
  const folder = join(GOLDEN_FOLDER, "ctc_adapter");
  const load = (options: { targetLang?: string } = {}) =>
    loadModel(folder, {
      ...{ ...options, task: "ctc", backend: "cpu", threadCount: 1, parts: [] },
    });
  const samples = Float32Array.from({ length: 16_000 }, (_, i) => 0.2 * Math.sin(i * i / 9000));
  const wordsOf = async (engine: CaptionEngine, streamCount: number) => {
    const streams = Array.from({ length: streamCount }, () => engine.open(WINDOWS));
    for (const stream of streams) {
      stream.push(samples);
      stream.end();
    }
    return (await Promise.all(streams.map(eventsOf))).map(textOf);
  };
  const texts = new Map<string, string>();
  for (const targetLang of ["eng", "deu"]) {
    await using engine = new CaptionEngine(await load({ targetLang }), { nowMs: () => 0 });
    texts.set(targetLang, (await wordsOf(engine, 1))[0]!);
  }
  assert(texts.get("deu") !== "" && texts.get("deu") !== texts.get("eng"), "languages differ");
  const [model, copy] = [await load({ targetLang: "eng" }), await load({ targetLang: "eng" })];
  const options = { copies: [copy], maxBatch: 1, nowMs: () => 0 };
  await using engine = new CaptionEngine(model, options);
  assertEquals(await wordsOf(engine, 2), Array(2).fill(texts.get("eng")));
  const old = engine.open(WINDOWS);
  await engine.setTargetLang("deu");
  const busyMs = [model, copy].map((each) => each.busyMs);
  assertEquals(await wordsOf(engine, 4), Array(4).fill(texts.get("deu")));
  for (const [i, each] of [model, copy].entries()) {
    assertEquals(each.targetLang, "deu");
    assert(each.busyMs > busyMs[i]!, `copy ${i} ran`);
  }
  await assertRejects(() => eventsOf(old), TypeError, 'language to "deu"');
});

Deno.test("closing ends readers, writers and a model that is being opened", async () => {
  const setup = await setUp();
  const { echo, engine, say } = setup;
  const opening = Promise.withResolvers<void>();
  const load = echo.load;
  echo.load = async () => {
    opening.resolve();
    await new Promise((resolve) => setTimeout(resolve, 10));
    echo.device = replacement(echo);
    return await load();
  };
  const stream = engine.open({ ...WINDOWS, backlogMs: 100 });
  echo.device.isLost = true;
  say(stream, repeat(HELLO, 60));
  const writing = assertRejects(() => stream.write(new Float32Array(80_000)), TypeError, "ended");
  const reading = assertRejects(() => eventsOf(stream), DOMException, "aborted");
  await opening.promise;
  await setup[Symbol.asyncDispose]();
  await Promise.all([writing, reading]);
  await engine[Symbol.asyncDispose]();
  assertThrows(() => engine.open(), TypeError, "closed");
});

Deno.test("a closed engine does not wait for a run that hangs", async () => {
  const setup = await setUp({ reloads: false });
  setup.echo.device.fault = () => "hang";
  const stream = setup.engine.open(WINDOWS);
  setup.say(stream, repeat(HELLO, 60));
  await new Promise((resolve) => setTimeout(resolve, 5));
  setTimeout(() => setup.echo.device.letGo(), 20); // as a worker does when its model is closed
  await setup[Symbol.asyncDispose]();
});

Deno.test("a stream that was silent for a minute is not a minute behind", async () => {
  let nowMs = 0;
  await using setup = await setUp({ nowMs: () => nowMs });
  const stream = setup.engine.open(WINDOWS);
  setup.say(stream, repeat(HELLO, 80));
  for await (const event of stream) if (event.kind === "caption") break;
  nowMs = 60_000;
  stream.finalize();
  for await (const event of stream) if (event.kind === "finalize") break;
  nowMs = 120_000;
  setup.say(stream, repeat(HELLO, 10));
  nowMs = 180_000;
  stream.end();
  await eventsOf(stream);
  assertEquals(setup.engine.stats.overload.step, "admit");
});

Deno.test("audio that comes faster than it is spoken waits for nobody's sake", async () => {
  let nowMs = 0;
  await using setup = await setUp({ nowMs: () => nowMs });
  setup.echo.device.cost = () => Promise.resolve(void (nowMs += 10));
  const bulk = setup.engine.open(WINDOWS);
  setup.say(bulk, repeat(HELLO, 4000)); // 30 s at once: 150 windows, 1.5 s of work
  bulk.end();
  await eventsOf(bulk);
  assertEquals(setup.engine.stats.overload.entered.coalesce, 0);
});

Deno.test("an engine that refused takes streams again once it has rested", async () => {
  let nowMs = 0;
  await using setup = await setUp({ nowMs: () => nowMs });
  setup.echo.device.cost = () => Promise.resolve(void (nowMs += 3000));
  const streams = [1, 2].map(() => setup.engine.open(WINDOWS));
  const told: string[] = [];
  for (const stream of streams) setup.say(stream, repeat(HELLO, 700));
  const reading = (async () => {
    for (const stream of streams) {
      for await (const event of stream) if (event.kind === "overload") told.push(event.step);
    }
  })();
  while (setup.engine.stats.overload.step !== "refuse") {
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const stream of streams) {
      if (stream.freeSamples > 6000) setup.say(stream, repeat(HELLO, 40));
    }
  }
  const { retryAfterMs } = assertThrows(() => setup.engine.open(), OverloadError, "behind");
  assertEquals(retryAfterMs, 5000);
  for (const stream of streams) stream.end();
  await reading;
  assertEquals(told.slice(0, 3), ["coalesce", "degrade", "refuse"]);
  setup.echo.device.cost = () => Promise.resolve();
  nowMs += 60_000;
  await using _again = setup.engine.open();
  assertEquals(setup.engine.stats.overload.step, "admit");
  const { shed } = setup.engine.stats.overload;
  assert(shed.streams === 1 && shed.hops > 0, `${shed.streams} streams, ${shed.hops} hops`);
});

Deno.test("no more streams than allowed, no longer windows than allowed", async () => {
  await using setup = await setUp({ maxStreams: 1, maxWindowMs: 2000 });
  assertThrows(() => setup.engine.open(), RangeError, "leftMs 4000 + hopMs 400 + rightMs 600");
  assertThrows(
    () => setup.engine.open({ ...WINDOWS, maxWindowMs: 2001 }),
    RangeError,
    "2000: 2001",
  );
  const stream = setup.engine.open(WINDOWS);
  assertThrows(() => setup.engine.open(WINDOWS), OverloadError, "there are 1");
  assertEquals(setup.engine.stats.refusedCount, 1);
  await stream[Symbol.asyncDispose]();
  await using _next = setup.engine.open(WINDOWS);
});

Deno.test("options that make no sense are refused", async () => {
  await using echo = await echoModel();
  await using _model = echo.model;
  const cases: EngineOptions[] = [
    { maxBatch: 0 },
    { maxBatchSeconds: NaN },
    { maxWindowMs: -1 },
    { deadlineMs: -1 },
    { runTimeoutMs: 0 },
    { runTimeoutMs: 2 ** 31 },
    { maxFailures: 0 },
  ];
  for (const options of cases) {
    assertThrows(() => new CaptionEngine(echo.model, options), RangeError);
  }
  await using _engine = new CaptionEngine(echo.model, { runTimeoutMs: Infinity });
});

Deno.test("streams of Wav2Vec2-BERT: one window says what transcribe() says, many are not disturbed by others", async () => {
  await using folder = await bertCheckpoint();
  await using engine = await CaptionEngine.load(folder.path, { backend: "cpu", nowMs: () => 0 });
  const path = fromFileUrl(new URL("../samples/harbour.wav", import.meta.url));
  const samples = (await readSpeech(path)).subarray(0, 5 * 16_000);
  const say = async (options: StreamOptions) => {
    await using stream = engine.open(options);
    for (let at = 0; at < samples.length; at += 1000) {
      stream.push(samples.subarray(at, at + 1000));
      await new Promise((resolve) => setTimeout(resolve));
    }
    stream.end();
    return textOf(await eventsOf(stream));
  };
  const whole: StreamOptions = {
    hopMs: Infinity,
    firstWindowMs: Infinity,
    maxWindowMs: 10_000,
    tailPaddingMs: 0,
    wordPauseMs: Infinity,
  };
  const { text } = await transcribe(samples, { model: engine.model });
  assert(text.length > 0);
  assertEquals(await say(whole), text);
  const alone = await say(WINDOWS);
  const together = await Promise.all([
    say(WINDOWS),
    say(WINDOWS),
    say({ ...WINDOWS, leftMs: 300 }),
  ]);
  assertEquals(together.slice(0, 2), [alone, alone]);
});
