import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { resolveConfig } from "../../src/server/config.ts";
import { type RunningServer, startServer } from "../../src/server/serve.ts";
import { fromFileUrl } from "../../src/std.ts";
import { BINARY, frame, RawSocket, TEXT } from "./raw_socket.ts";
import { MODEL, openServer, s16le, sampleSpeech, START, TestClient, wordsOf } from "./server.ts";

/** A session that began. */
async function begin(server: RunningServer): Promise<TestClient> {
  const client = new TestClient(`${server.url}/v1/captions`);
  await client.opened;
  client.say(START);
  await client.get("hello");
  return client;
}

Deno.test("native: audio goes up, captions come down, the end closes", async () => {
  await using server = await openServer();
  await using client = await begin(server);
  const hello = await client.get("hello");
  assertEquals([hello.role, hello.acceptedSamples, hello.lastSeq], ["speaker", 0, 0]);
  const speech = await sampleSpeech();
  client.socket.send(s16le(speech));
  client.say({ type: "end" });
  assertEquals(await client.closed, { code: 1000, reason: "The session is over" });
  assert(wordsOf(client.messages).length > 3);
  const seqs = client.messages.flatMap((message) => "seq" in message ? [message.seq] : []);
  assertEquals(seqs, [...new Set(seqs)].sort((a, b) => a - b));
  assertEquals(client.messages.findLast(({ type }) => type === "accepted"), {
    type: "accepted",
    samples: speech.length,
  });
  assertEquals(client.messages.findLast((message) => "seq" in message)?.type, "end");
});

Deno.test("native: finalize settles what was said, and the session goes on", async () => {
  await using server = await openServer();
  await using client = await begin(server);
  const bytes = s16le((await sampleSpeech()).subarray(0, 32_000));
  client.socket.send(bytes.subarray(0, 32_000));
  client.say({ type: "finalize" });
  assertEquals((await client.get("finalized")).atMs, 1000);
  client.say({ type: "keepalive" });
  client.socket.send(bytes.subarray(32_000));
  client.say({ type: "end" });
  assertEquals((await client.get("end")).atMs, 2000);
  wordsOf(client.messages);
});

Deno.test("native: any encoding, rate and channels, cut anywhere, even byte by byte", async () => {
  await using server = await openServer();
  const speech = await sampleSpeech();
  await using client = new TestClient(`${server.url}/v1/captions`);
  await client.opened;
  client.say({
    ...START,
    audio: { encoding: "f32le", sampleRateHz: 8000, channelCount: 2 },
  });
  const stereo = new Float32Array(2 * 1000).map((_, i) => speech[i] ?? 0);
  const bytes = new Uint8Array(stereo.buffer);
  for (let at = 0; at < bytes.length; at++) client.socket.send(bytes.subarray(at, at + 1));
  client.say({ type: "end" });
  assertEquals((await client.get("end")).atMs, 125);
  assertEquals((await client.closed).code, 1000);
});

/** What a client may get wrong, the error it is told, and how it is closed. */
const FAULTS: {
  name: string;
  code: string;
  close: number | undefined;
  starts: boolean;
  act: (client: TestClient) => void;
}[] = [
  {
    ...{ name: "binary before start", code: "not_started", close: 1008, starts: false },
    act: ({ socket }) => socket.send(new Uint8Array(100)),
  },
  {
    ...{ name: "end before start", code: "not_started", close: 1008, starts: false },
    act: (client) => client.say({ type: "end" }),
  },
  {
    ...{ name: "resume without a session", code: "bad_message", close: 1007, starts: false },
    act: (client) => client.say({ type: "resume", version: 1, token: "x", lastSeq: 0 }),
  },
  {
    ...{ name: "another version", code: "bad_message", close: 1007, starts: false },
    act: (client) => client.say({ ...START, version: 2 }),
  },
  {
    ...{ name: "a rate no ear has", code: "bad_message", close: 1007, starts: false },
    act: (client) => client.say({ ...START, audio: { encoding: "s16le", sampleRateHz: 1e9 } }),
  },
  {
    ...{ name: "windows that do not fit", code: "bad_message", close: 1007, starts: false },
    act: (client) => client.say({ ...START, settings: { hopMs: 5000, rightMs: 5000 } }),
  },
  {
    ...{ name: "two starts", code: "bad_message", close: 1007, starts: true },
    act: (client) => client.say(START),
  },
  {
    ...{ name: "no JSON", code: "bad_message", close: 1007, starts: true },
    act: ({ socket }) => socket.send("{"),
  },
  {
    ...{ name: "an unknown message", code: "bad_message", close: 1007, starts: true },
    act: (client) => client.say({ type: "sing" }),
  },
  {
    ...{ name: "a message with more in it", code: "bad_message", close: 1007, starts: true },
    act: (client) => client.say({ type: "end", __proto__x: {}, constructor: 1 }),
  },
  {
    ...{ name: "deep JSON", code: "bad_message", close: 1007, starts: true },
    act: ({ socket }) => socket.send("[".repeat(20_000)),
  },
  {
    ...{ name: "a giant message", code: "message_too_big", close: 1009, starts: true },
    act: ({ socket }) => socket.send(new Uint8Array(100_001)),
  },
  {
    ...{ name: "a giant text", code: "message_too_big", close: 1009, starts: true },
    act: ({ socket }) => socket.send(`"${"x".repeat(100_001)}"`),
  },
  {
    // close undefined: bytes still on their way may cut the connection before the close is read
    ...{ name: "a flood", code: "too_fast", close: undefined, starts: true },
    act: ({ socket }) => {
      for (let i = 0; i < 100; i++) socket.send(new Uint8Array(32_000));
    },
  },
  {
    ...{ name: "a storm of finalize", code: "too_fast", close: undefined, starts: true },
    act: (client) => {
      for (let i = 0; i < 1500; i++) client.say({ type: "finalize" });
    },
  },
  {
    ...{ name: "NaN", code: "bad_audio", close: 1007, starts: false },
    act: (client) => {
      client.say({ ...START, audio: { encoding: "f32le", sampleRateHz: 16_000 } });
      client.socket.send(new Float32Array([0, NaN, 0]));
    },
  },
];

Deno.test("native: what is wrong is told and closed, and nobody else is disturbed", async (t) => {
  const flags = { maxMessageBytes: 100_000, burstSeconds: 10, maxSpeed: 1, resumeSeconds: 0.05 };
  await using server = await openServer(flags);
  await using good = await begin(server);
  const bytes = s16le(await sampleSpeech());
  good.socket.send(bytes.subarray(0, 40_000));
  for (const { name, code, close, starts, act } of FAULTS) {
    await t.step(name, async () => {
      await using client = starts
        ? await begin(server)
        : new TestClient(`${server.url}/v1/captions`);
      await client.opened;
      act(client);
      const error = await client.get("error");
      assertEquals(error.code, code, error.message);
      const closed = await client.closed;
      if (close !== undefined) assertEquals(closed.code, close);
    });
  }
  await t.step("bad UTF-8, reserved bits and endless frames cut the connection", async () => {
    const frames = [
      frame(TEXT, new Uint8Array([0xc3, 0x28])),
      new Uint8Array([0xf2, 0x80, 0, 0, 0, 0]),
      frame(BINARY, new Uint8Array(10), 2 ** 40),
    ];
    for (const bytes of frames) {
      using raw = await RawSocket.open(server.url);
      assertEquals(raw.status, 101);
      await raw.send(bytes);
      await raw.rest();
    }
  });
  await t.step("a flood of headers is refused", async () => {
    const headers = Array.from({ length: 5000 }, (_, i) => `X-${i}: ${"y".repeat(100)}`);
    using raw = await RawSocket.open(server.url, { headers });
    assert([0, 400, 413, 431].includes(raw.status), raw.head);
  });
  good.socket.send(bytes.subarray(40_000));
  good.say({ type: "end" });
  assertEquals((await good.closed).code, 1000);
  assertEquals((await good.get("end")).atMs, bytes.length / 32);
  await settled(() => server.context.sessions.size === 0);
  await settled(() => server.context.gate.socketCount === 0);
  assertEquals(server.context.gate.speakerCount, 0);
});

/** Waits for what must come soon. */
async function settled(isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 5000;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error(`Never so: ${isSo}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("native: a session is resumed by its token only, and by one at a time", async () => {
  await using server = await openServer();
  await using first = await begin(server);
  const { session, token, acceptedSamples } = await first.get("hello");
  assertEquals(acceptedSamples, 0);
  const address = `${server.url}/v1/captions/${session}`;
  await using thief = new TestClient(address);
  await thief.opened;
  thief.say({ type: "resume", version: 1, token: "guess", lastSeq: 0 });
  assertEquals((await thief.get("error")).code, "bad_token");
  await using dreamer = new TestClient(address);
  await dreamer.opened;
  dreamer.say({ type: "resume", version: 1, token, lastSeq: 10 ** 15 });
  assertStringIncludes((await dreamer.get("error")).message, "the last one was 0");
  const speech = s16le((await sampleSpeech()).subarray(0, 16_000));
  first.socket.send(speech);
  await first.get("accepted");
  await using second = new TestClient(address);
  await second.opened;
  second.say({ type: "resume", version: 1, token, lastSeq: 0 });
  assertEquals((await second.get("hello")).acceptedSamples, 16_000);
  assertEquals((await first.get("error")).code, "replaced");
  assertEquals((await first.closed).code, 4000);
  second.say({ type: "end" });
  assertEquals((await second.get("end")).atMs, 1000);
  await second.closed;
  await using late = new TestClient(address);
  await late.opened;
  late.say({ type: "resume", version: 1, token, lastSeq: 0 });
  await late.closed;
  assertEquals((await late.get("hello")).isEnded, true);
  assertEquals(wordsOf(late.messages), wordsOf(second.messages));
});

Deno.test("native: a speaker who does not come back loses nothing but the session", async () => {
  await using server = await openServer({ resumeSeconds: 0.1 });
  await using client = await begin(server);
  const { session } = await client.get("hello");
  client.socket.send(s16le((await sampleSpeech()).subarray(0, 16_000)));
  await client.get("accepted");
  client.socket.close();
  await client.closed;
  await settled(() => server.context.captions.get(session)?.state === "ended");
  const { log } = server.context.captions.get(session)!;
  assertEquals(log.after(0).at(-1)?.type, "end");
  assert(log.words.length > 0);
});

Deno.test("native: connections that say nothing, and sessions that fall silent, end", async () => {
  await using server = await openServer({ startSeconds: 0.2, idleSeconds: 0.4 });
  await using mute = new TestClient(`${server.url}/v1/captions`);
  await using silent = await begin(server);
  assertEquals((await mute.get("error")).code, "start_timeout");
  assertEquals((await mute.closed).code, 1008);
  await new Promise((resolve) => setTimeout(resolve, 150));
  silent.say({ type: "keepalive" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assertEquals(silent.messages.some(({ type }) => type === "error"), false);
  assertEquals((await silent.get("error")).code, "idle");
  assertEquals((await silent.closed).code, 1008);
  await settled(() => server.context.gate.speakerCount === 0);
});

Deno.test("native: a session ends at its longest time, with all it heard", async () => {
  await using server = await openServer({ maxSessionSeconds: 1 });
  await using client = await begin(server);
  const { session } = await client.get("hello");
  client.socket.send(s16le((await sampleSpeech()).subarray(0, 16_000)));
  const error = await client.get("error");
  assertEquals([error.code, error.canResume], ["session_too_long", true]);
  await settled(() => server.context.captions.get(session)!.log.isClosed);
  assertEquals(server.context.captions.get(session)!.log.after(0).at(-1)?.type, "end");
});

Deno.test("native: a thousand connections that say nothing cost no session", async () => {
  await using server = await openServer({ maxSockets: 1001, startSeconds: 20 });
  const idle = await Promise.all(
    Array.from({ length: 1000 }, () => RawSocket.open(server.url)),
  );
  await using speaker = new TestClient(`${server.url}/v1/captions`);
  await speaker.opened;
  speaker.say(START);
  try {
    const statuses = idle.map(({ status }) => status);
    const open = statuses.filter((status) => status === 101).length;
    assertEquals(open, 1000, `${statuses}`);
    assertEquals(server.context.sessions.size, 0);
    using refused = await RawSocket.open(server.url);
    assertEquals(refused.status, 503);
    assertStringIncludes(refused.head.toLowerCase(), "retry-after");
    await speaker.get("hello");
    speaker.say({ type: "end" });
    assertEquals((await speaker.closed).code, 1000);
  } finally {
    for (const raw of idle) raw[Symbol.dispose]();
  }
  await settled(() => server.context.gate.socketCount === 0);
  await using client = await begin(server);
  client.say({ type: "end" });
  assertEquals((await client.closed).code, 1000);
});

Deno.test("native: a peer that answers no ping is gone, and its session waits for it", async () => {
  await using server = await openServer({ pingSeconds: 1, resumeSeconds: 60 });
  using raw = await RawSocket.open(server.url);
  await raw.send(frame(TEXT, new TextEncoder().encode(JSON.stringify(START))));
  await raw.send(frame(BINARY, s16le((await sampleSpeech()).subarray(0, 16_000))));
  await settled(() => [...server.context.sessions][0]?.acceptedSamples === 16_000);
  await settled(() => server.context.captions.counts.held === 1);
  assertEquals(server.context.gate.socketCount, 0);
  const [{ id }] = [...server.context.sessions] as unknown as [{ id: string }];
  const { token } = server.context.captions.get(id)!;
  await using back = new TestClient(`${server.url}/v1/captions/${id}`);
  await back.opened;
  back.say({ type: "resume", version: 1, token, lastSeq: 0 });
  back.say({ type: "end" });
  assertEquals((await back.get("end")).atMs, 1000);
  await back.closed;
});

Deno.test("native: a connection that dies without a word, or is half open, loses nothing", async () => {
  await using server = await openServer({ pingSeconds: 60 });
  const bytes = s16le((await sampleSpeech()).subarray(0, 24_000));
  for (const isHalfOpen of [false, true]) {
    const raw = await RawSocket.open(server.url);
    await raw.send(frame(TEXT, new TextEncoder().encode(JSON.stringify(START))));
    // cut in the middle of a sample
    await raw.send(frame(BINARY, bytes.subarray(0, 15_001)));
    await settled(() => {
      const [speaker] = server.context.sessions;
      return speaker?.acceptedSamples === 7500;
    });
    const [{ id }] = [...server.context.sessions] as unknown as [{ id: string }];
    const { token } = server.context.captions.get(id)!;
    if (!isHalfOpen) raw[Symbol.dispose]();
    await using back = new TestClient(`${server.url}/v1/captions/${id}`);
    await back.opened;
    back.say({ type: "resume", version: 1, token, lastSeq: 0 });
    const { acceptedSamples } = await back.get("hello");
    assertEquals(acceptedSamples, 7500);
    back.socket.send(bytes.subarray(2 * acceptedSamples));
    back.say({ type: "end" });
    assertEquals((await back.get("end")).atMs, 1500);
    await back.closed;
    if (isHalfOpen) {
      const { text, code } = await raw.rest();
      assertStringIncludes(text, '"replaced"');
      assertEquals(code, 4000);
      raw[Symbol.dispose]();
    }
  }
});

Deno.test("native: annotators and readings are told to speakers, viewers, and who comes late", async () => {
  const emotions = fromFileUrl(new URL("../golden/classify_weighted", import.meta.url));
  const flags = { port: 0, model: MODEL, backend: "cpu", annotators: `emotion=${emotions}` };
  await using server = await startServer(resolveConfig({ flags }));
  await server.settled;
  await using client = new TestClient(`${server.url}/v1/captions`);
  await client.opened;
  client.say({ ...START, settings: { alternatives: 3 } });
  const { session } = await client.get("hello");
  client.socket.send(s16le(await sampleSpeech()));
  client.say({ type: "end" });
  await client.closed;
  const said = client.messages.filter((message) => message.type === "annotation");
  assert(said.length > 0);
  for (const { annotator, annotation } of said) {
    assertEquals(annotator, "emotion");
    assert(annotation.kind === "labels" && annotation.scores.length > 1);
    assert(annotation.endMs > annotation.startMs && annotation.endMs <= 2500);
  }
  const words = client.messages.flatMap((message) =>
    message.type === "caption" ? message.committed : []
  );
  for (const { alternatives = [] } of words) {
    assert(alternatives.length >= 1 && alternatives.length <= 3);
    assert(alternatives.every(({ confidence }) => confidence >= 0 && confidence <= 1));
  }
  assert(words.some(({ alternatives = [] }) => alternatives.length > 1));
  const end = client.messages.find((message) => message.type === "utterance_end");
  assert(end?.type === "utterance_end" && end.alternatives!.length > 1);
  await using late = new TestClient(`${server.url}/v1/captions/${session}/events`);
  await late.closed;
  assertEquals(late.messages.filter((message) => message.type === "annotation"), said);
  const transcript = await (await fetch(`${server.url}/v1/captions/${session}.json`)).json();
  const [first] = said;
  assertEquals(transcript.annotations[0], { annotator: "emotion", ...first!.annotation });
});

Deno.test("native: without a wish for them there are no readings", async () => {
  await using server = await openServer();
  await using client = await begin(server);
  client.socket.send(s16le(await sampleSpeech()));
  client.say({ type: "end" });
  await client.closed;
  assertEquals(JSON.stringify(client.messages).includes("alternatives"), false);
});
