import { assert, assertEquals } from "../assert.ts";
import { CaptionEngine } from "../../src/engine.ts";
import { EngineMetrics } from "../../src/server/engine_metrics.ts";
import { Registry } from "../../src/server/prometheus.ts";
import { echoModel } from "../echo_device.ts";
import { replacement } from "../echo_engine.ts";
import { openEchoServer, openServer, s16le, START, TestClient } from "./server.ts";

/** Reads series of Prometheus' text. */
function reader(text: string): (series: string) => number {
  const lines = text.split("\n");
  return (series) => Number(lines.find((line) => line.startsWith(`${series} `))?.split(" ").at(-1));
}

Deno.test("EngineMetrics: every run and window is counted where it belongs", async () => {
  const registry = new Registry();
  const metrics = new EngineMetrics(registry, () => undefined);
  const window = { streamId: "a", sampleCount: 1, newSampleCount: 1, hopsSpared: 0 };
  metrics.observe({
    ...{ kind: "run", atMs: 0, runMs: 30 },
    windows: [
      { ...window, queueMs: 5, latenessMs: -100 },
      { ...window, queueMs: 400, latenessMs: 0 },
      { ...window, queueMs: 20, latenessMs: 2000 },
    ],
  });
  const value = reader(await registry.metrics());
  assertEquals(value('hubcap_batch_windows_bucket{le="2"}'), 0);
  assertEquals(value('hubcap_batch_windows_bucket{le="4"}'), 1);
  assertEquals(value('hubcap_run_duration_seconds_bucket{le="0.025"}'), 0);
  assertEquals(value("hubcap_run_duration_seconds_sum"), 0.03);
  assertEquals(value('hubcap_queue_delay_seconds_bucket{le="0.01"}'), 1);
  assertEquals(value('hubcap_queue_delay_seconds_bucket{le="0.5"}'), 3);
  assertEquals(value('hubcap_lateness_seconds_bucket{le="0"}'), 2);
  assertEquals(value("hubcap_lateness_seconds_sum"), 2);
  assertEquals(value("hubcap_windows_total"), 0); // there is no engine yet
});

Deno.test("EngineMetrics: a device that is lost for good is counted, and missing among the workers", async () => {
  await using echo = await echoModel();
  const first = echo.device;
  echo.device = replacement(echo);
  const copies = [await echo.load()];
  await using server = await openServer(
    { hopMs: 200, rightMs: 200 },
    (observer) => new CaptionEngine(echo.model, { copies, observer, maxFailures: 1 }),
  );
  const before = reader(await (await fetch(`${server.url}/metrics`)).text());
  assertEquals([before("hubcap_workers"), before("hubcap_workers_lost_total")], [2, 0]);
  first.isLost = true;
  await Promise.all([1, 2, 3].map(async () => {
    await using client = new TestClient(`${server.url}/v1/captions`);
    await client.opened;
    client.say(START);
    client.socket.send(s16le(new Float32Array(16_000)));
    client.say({ type: "end" });
    assertEquals((await client.closed).code, 1000);
  }));
  const after = reader(await (await fetch(`${server.url}/metrics`)).text());
  assertEquals([after("hubcap_workers"), after("hubcap_workers_lost_total")], [1, 1]);
  assertEquals(after('hubcap_run_failures_total{recovery="lost"}'), 1);
  const { ready, backend } = await (await fetch(`${server.url}/healthz`)).json();
  assertEquals([ready, backend.workers, backend.lostWorkers], [true, 1, 1]);
});

Deno.test("EngineMetrics: a server's histograms agree with its engine's totals", async () => {
  await using server = await openEchoServer({ hopMs: 200, rightMs: 200 });
  let isFirst = true;
  server.echo.device.fault = () => {
    const fault = isFirst ? "throw" : "none";
    isFirst = false;
    return fault;
  };
  await using client = new TestClient(`${server.url}/v1/captions`);
  await client.opened;
  client.say(START);
  client.socket.send(server.bytesOf([["ab", 0.5]], 3));
  client.say({ type: "end" });
  await client.closed;
  const value = reader(await (await fetch(`${server.url}/metrics`)).text());
  const windows = value("hubcap_windows_total");
  assert(windows > 5, `${windows} windows`);
  assertEquals(value("hubcap_queue_delay_seconds_count"), windows);
  assertEquals(value("hubcap_lateness_seconds_count"), windows);
  assertEquals(value("hubcap_batch_windows_sum"), windows);
  assertEquals(value("hubcap_run_duration_seconds_count"), value("hubcap_batch_windows_count"));
  assertEquals(value('hubcap_run_failures_total{recovery="well"}'), 1);
  assertEquals(value('hubcap_overload_steps_total{step="refuse"}'), 0);
  assertEquals(value("hubcap_streams"), 0);
});
