import { assert, assertEquals, assertRejects } from "./assert.ts";
import { Device } from "../src/device.ts";
import { CaptionEngine } from "../src/engine.ts";
import { BackendError } from "../src/errors.ts";
import { loadModel } from "../src/load_model.ts";
import type { HubertConfig } from "../src/model/config.ts";
import { openWasm } from "../src/runtime/wasm.ts";
import type { WorkerBackend } from "../src/runtime/worker_backend.ts";
import { join } from "../src/std.ts";
import { echoDevice, echoModel } from "./echo_device.ts";
import { GOLDEN_FOLDER } from "./golden.ts";

const report = { chosen: "wasm", reason: "", candidates: [] } as const;

/** What a stream says of a sound, the worker that computes dying on the way when asked to. */
async function wordsOf(options: { dies: boolean }): Promise<{ text: string; reloads: number }> {
  await using stack = new AsyncDisposableStack();
  const backends: WorkerBackend[] = [];
  const load = async () => {
    const backend = await openWasm({ threadCount: 1 });
    backends.push(stack.use(backend));
    const folder = join(GOLDEN_FOLDER, "ctc_adapter");
    return await loadModel(folder, { task: "ctc", backend: { backend, report }, parts: [] });
  };
  const engine = stack.use(new CaptionEngine(await load(), { load, nowMs: () => 0 }));
  const stream = engine.open({ leftMs: 500, hopMs: 200, rightMs: 100, maxWindowMs: 1500 });
  const samples = Float32Array.from({ length: 24_000 }, (_, i) => 0.2 * Math.sin(i * i / 9000));
  stream.push(samples.subarray(0, 12_000));
  const words: string[] = [];
  let hasDied = !options.dies;
  for await (const event of stream) {
    if (event.kind !== "caption") continue;
    words.push(...event.committed.map(({ text }) => text));
    if (!hasDied) backends[0]!.rehearse("crash").catch(() => {});
    hasDied = true;
    if (stream.samplesReceived === 12_000) {
      stream.push(samples.subarray(12_000));
      stream.end();
    }
  }
  return { text: words.join(" "), reloads: engine.stats.reloadCount };
}

Deno.test("a worker that dies in the middle of a stream is replaced, and the words are the same", async () => {
  const [calm, troubled] = [await wordsOf({ dies: false }), await wordsOf({ dies: true })];
  assertEquals(troubled.text, calm.text);
  assertEquals([calm.reloads, troubled.reloads], [0, 1]);
});

Deno.test("a model that is opened anew speaks the language that the lost one had changed to", async () => {
  await using echo = await echoModel();
  const { device: lost } = echo;
  await using device = new Device(echo.model, { load: () => echo.load() });
  await echo.model.setTargetLang("deu");
  const { conv_dim } = echo.model.config as HubertConfig;
  echo.device = echoDevice(echo.model.geometry, conv_dim.at(-1)!);
  lost.isLost = true;
  assertEquals(await device.recover(new BackendError("lost", { backend: "wasm" })), "renewed");
  assert(device.model !== echo.model);
  assertEquals(device.model.targetLang, "deu");
});

Deno.test("a closed device recovers from nothing", async () => {
  await using echo = await echoModel();
  const device = new Device(echo.model, { load: () => echo.load() });
  await device.prepare();
  await device[Symbol.asyncDispose]();
  await device[Symbol.asyncDispose]();
  await assertRejects(() => device.prepare(), TypeError, "closed");
  const error = new BackendError("Cannot run", { backend: "wasm" });
  await assertRejects(() => device.recover(error), TypeError, "closed");
});
