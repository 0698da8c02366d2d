import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { CaptionClient } from "../../src/server/client.ts";
import type { ServerMessage } from "../../src/server/protocol.ts";
import type { RunningServer } from "../../src/server/serve.ts";
import { openServer, s16le, sampleSpeech, START, TestClient, wordsOf } from "./server.ts";

/** A session that speaks the sample, with a pause in the middle to be told of. */
async function speak(
  server: RunningServer,
  inTheMiddle: (session: string) => Promise<void> = async () => {},
): Promise<{ session: string; messages: ServerMessage[] }> {
  const messages: ServerMessage[] = [];
  await using client = new CaptionClient({
    url: `${server.url}/v1/captions`,
    audio: START.audio,
    bytesPerSample: 2,
    onMessage: (message) => messages.push(message),
  });
  const bytes = s16le(await sampleSpeech());
  const half = 2 * Math.floor(bytes.length / 4);
  await client.write(bytes.subarray(0, half));
  await inTheMiddle(client.session!);
  await client.write(bytes.subarray(half));
  await client.end();
  return { session: client.session!, messages };
}

/** Reads a stream of server-sent events to its end. */
async function readEvents(
  url: string,
  headers: Record<string, string> = {},
): Promise<ServerMessage[]> {
  const response = await fetch(url, { headers });
  assertEquals(response.status, 200);
  assertStringIncludes(response.headers.get("content-type")!, "text/event-stream");
  const blocks = (await response.text()).split("\n\n");
  return blocks.flatMap((block) => {
    const data = block.split("\n").find((line) => line.startsWith("data: "));
    return data === undefined ? [] : [JSON.parse(data.slice(6))];
  });
}

Deno.test("viewers: early, late, back again, by either way, all have the speaker's words", async () => {
  await using server = await openServer();
  const live: Promise<ServerMessage[]>[] = [];
  let early: TestClient | undefined;
  const { session, messages } = await speak(server, async (id) => {
    live.push(readEvents(`${server.url}/v1/captions/${id}/events`));
    early = new TestClient(`${server.url}/v1/captions/${id}/events`);
    await early.get("hello");
  });
  const words = wordsOf(messages);
  const address = `${server.url}/v1/captions/${session}/events`;
  assertEquals((await early!.closed).code, 1000);
  const hello = await early!.get("hello");
  assertEquals([hello.role, hello.token], ["viewer", undefined]);
  const streamed = await Promise.all(live);
  const late = await readEvents(address);
  for (const view of [early!.messages, ...streamed, late]) {
    assertEquals(wordsOf(view), words);
    assertEquals(view.findLast((message) => "seq" in message)?.type, "end");
  }
  const captions = late.filter((message) => message.type === "caption");
  const { seq } = captions[0]!;
  const before = wordsOf(late.filter((message) => "seq" in message && message.seq <= seq));
  const afterByHeader = await readEvents(address, { "last-event-id": String(seq) });
  const afterByQuery = await readEvents(`${address}?after=${seq}`);
  assertEquals(wordsOf(afterByHeader, before), words);
  assertEquals(wordsOf(afterByQuery, before), words);
  assertEquals(server.context.gate.socketCount, 0);
});

Deno.test("viewers: the transcript as a file, while it grows and after", async () => {
  await using server = await openServer();
  const get = async (id: string, format: string) => {
    const response = await fetch(`${server.url}/v1/captions/${id}.${format}`);
    assertEquals(response.status, 200);
    return { type: response.headers.get("content-type")!, text: await response.text() };
  };
  const { session, messages } = await speak(server, async (id) => {
    const { text } = await get(id, "json");
    assertEquals(JSON.parse(text).state, "live");
    assert((await get(id, "vtt")).text.startsWith("WEBVTT"));
  });
  const words = wordsOf(messages);
  const { text, type } = await get(session, "json");
  const parsed = JSON.parse(text);
  assertEquals(type, "application/json");
  assertEquals(parsed.words.map(({ text }: { text: string }) => text), words);
  assertEquals([parsed.text, parsed.state], [words.join(" "), "ended"]);
  const flat = (file: string) => file.replaceAll(/\s+/g, " ").trim();
  assertEquals(flat((await get(session, "txt")).text), words.join(" "));
  const vtt = await get(session, "vtt");
  assertStringIncludes(vtt.type, "text/vtt");
  const spoken = vtt.text.split("\n").filter((line) => line !== "" && !/WEBVTT|-->/.test(line));
  assertEquals(spoken.join(" "), words.join(" "));
  assertStringIncludes((await get(session, "srt")).text, "1\n00:00:00,");
});

Deno.test("viewers: may listen, not speak; what does not exist is not found", async () => {
  await using server = await openServer({ retainSeconds: 0.2 });
  const { session } = await speak(server, async (id) => {
    const address = `${server.url}/v1/captions/${id}/events`;
    await using viewer = new TestClient(address);
    await viewer.get("hello");
    viewer.say({ type: "keepalive" });
    viewer.say({ type: "end" });
    assertEquals((await viewer.get("error")).code, "bad_message");
    for (const after of ["-1", "999999999999999"]) {
      assertEquals((await fetch(`${address}?after=${after}`)).status, 400);
    }
  });
  await new Promise((resolve) => setTimeout(resolve, 400));
  const paths = [
    `${session}/events`,
    `${session}.vtt`,
    `${session}.exe`,
    `${session}.vtt.txt`,
    "..%2f..%2fetc%2fpasswd.txt",
    "..%00.json",
    "__proto__.json",
    "constructor/events",
  ];
  for (const path of paths) {
    const response = await fetch(`${server.url}/v1/captions/${path}`);
    const text = await response.text();
    assertEquals([response.status, JSON.parse(text).error.code], [404, "not_found"], path);
  }
});

Deno.test("viewers: one that does not read its events is given up, the session is not", async () => {
  await using server = await openServer({ slowReaderSeconds: 0.2 });
  await using speaker = new TestClient(`${server.url}/v1/captions`);
  await speaker.opened;
  speaker.say(START);
  const { session } = await speaker.get("hello");
  const { log } = server.context.captions.get(session)!;
  const { hostname, port } = new URL(server.url);
  using stuck = await Deno.connect({ hostname, port: Number(port) });
  const request = `GET /v1/captions/${session}/events HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`;
  await stuck.write(new TextEncoder().encode(request));
  while (server.context.gate.socketCount < 2) await new Promise((wait) => setTimeout(wait, 5));
  const text = "x".repeat(100_000);
  for (let i = 0; server.context.gate.socketCount === 2; i++) {
    assert(i < 500, "the reader is never given up");
    const word = { text, startSample: 160 * i, endSample: 160 * i + 80, confidence: 1 };
    log.append({ kind: "caption", committed: [word], tentative: [], settledSample: 0 });
    await new Promise((wait) => setTimeout(wait, 10));
  }
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assertStringIncludes(metrics, 'hubcap_errors_total{code="slow_reader"} 1');
  speaker.say({ type: "end" });
  assertEquals((await speaker.closed).code, 1000);
  assertEquals(log.words.length, wordsOf(speaker.messages).length);
});

Deno.test("viewers: need a key where the settings say so", async () => {
  const keys = { apiKeys: "me:a-key-of-16-or-more", viewersNeedKey: true };
  await using server = await openServer(keys);
  const key = "a-key-of-16-or-more";
  const statuses = async (session: string) => {
    const address = `${server.url}/v1/captions/${session}`;
    const all = [`${address}.txt`, `${address}/events`, `${address}.txt?key=${key}`];
    const responses = await Promise.all(all.map((url) => fetch(url)));
    await Promise.all(responses.map((response) => response.body?.cancel()));
    return responses.map(({ status }) => status);
  };
  await using client = new CaptionClient({
    url: `${server.url}/v1/captions`,
    audio: START.audio,
    bytesPerSample: 2,
    key,
  });
  await client.write(new Uint8Array(3200));
  assertEquals(await statuses(client.session!), [401, 401, 200]);
  await client.end();
});
