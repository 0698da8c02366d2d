import OpenAI, { toFile } from "openai";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { fromFileUrl } from "../../src/std.ts";
import { transcribe, type Transcript } from "../../src/transcribe.ts";
import { MODEL, openServer, sampleSpeech } from "./server.ts";

const KEY = "0123456789abcdef";
const FLAGS = { apiKeys: `tester:${KEY}`, maxWindowMs: 30_000 };
const HARBOUR = fromFileUrl(new URL("../../samples/harbour.wav", import.meta.url));

function clientOf(url: string, apiKey = KEY): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${url}/v1`, maxRetries: 0 });
}

const model = "whisper-1";

async function expected(): Promise<Transcript> {
  return await transcribe(await sampleSpeech(), { model: MODEL });
}

async function recording(path = HARBOUR): Promise<File> {
  return await toFile(await Deno.readFile(path), "speech.bin");
}

Deno.test("openai: every format has the transcript of transcribe", async () => {
  const { text, words } = await expected();
  await using server = await openServer(FLAGS);
  const { audio } = clientOf(server.url);
  const file = await recording();
  const ask = (response_format: "text" | "srt" | "vtt") =>
    audio.transcriptions.create({ file, model, response_format });
  const json = await audio.transcriptions.create({ file, model });
  assertEquals(json.text, text);
  assertEquals(json.usage, { type: "duration", seconds: 3 });
  assertEquals(await ask("text"), `${text}\n`);
  assertStringIncludes(await ask("srt"), `1\n00:00:0`);
  assertStringIncludes(await ask("vtt"), "WEBVTT\n\n00:00:0");
  const verbose = await audio.transcriptions.create({
    ...{ file, model, response_format: "verbose_json", language: "en" },
    timestamp_granularities: ["word", "segment"],
  });
  assertEquals([verbose.text, verbose.duration, verbose.language], [text, 2.48, "en"]);
  assertEquals(
    verbose.words,
    words.map(({ text, startSample, endSample }) => {
      return { word: text, start: startSample / 16_000, end: endSample / 16_000 };
    }),
  );
  assertEquals(verbose.segments!.map((segment) => segment.text).join(" "), text);
  assertEquals(server.context.gate.speakerCount, 0);
  assertEquals(server.context.sessions.size, 0);
});

Deno.test("openai: streamed pieces make up the whole", async () => {
  const { text } = await expected();
  await using server = await openServer({ ...FLAGS, maxWindowMs: 7000 });
  const speech = await Deno.readFile(HARBOUR);
  const events = await clientOf(server.url).audio.transcriptions.create({
    ...{ file: await toFile(speech, "a.wav"), model, stream: true, include: ["logprobs"] },
  });
  let joined = "";
  let done = "";
  for await (const event of events) {
    if (event.type === "transcript.text.delta") {
      joined += event.delta;
      assertEquals(event.logprobs!.map(({ token }) => token).join(""), event.delta);
    }
    if (event.type === "transcript.text.done") done = event.text;
  }
  assertEquals(joined, done);
  assertEquals(done, text);
  assertEquals(server.context.gate.speakerCount, 0);
});

Deno.test("openai: a reader that leaves a stream leaves nothing behind", async () => {
  await using server = await openServer(FLAGS);
  const form = new FormData();
  form.set("file", await recording());
  form.set("model", model);
  form.set("stream", "true");
  const response = await fetch(`${server.url}/v1/audio/transcriptions`, {
    ...{ method: "POST", body: form, headers: { authorization: `Bearer ${KEY}` } },
  });
  await response.body!.cancel();
  while (server.context.gate.speakerCount > 0) await new Promise((wait) => setTimeout(wait, 5));
  assertEquals(server.context.sessions.size, 0);
});

Deno.test("openai: errors have OpenAI's shape, and its client knows them", async () => {
  await using server = await openServer({ ...FLAGS, maxUploadBytes: 100_000 });
  const { audio } = clientOf(server.url);
  const file = await recording();
  const failure = async (wish: object, client = audio) => {
    const body = { file, model, ...wish } as Parameters<typeof audio.transcriptions.create>[0];
    return await client.transcriptions.create(body).then(
      () => ({ status: 200, type: "", code: "", param: "", message: "" }),
      ({ status, type, code, param, message }) => ({ status, type, code, param, message }),
    );
  };
  const stranger = clientOf(server.url, "fedcba9876543210").audio;
  const wrong = await failure({}, stranger);
  assertEquals([wrong.status, wrong.code, wrong.type], [
    ...[401, "invalid_api_key", "invalid_request_error"],
  ]);
  const cases: [object, number, string][] = [
    [{ model: "" }, 400, "model"],
    [{ response_format: "diarized_json" }, 400, "response_format"],
    [{ response_format: "srt", stream: true }, 400, "stream"],
    [{ timestamp_granularities: ["line"] }, 400, "timestamp_granularities"],
    [{ file: await toFile(new Uint8Array(9), "a.wav") }, 400, "file"],
    [{ file: await toFile(new Uint8Array(0), "a.wav") }, 400, "file"],
    [{ file: await toFile(new Uint8Array(100_001), "a.wav") }, 413, "file"],
  ];
  for (const [wish, status, param] of cases) {
    const told = await failure(wish);
    assertEquals([told.status, told.param], [status, param], JSON.stringify(told));
    assertEquals(told.type, "invalid_request_error");
  }
  const response = await fetch(`${server.url}/v1/audio/transcriptions`, {
    ...{ method: "POST", body: "{}", headers: { authorization: `Bearer ${KEY}` } },
  });
  assertEquals([response.status, (await response.json()).error.type], [
    ...[400, "invalid_request_error"],
  ]);
  assert(response.headers.has("x-request-id"));
  assertEquals(server.context.gate.speakerCount, 0);
});

Deno.test("openai: a client that is refused for want of room is told when to try again", async () => {
  await using server = await openServer({ ...FLAGS, maxSessionsPerKey: 1 });
  using _permit = server.context.gate.admitSpeaker({
    ...{ keyName: "tester", address: undefined },
  }) as Disposable;
  const error = await clientOf(server.url).audio.transcriptions.create({
    ...{ file: await recording(), model },
  }).catch((error) => error);
  assertEquals([error.status, error.code], [429, "rate_limit_exceeded"]);
  assertEquals(error.headers.get("retry-after"), "5");
});

Deno.test("openai: an upload that stalls is given up", async () => {
  await using server = await openServer({ ...FLAGS, idleSeconds: 0.2 });
  const { hostname, port } = new URL(server.url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `POST /v1/audio/transcriptions HTTP/1.1\r\nhost: ${hostname}\r\n` +
    `authorization: Bearer ${KEY}\r\ncontent-type: multipart/form-data; boundary=x\r\n` +
    "content-length: 1000\r\n\r\n--x\r\n";
  await connection.write(new TextEncoder().encode(head));
  const bytes = new Uint8Array(1000);
  const length = await connection.read(bytes);
  assertStringIncludes(new TextDecoder().decode(bytes.subarray(0, length!)), "HTTP/1.1 408");
  assertEquals(server.context.gate.speakerCount, 0);
});

Deno.test("openai: an upload whose client goes away gives its room back", async () => {
  await using server = await openServer(FLAGS);
  const { hostname, port } = new URL(server.url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const head = `POST /v1/audio/transcriptions HTTP/1.1\r\nhost: ${hostname}\r\n` +
    `authorization: Bearer ${KEY}\r\ncontent-type: multipart/form-data; boundary=x\r\n` +
    "content-length: 1000\r\n\r\n--x\r\n";
  await connection.write(new TextEncoder().encode(head));
  const { gate } = server.context;
  while (gate.speakerCount === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  connection.close();
  while (gate.speakerCount > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

Deno.test("openai: the model is listed, by its name alone", async () => {
  await using server = await openServer(FLAGS);
  const client = clientOf(server.url);
  const { data } = await client.models.list();
  assertEquals(data.map(({ id, object }) => [id, object]), [["ctc_adapter", "model"]]);
  assertEquals((await client.models.retrieve("ctc_adapter")).owned_by, "hubcap");
  const error = await client.models.retrieve("whisper-1").catch((error) => error);
  assertEquals([error.status, error.code], [404, "model_not_found"]);
});
