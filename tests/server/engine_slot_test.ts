import { assertEquals, assertStringIncludes } from "../assert.ts";
import { CaptionEngine } from "../../src/engine.ts";
import { loadModel } from "../../src/load_model.ts";
import { openWasm } from "../../src/runtime/wasm.ts";
import type { WorkerBackend } from "../../src/runtime/worker_backend.ts";
import type { RunningServer } from "../../src/server/serve.ts";
import {
  MODEL,
  openEchoServer,
  openServer,
  s16le,
  sampleSpeech,
  START,
  TestClient,
  wordsOf,
} from "./server.ts";

const report = { chosen: "wasm", reason: "", candidates: [] } as const;

async function begin(server: RunningServer): Promise<TestClient> {
  const client = new TestClient(`${server.url}/v1/captions`);
  await client.opened;
  client.say(START);
  await client.get("hello");
  return client;
}

Deno.test("a worker killed in the middle of two sessions is replaced, and neither notices", async () => {
  const backends: WorkerBackend[] = [];
  const load = async () => {
    const backend = await openWasm({ threadCount: 1 });
    backends.push(backend);
    return await loadModel(MODEL, { task: "ctc", backend: { backend, report }, parts: [] });
  };
  const engine = new CaptionEngine(await load(), { load, nowMs: () => 0 });
  await using server = await openServer({ hopMs: 200, rightMs: 200 }, engine);
  const bytes = s16le(await sampleSpeech());
  const half = bytes.length / 2;
  const speak = async (inTheMiddle: () => void) => {
    await using client = await begin(server);
    client.socket.send(bytes.subarray(0, half));
    await client.get("caption");
    inTheMiddle();
    client.socket.send(bytes.subarray(half));
    client.say({ type: "end" });
    assertEquals((await client.closed).code, 1000);
    return client.messages;
  };
  const calm = await speak(() => {});
  const troubled = await Promise.all([
    speak(() => void backends[0]!.rehearse("crash").catch(() => {})),
    speak(() => {}),
  ]);
  assertEquals([engine.stats.reloadCount, backends.length], [1, 2]);
  for (const messages of troubled) {
    assertEquals(wordsOf(messages), wordsOf(calm));
    assertEquals(messages.some(({ type }) => type === "error"), false);
  }
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assertStringIncludes(metrics, "hubcap_model_reloads_total 1");
  assertStringIncludes(metrics, "hubcap_dropped_samples_total 0");
  await Promise.all(backends.map((backend) => backend[Symbol.asyncDispose]()));
});

Deno.test("a device that never comes back is told to who speaks, who comes, and who asks", async () => {
  await using server = await openEchoServer({}, { maxFailures: 2 });
  await using client = await begin(server);
  server.echo.device.isLost = true;
  client.socket.send(server.bytesOf([["helo", 0.5]], 5));
  const error = await client.get("error");
  assertEquals([error.code, error.message], ["internal", "The server failed"]);
  assertEquals((await client.closed).code, 1011);
  const live = await fetch(`${server.url}/healthz/live`);
  assertEquals([live.status, await live.json()], [503, { live: false }]);
  const refused = await fetch(`${server.url}/v1/captions`);
  assertEquals([refused.status, refused.headers.get("retry-after")], [503, "30"]);
  assertStringIncludes((await refused.json()).error.message, "the engine has failed");
  assertEquals(server.engine.kind, "failed");
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assertStringIncludes(metrics, 'hubcap_run_failures_total{recovery="hopeless"} 1');
});
