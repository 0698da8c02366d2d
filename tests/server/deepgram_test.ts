import { assert, assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { fromFileUrl } from "../../src/std.ts";
import { transcribe } from "../../src/transcribe.ts";
import {
  finalsOf,
  type ListenClient,
  type ListenMessage,
  type ListenTarget,
  transcriptOf,
} from "../clients/deepgram_client.ts";
import { connectSdk4 } from "../clients/deepgram_sdk_4.ts";
import { connectSdk5 } from "../clients/deepgram_sdk_5.ts";
import { BINARY, frame, RawSocket } from "./raw_socket.ts";
import { MODEL, openEchoServer, openServer, s16le, sampleSpeech, TestClient } from "./server.ts";

const KEY = "0123456789abcdef";

/** Windows that hold a whole sample: the transcript does not depend on how the audio arrives. */
const WHOLE = { apiKeys: `tester:${KEY}`, hopMs: 10_000, rightMs: 1000, maxWindowMs: 30_000 };

/** Windows as they are live. */
const LIVE = { apiKeys: `tester:${KEY}`, hopMs: 200, rightMs: 200 };

const RAW = { encoding: "linear16", sample_rate: 16_000 };

const CLIENTS: Record<string, (target: ListenTarget) => Promise<ListenClient>> = {
  "@deepgram/sdk 5": connectSdk5,
  "@deepgram/sdk 4": connectSdk4,
};

/** Sends audio in frames of a tenth of a second. */
function stream(client: ListenClient, bytes: Uint8Array<ArrayBuffer>): void {
  for (let at = 0; at < bytes.length; at += 3200) client.send(bytes.slice(at, at + 3200));
}

/** Final results follow each other without gap, and hold their words. */
function assertTiled(messages: readonly ListenMessage[], channel = 0): number {
  let end = 0;
  for (
    const { start, duration, channel: { alternatives: [{ words }] } } of finalsOf(messages, channel)
  ) {
    assert(
      Math.abs(start - end) < 2e-6,
      `a result starts at ${start}, the last one ended at ${end}`,
    );
    end = start + duration;
    for (const word of words) {
      assert(word.start >= start - 2e-6 && word.end <= end + 2e-6, "words lie in their result");
    }
  }
  return Math.round(1e6 * end) / 1e6;
}

/** A second client's view: everything that every result must have. */
function assertComplete({ type, metadata, channel }: ListenMessage): void {
  if (type !== "Results") return;
  assertMatch(metadata.request_id, /^[\da-f-]{36}$/);
  const [{ transcript, words, confidence }] = channel.alternatives;
  assertEquals(transcript, words.map(({ punctuated_word }) => punctuated_word).join(" "));
  assert(confidence >= 0 && confidence <= 1);
  assert(words.every((word) => word.confidence >= 0 && word.confidence <= 1));
}

for (const [name, connect] of Object.entries(CLIENTS)) {
  Deno.test(`deepgram: ${name} gets the transcript of transcribe`, async () => {
    const speech = await sampleSpeech();
    const { text } = await transcribe(speech, { model: MODEL });
    await using server = await openServer(WHOLE);
    const { url } = server;
    const client = await connect({ url, key: KEY, options: RAW });
    stream(client, s16le(speech));
    client.closeStream();
    assertEquals(await client.closed, 1000);
    assertEquals(transcriptOf(client.messages), text);
    assertEquals(client.messages.at(-1)!.type, "Metadata");
    const [end] = client.messages.slice(-1) as { duration: number; channels: number }[];
    assertEquals([end!.duration, end!.channels], [speech.length / 16_000, 1]);
    assertEquals(assertTiled(client.messages), speech.length / 16_000);
    client.messages.forEach(assertComplete);
    assert(client.messages.every(({ type, is_final }) => type !== "Results" || is_final));
  });

  Deno.test(`deepgram: ${name} with all events, a finalize, and frames of no length`, async () => {
    const bytes = s16le(await sampleSpeech());
    await using server = await openServer(LIVE);
    const options = {
      ...RAW,
      ...{ interim_results: true, vad_events: true, endpointing: 300, utterance_end_ms: 1000 },
      keyterm: ["a b", "c"],
    };
    const client = await connect({ url: server.url, key: KEY, options });
    stream(client, bytes.slice(0, 32_000));
    client.keepAlive();
    client.finalize();
    const answer = await client.next(({ from_finalize }) => from_finalize);
    assertEquals([answer.is_final, answer.speech_final], [true, true]);
    assert(answer.start + answer.duration > 0.97 && answer.start + answer.duration <= 1);
    stream(client, bytes.slice(32_000));
    stream(client, new Uint8Array(32_000 * 2)); // silence
    client.closeStream();
    assertEquals(await client.closed, 1000);
    client.messages.forEach(assertComplete);
    assertEquals(assertTiled(client.messages), bytes.length / 32_000 + 2);
    const types = new Set(client.messages.map(({ type }) => type));
    assert(types.has("SpeechStarted"));
    assert(client.messages.some(({ type, is_final }) => type === "Results" && !is_final));
  });

  Deno.test(`deepgram: ${name} is told where utterances begin and end, once each`, async () => {
    await using server = await openEchoServer(LIVE);
    const bytes = server.bytesOf([["helo", 0.6], ["ab", 1.2], ["tea", 3.9]], 6);
    const options = {
      ...RAW,
      ...{ interim_results: true, vad_events: true, endpointing: 700, utterance_end_ms: 1000 },
    };
    const client = await connect({ url: server.url, key: KEY, options });
    stream(client, bytes);
    client.closeStream();
    assertEquals(await client.closed, 1000);
    const told = client.messages.flatMap((message): unknown[] => {
      const { type, timestamp, last_word_end, is_final, speech_final } = message;
      if (type === "SpeechStarted") return [[type, timestamp]];
      if (type === "UtteranceEnd") return [[type, last_word_end]];
      const { transcript } = message.channel?.alternatives[0] ?? {};
      return is_final && transcript ? [[transcript, speech_final]] : [];
    });
    assertEquals(told, [
      ["SpeechStarted", 0.6],
      ["helo ab", true],
      ["UtteranceEnd", 1.215],
      ["SpeechStarted", 3.9],
      ["tea", true],
      ["UtteranceEnd", 3.9225],
    ]);
    assertEquals(assertTiled(client.messages), 6);
  });

  Deno.test(`deepgram: ${name} is refused with a wrong key`, async () => {
    await using server = await openServer(WHOLE);
    const target = { url: server.url, key: "fedcba9876543210", options: RAW };
    assert(await connect(target).then(() => false, () => true));
    assertEquals(server.context.gate.socketCount, 0);
  });
}

Deno.test("deepgram: a token subprotocol is answered with itself, and never with the key", async () => {
  await using server = await openServer(WHOLE);
  const url = `${server.url}/v1/listen?encoding=mulaw&sample_rate=8000`;
  for (const scheme of ["token", "bearer"]) {
    await using client = new TestClient(url, [scheme, KEY, "x-deepgram-session-id", "abc"]);
    await client.opened;
    assertEquals(client.socket.protocol, scheme);
  }
});

Deno.test("deepgram: refusals come before the upgrade, in Deepgram's words", async () => {
  await using server = await openServer({ ...WHOLE, maxSessionsPerKey: 1 });
  const ask = async (query: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}/v1/listen?${query}`, {
      headers: { authorization: `Token ${KEY}`, ...headers },
    });
    const body = await response.json();
    assertEquals(response.headers.get("dg-request-id"), body.request_id);
    assertEquals(response.headers.get("dg-error"), body.err_msg);
    return [response.status, body.err_code, body.err_msg] as const;
  };
  assertEquals((await ask("", { authorization: "Token nope" })).slice(0, 2), [401, "INVALID_AUTH"]);
  const cases = {
    "encoding=speex&sample_rate=8000": "linear16, linear32, mulaw or alaw",
    "encoding=linear16": "sample_rate",
    "encoding=linear16&sample_rate=1": "4000 to 192000",
    "encoding=linear16&sample_rate=16000&channels=9&multichannel=true": "1 to 8",
    "multichannel=true": "say channels",
    "endpointing=soon": "whole number",
  };
  for (const [query, words] of Object.entries(cases)) {
    const [status, code, message] = await ask(query);
    assertEquals([status, code], [400, "Bad Request"]);
    assertStringIncludes(message, words);
  }
  assertEquals((await ask("model=any&unknown=1"))[0], 426);
  await using client = new TestClient(`${server.url}/v1/listen`, ["token", KEY]);
  await client.opened;
  assertEquals((await ask("")).slice(0, 2), [429, "TOO_MANY_REQUESTS"]);
  assertEquals((await ask("encoding=alaw&sample_rate=8000"))[0], 429);
  assertEquals(server.context.gate.speakerCount, 1);
});

Deno.test("deepgram: KeepAlive holds a silent connection, without it NET-0001 ends it", async () => {
  await using server = await openServer({ ...WHOLE, idleSeconds: 0.3 });
  const url = `${server.url}/v1/listen?encoding=linear16&sample_rate=16000`;
  await using client = new TestClient(url, ["token", KEY]);
  await client.opened;
  client.socket.send(s16le((await sampleSpeech()).subarray(0, 8000)));
  for (let i = 0; i < 6; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    client.say({ type: "KeepAlive" });
  }
  assertEquals(client.socket.readyState, WebSocket.OPEN);
  assertEquals(await client.closed, { code: 1011, reason: "NET-0001" });
  const messages = client.messages as unknown as ListenMessage[];
  assertEquals(assertTiled(messages), 0.5); // the clock counts audio alone, and none is lost
  assertEquals(messages.at(-1)!.type, "Metadata");
});

Deno.test("deepgram: text that cannot be understood is answered, and the connection goes on", async () => {
  await using server = await openServer(WHOLE);
  const url = `${server.url}/v1/listen?encoding=linear16&sample_rate=16000`;
  await using client = new TestClient(url, ["token", KEY]);
  await client.opened;
  client.socket.send("{");
  client.say({ type: "Sing" });
  client.say({ type: "Configure", processors: { numerals: true } });
  client.socket.send(new Uint8Array(0));
  client.say({ type: "CloseStream" });
  assertEquals((await client.closed).code, 1000);
  const messages = client.messages as unknown as ListenMessage[];
  assertEquals(messages.map(({ type }) => type), ["Error", "Error", "Metadata"]);
});

Deno.test("deepgram: every encoding, rate and container gives captions", async () => {
  const speech = await sampleSpeech();
  await using server = await openServer(WHOLE);
  const sample = (name: string) =>
    Deno.readFile(fromFileUrl(new URL(`../../samples/${name}`, import.meta.url)));
  const halves = speech.filter((_, index) => index % 2 === 0);
  const cases: [query: string, bytes: Uint8Array<ArrayBuffer>, seconds: number][] = [
    ["encoding=linear32&sample_rate=16000", new Uint8Array(speech.slice().buffer), 2.48],
    ["encoding=linear16&sample_rate=8000", s16le(halves), 2.48],
    ["encoding=mulaw&sample_rate=8000", new Uint8Array(halves.length).fill(0x7f), 2.48],
    ["encoding=alaw&sample_rate=44100&channels=2", new Uint8Array(44_100).fill(0xd5), 0.5],
    ["", await sample("harbour.wav"), 2.48],
    ["encoding=flac&sample_rate=16000", await sample("balloons.flac"), 0],
    ["encoding=ogg-opus", await sample("weather.opus"), 0],
  ];
  for (const [query, bytes, seconds] of cases) {
    await using client = new TestClient(`${server.url}/v1/listen?${query}`, ["token", KEY]);
    await client.opened;
    for (let at = 0; at < bytes.length; at += 5001) client.socket.send(bytes.slice(at, at + 5001));
    client.say({ type: "CloseStream" });
    assertEquals((await client.closed).code, 1000, query);
    const end = assertTiled(client.messages as unknown as ListenMessage[]);
    assert(seconds === 0 ? end > 2 : Math.abs(end - seconds) < 1e-3, `${query}: ${end}`);
  }
});

Deno.test("deepgram: final results have as many alternatives as are asked for", async () => {
  const { text } = await transcribe(await sampleSpeech(), { model: MODEL });
  await using server = await openServer(WHOLE);
  const options = { ...RAW, alternatives: 3, interim_results: true };
  const client = await connectSdk4({ url: server.url, key: KEY, options });
  stream(client, s16le(await sampleSpeech()));
  client.closeStream();
  assertEquals(await client.closed, 1000);
  assertEquals(transcriptOf(client.messages), text);
  const results = client.messages.filter(({ type }) => type === "Results");
  const told = results.flatMap(({ is_final, channel }) => is_final ? [channel.alternatives] : []);
  assertEquals(Math.max(...told.map(({ length }) => length)), 3);
  for (const alternatives of told) {
    const texts = alternatives.map(({ transcript, words, confidence }) => {
      assert(confidence >= 0 && confidence <= 1);
      assertEquals(words.map(({ word }) => word).join(" "), transcript);
      return transcript;
    });
    assertEquals(new Set(texts).size, texts.length);
  }
});

Deno.test("deepgram: what is no audio is DATA-0000", async () => {
  await using server = await openServer(WHOLE);
  await using client = new TestClient(`${server.url}/v1/listen`, ["token", KEY]);
  await client.opened;
  client.socket.send(new Uint8Array(4000).fill(1));
  assertEquals(await client.closed, { code: 1008, reason: "DATA-0000" });
  const [error] = client.messages as unknown as ListenMessage[];
  assertEquals([error!.type, error!.variant], ["Error", "DATA-0000"]);
});

Deno.test("deepgram: channels have results of their own", async () => {
  const speech = await sampleSpeech();
  const { text } = await transcribe(speech, { model: MODEL });
  await using server = await openServer(WHOLE);
  const stereo = new Float32Array(2 * speech.length);
  speech.forEach((sample, index) => stereo[2 * index] = sample);
  const options = { ...RAW, channels: 2, multichannel: true };
  const client = await connectSdk5({ url: server.url, key: KEY, options });
  stream(client, s16le(stereo));
  client.finalize();
  await Promise.all(
    [0, 1].map((channel) =>
      client.next(({ from_finalize, channel_index }) =>
        from_finalize && channel_index[0] === channel && channel_index[1] === 2
      )
    ),
  );
  client.closeStream();
  assertEquals(await client.closed, 1000);
  assertEquals(transcriptOf(client.messages, 0), text);
  assertEquals([0, 1].map((channel) => assertTiled(client.messages, channel)), [2.48, 2.48]);
  assertEquals(client.messages.at(-1)!.channels, 2);
  assertEquals(server.context.gate.speakerCount, 0);
});

/** What a client may send too much of, the error it is told, and how it is closed. */
const FLOODS: [name: string, variant: string, code: number, (socket: WebSocket) => void][] = [
  ["a giant frame", "message_too_big", 1009, (socket) => socket.send(new Uint8Array(100_001))],
  ["a giant text", "message_too_big", 1009, (socket) => socket.send("x".repeat(100_001))],
  ["faster than allowed", "too_fast", 1008, (socket) => socket.send(new Uint8Array(99_000))],
];

Deno.test("deepgram: what is too much is told, and nobody else is disturbed", async () => {
  const flags = { ...LIVE, maxMessageBytes: 100_000, burstSeconds: 3, maxSpeed: 1 };
  await using server = await openEchoServer(flags);
  const url = `${server.url}/v1/listen?encoding=linear16&sample_rate=16000`;
  const good = await connectSdk5({ url: server.url, key: KEY, options: RAW });
  const bytes = server.bytesOf([["helo", 0.5], ["tea", 1.7]], 3);
  stream(good, bytes.slice(0, 48_001));
  for (const [name, variant, code, act] of FLOODS) {
    await using client = new TestClient(url, ["token", KEY]);
    await client.opened;
    act(client.socket);
    assertEquals(await client.closed, { code, reason: variant }, name);
    const [error] = client.messages as unknown as ListenMessage[];
    assertEquals([error!.type, error!.variant], ["Error", variant], name);
  }
  {
    await using leaves = new TestClient(url, ["token", KEY]);
    await leaves.opened;
    leaves.socket.send(new Uint8Array(4000));
  }
  stream(good, bytes.slice(48_001));
  good.closeStream();
  assertEquals(await good.closed, 1000);
  assertEquals(transcriptOf(good.messages), "helo tea");
  while (server.context.sessions.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assertEquals(server.context.gate.speakerCount, 0);
});

Deno.test("deepgram: frames of a byte give what whole ones give", async () => {
  await using server = await openEchoServer(LIVE);
  const client = await connectSdk5({ url: server.url, key: KEY, options: RAW });
  const bytes = server.bytesOf([["ab", 0.1]], 0.2);
  for (let at = 0; at < bytes.length; at++) client.send(bytes.slice(at, at + 1));
  client.closeStream();
  assertEquals(await client.closed, 1000);
  assertEquals(transcriptOf(client.messages), "ab");
  assertEquals(assertTiled(client.messages), 0.2);
});

Deno.test("deepgram: a client that does not read is cut, and nobody else is disturbed", async () => {
  const windows = { leftMs: 500, hopMs: 100, rightMs: 100 };
  const flags = { ...LIVE, ...windows, maxBufferedBytes: 1000, maxSpeed: 1000 };
  await using server = await openEchoServer(flags);
  const path = "/v1/listen?encoding=linear16&sample_rate=16000&interim_results=true";
  using stuck = await RawSocket.open(server.url, {
    ...{ path, headers: [`Authorization: Token ${KEY}`] },
  });
  assertEquals(stuck.status, 101);
  // a word every tenth of a second: results fill what the network holds
  const words = Array.from({ length: 300 }, (_, i) => ["ab", i / 10 + 0.05] as const);
  const bytes = server.bytesOf(words, 30);
  for (let round = 0; server.context.gate.speakerCount > 0; round++) {
    assert(round < 2000, "the reader is never cut");
    await stuck.send(frame(BINARY, bytes.subarray(0, 960_000))).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const good = await connectSdk5({ url: server.url, key: KEY, options: RAW });
  stream(good, server.bytesOf([["tea", 0.5]], 1));
  good.closeStream();
  assertEquals(await good.closed, 1000);
  assertEquals(transcriptOf(good.messages), "tea");
});

Deno.test("deepgram: a storm of texts ends the connection, and costs nobody else", async () => {
  await using server = await openServer(WHOLE);
  for (const text of ['{"type":"Finalize"}', "["]) {
    const url = `${server.url}/v1/listen?encoding=linear16&sample_rate=16000`;
    await using client = new TestClient(url, ["token", KEY]);
    await client.opened;
    for (let i = 0; i < 1500; i++) client.socket.send(text);
    // bytes still on their way may cut the connection before the close is read
    assert([1008, 0, 1006].includes((await client.closed).code));
  }
  const errors = await (await fetch(`${server.url}/metrics`, { headers: { "x-api-key": KEY } }))
    .text();
  assertMatch(errors, /hubcap_errors_total\{code="too_fast"\} 2/);
  while (server.context.gate.speakerCount > 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
});
