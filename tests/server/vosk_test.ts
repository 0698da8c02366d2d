import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { transcribe } from "../../src/transcribe.ts";
import { type VoskAnswer, VoskClient } from "../clients/vosk_client.ts";
import { MODEL, openEchoServer, openServer, s16le, sampleSpeech } from "./server.ts";

/** Windows that hold a whole sample: the transcript does not depend on how the audio arrives. */
const WHOLE = { hopMs: 10_000, rightMs: 1000, maxWindowMs: 30_000 };

/** Asks for all audio in frames; returns all that was said. */
async function speak(client: VoskClient, bytes: Uint8Array<ArrayBuffer>): Promise<VoskAnswer[]> {
  const answers: VoskAnswer[] = [];
  for (let at = 0; at < bytes.length; at += 8000) {
    answers.push(await client.ask(bytes.slice(at, at + 8000)));
  }
  return [...answers, await client.ask({ eof: 1 })];
}

function textOf(answers: readonly VoskAnswer[]): string {
  return answers.map(({ text }) => text ?? "").filter((text) => text !== "").join(" ");
}

Deno.test("vosk: one answer a frame, the transcript of transcribe, at any path", async () => {
  const speech = await sampleSpeech();
  const { text, words } = await transcribe(speech, { model: MODEL });
  await using server = await openServer(WHOLE);
  for (const path of ["", "/", "/vosk"]) {
    await using client = new VoskClient(`${server.url}${path}`);
    await client.opened;
    client.tell({ config: { sample_rate: 16_000, phrase_list: ["a"] } });
    const answers = await speak(client, s16le(speech));
    assertEquals(textOf(answers), text);
    const result = answers.flatMap(({ result = [] }) => result);
    assertEquals(
      result.map(({ word, start, end }) => ({ word, start, end })),
      words.map(({ text, startSample, endSample }) => {
        return { word: text, start: startSample / 16_000, end: endSample / 16_000 };
      }),
    );
    assertEquals(await client.closed, { code: 1000, reason: "" });
    assertEquals(client.unaskedCount, 0);
  }
  assertEquals(server.context.gate.speakerCount, 0);
});

Deno.test("vosk: live, with partial text, a reset, and another rate", async () => {
  const bytes = s16le(await sampleSpeech());
  await using server = await openServer({ hopMs: 200, rightMs: 200 });
  await using client = new VoskClient(server.url);
  await client.opened;
  let partial = "";
  for (let at = 0; at < bytes.length; at += 1600) {
    partial = (await client.ask(bytes.slice(at, at + 1600))).partial || partial;
  }
  assert(partial !== "");
  const first = await client.ask({ reset: 1 });
  assert(first.text !== undefined && first.text.length > 0);
  assertEquals((await client.ask({ reset: 1 })).text, "");
  const [, last] = [await client.ask(bytes.slice(0, 32_000)), await client.ask({ eof: 1 })];
  assert(
    last.result!.every(({ start }) => start >= 4.9),
    "times go on: 4.96 s at 8 kHz came before",
  );
  assertEquals((await client.closed).code, 1000);
});

Deno.test("vosk: without words, and with alternatives", async () => {
  const bytes = s16le(await sampleSpeech());
  await using server = await openServer(WHOLE);
  {
    await using client = new VoskClient(server.url);
    await client.opened;
    client.tell({ config: { sample_rate: 16_000, words: 0 } });
    const answers = await speak(client, bytes);
    assert(textOf(answers) !== "" && answers.every(({ result }) => result === undefined));
  }
  await using client = new VoskClient(server.url);
  await client.opened;
  client.tell({ config: { sample_rate: "16000", words: true, max_alternatives: 3 } });
  const alternatives = (await speak(client, bytes)).at(-1)!.alternatives!;
  assertEquals(alternatives.length, 3);
  assertEquals(new Set(alternatives.map(({ text }) => text)).size, 3);
  for (const { confidence, result, text } of alternatives) {
    assert(confidence < 0);
    assertEquals(result!.map(({ word }) => word).join(" "), text);
  }
});

Deno.test("vosk: a client that is faster than allowed is slowed down, not cut", async () => {
  const speech = await sampleSpeech();
  const { text } = await transcribe(speech, { model: MODEL });
  await using server = await openServer({ ...WHOLE, burstSeconds: 1, maxSpeed: 5 });
  await using client = new VoskClient(server.url);
  await client.opened;
  client.tell({ config: { sample_rate: 16_000 } });
  const startMs = performance.now();
  assertEquals(textOf(await speak(client, s16le(speech))), text);
  assert(performance.now() - startMs > 200);
});

Deno.test("vosk: nothing said, nothing understood, nothing sent", async () => {
  await using server = await openServer({ ...WHOLE, idleSeconds: 0.3 });
  {
    await using client = new VoskClient(server.url);
    await client.opened;
    assertEquals(await client.ask({ eof: 1 }), { text: "" });
    assertEquals((await client.closed).code, 1000);
  }
  for (const text of ["{", "[]", "{}", '{"config":{"sample_rate":1}}']) {
    await using client = new VoskClient(server.url);
    await client.opened;
    client.socket.send(text);
    assertEquals(await client.closed, { code: 1007, reason: "bad_message" });
  }
  await using idle = new VoskClient(server.url);
  await idle.opened;
  assertEquals(await idle.closed, { code: 1008, reason: "idle" });
  assertEquals(server.context.gate.speakerCount, 0);
});

Deno.test("vosk: frames of a byte are answered one by one; one too long ends the connection", async () => {
  await using server = await openEchoServer({ hopMs: 200, rightMs: 200, maxMessageBytes: 10_000 });
  await using client = new VoskClient(server.url);
  await client.opened;
  client.tell({ config: { sample_rate: 16_000 } });
  const bytes = server.bytesOf([["ab", 0.05]], 0.1);
  const answers: VoskAnswer[] = [];
  for (let at = 0; at < bytes.length; at++) {
    answers.push(await client.ask(bytes.slice(at, at + 1)));
  }
  answers.push(await client.ask({ eof: 1 }));
  assertEquals(textOf(answers), "ab");
  assertEquals((await client.closed).code, 1000);
  for (const message of [new Uint8Array(10_001), "x".repeat(10_001)]) {
    await using flooder = new VoskClient(server.url);
    await flooder.opened;
    flooder.socket.send(message);
    assertEquals(await flooder.closed, { code: 1009, reason: "message_too_big" });
  }
  assertEquals(server.context.gate.speakerCount, 0);
});

Deno.test("vosk: keys are asked for, and a page at the same path is not in the way", async () => {
  const key = "0123456789abcdef";
  await using server = await openServer({ ...WHOLE, apiKeys: key });
  {
    await using refused = new VoskClient(server.url);
    assert(await refused.opened.then(() => false, () => true));
  }
  await using client = new VoskClient(`${server.url}/?key=${key}`);
  await client.opened;
  assertEquals(await client.ask({ eof: 1 }), { text: "" });
  const response = await fetch(server.url);
  await response.body?.cancel();
  assert(response.status !== 401);
});

Deno.test("vosk: a server that shuts down tells the rest", async () => {
  await using server = await openServer(WHOLE);
  await using client = new VoskClient(server.url);
  await client.opened;
  client.tell({ config: { sample_rate: 16_000 } });
  await client.ask(s16le(await sampleSpeech()));
  const closing = server.shutdown();
  assertEquals((await client.closed).code, 1001);
  assertEquals(client.unaskedCount, 1);
  await closing;
});

Deno.test("vosk: a storm of texts ends the connection", async () => {
  await using server = await openServer(WHOLE);
  await using client = new VoskClient(server.url);
  await client.opened;
  for (let i = 0; i < 1500; i++) client.tell({ config: { words: true } });
  await client.closed;
  assertEquals(server.context.gate.speakerCount, 0);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assertStringIncludes(metrics, 'hubcap_errors_total{code="too_fast"} 1');
});
