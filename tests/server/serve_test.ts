import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { resolveConfig } from "../../src/server/config.ts";
import { startServer } from "../../src/server/serve.ts";
import { shortModel } from "../short_model.ts";
import {
  openEngine,
  openServer,
  s16le,
  sampleSpeech,
  START,
  TestClient,
  wordsOf,
} from "./server.ts";

Deno.test("startServer: shuts down with every session finished and told", async () => {
  await using server = await openServer({ drainSeconds: 10 });
  await using speaker = new TestClient(`${server.url}/v1/captions`);
  await speaker.opened;
  speaker.say(START);
  const { session } = await speaker.get("hello");
  await using viewer = new TestClient(`${server.url}/v1/captions/${session}/events`);
  await viewer.get("hello");
  speaker.socket.send(s16le((await sampleSpeech()).subarray(0, 24_000)));
  await speaker.get("accepted");
  const done = server.shutdown();
  assertEquals(server.shutdown(), done);
  await speaker.get("draining");
  assertEquals((await speaker.get("end")).atMs, 1500);
  assertEquals([(await speaker.closed).code, (await viewer.closed).code], [1001, 1001]);
  assertEquals(wordsOf(viewer.messages), wordsOf(speaker.messages));
  await done;
});

Deno.test("startServer: listens while the model loads, and says that it does", async () => {
  const loading = Promise.withResolvers<Awaited<ReturnType<typeof openEngine>>>();
  const config = resolveConfig({ flags: { port: 0 } });
  await using server = await startServer(config, { engine: loading.promise });
  const ready = await fetch(`${server.url}/healthz/ready`);
  const live = await fetch(`${server.url}/healthz/live`);
  assertEquals([ready.status, live.status], [503, 200]);
  assertStringIncludes((await ready.json()).why, "loaded");
  await live.body?.cancel();
  const refused = await fetch(`${server.url}/v1/captions`);
  assertEquals([refused.status, refused.headers.get("retry-after")], [503, "2"]);
  assertEquals((await refused.json()).error.code, "starting");
  loading.resolve(await openEngine());
  await server.settled;
  const health = await fetch(`${server.url}/healthz`);
  const { backend, model } = await health.json();
  assertEquals([health.status, backend.name, model], [200, "cpu", "ctc_adapter"]);
  assert(backend.why.length > 0 && backend.workers >= 1);
});

Deno.test("startServer: windows longer than the model was made for are said at the start", async () => {
  await using folder = await shortModel(4);
  const start = (leftMs: number) =>
    openServer({ leftMs }, (observer) => openEngine({ observer }, folder.path));
  await using server = await start(3001);
  const { engine } = server;
  const message = engine.kind === "failed" && (engine.error as Error).message;
  assertStringIncludes(`${message}`, "leftMs 3001 + hopMs 400 + rightMs 600, 4001 ms");
  assertStringIncludes(`${message}`, "the model was made for at most 4000 ms");
  await using fitting = await start(2900);
  await using speaker = new TestClient(`${fitting.url}/v1/captions`);
  await speaker.opened;
  speaker.say({ ...START, settings: { rightMs: 5000 } });
  const error = await speaker.get("error");
  assertEquals(error.code, "bad_message");
  assertStringIncludes(error.message, "rightMs 5000");
});

Deno.test("startServer: a model that cannot be loaded leaves a server that says so", async () => {
  const config = resolveConfig({ flags: { port: 0 } });
  const engine = Promise.reject(new Error("no such model"));
  await using server = await startServer(config, { engine });
  await server.settled;
  const live = await fetch(`${server.url}/healthz/live`);
  assertEquals([live.status, await live.json()], [503, { live: false }]);
});
