import { VirtualClock } from "../../bench/clock.ts";
import { driveStreams, type Load } from "../../bench/driven_streams.ts";
import { virtualDevice } from "../../bench/virtual_device.ts";
import { loadModel } from "../../src/load_model.ts";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";
import { MODEL } from "../cli/fake_terminal.ts";

const LOAD: Load = {
  streamCount: 1,
  deviceCount: 1,
  placement: "fewest",
  windows: { hopMs: 400, leftMs: 1000, rightMs: 600 },
  seconds: 8,
};

/** Runs a load on devices of which each run takes the same time. */
async function drive(
  { workerCount = 1, ...load }: Partial<Load> & { workerCount?: number },
  runMs: number,
) {
  await using model = await loadModel(MODEL, { task: "ctc", backend: "wasm", parts: [] });
  const clock = new VirtualClock();
  const costs = { batches: [1, 2], windowsMs: [1, 2], runMs: [[runMs, runMs], [runMs, runMs]] };
  const backend = virtualDevice(model, { clock, costs });
  await using virtual = await loadModel(MODEL, { task: "ctc", backend });
  const copies = Array.from({ length: workerCount - 1 }, () => virtual);
  return await driveStreams(virtual, { clock, load: { ...LOAD, ...load }, copies });
}

Deno.test("one stream on a virtual device: its delay is the run's, to the millisecond", async () => {
  const { delayP50, delayP95, busy, refusedCount, windowsPerRun, shortened } = await drive({}, 50);
  // audio comes in pieces of 100 ms, and every window ends with one
  assertAlmostEquals(delayP50, 50, 1e-6);
  assertAlmostEquals(delayP95, 50, 1e-6);
  assertAlmostEquals(busy, 50 / 400, 0.02);
  assertEquals([refusedCount, windowsPerRun, shortened], [0, 1, 0]);
});

Deno.test("streams share runs, and wait for each other", async () => {
  const { delayP95, windowsPerRun } = await drive({ streamCount: 8, maxBatch: 16 }, 150);
  assert(windowsPerRun > 1.5, `${windowsPerRun} windows a run`);
  assert(delayP95 > 150 && delayP95 <= 2 * 150 + 100, `delay ${delayP95}`);
});

Deno.test("a device slower than the hop is never idle, and windows wait for it", async () => {
  const load = { streamCount: 4, seconds: 20, maxBatch: 16 };
  const { delayP95, frameP95, busy } = await drive(load, 1500);
  assert(busy > 0.95, `busy ${busy}`);
  // a window takes all that came until its run begins, which lasts as long as what it takes
  assert(delayP95 >= 1500 && delayP95 <= 1500 + 200, `delay ${delayP95}`);
  assert(frameP95 > 500 + 1500 + 1200, `frames ${frameP95}`);
});

Deno.test("two devices do half of the work each", async () => {
  const one = await drive({ streamCount: 2 }, 50);
  const two = await drive({ streamCount: 2, deviceCount: 2 }, 50);
  assertAlmostEquals(two.delayP95, 50, 1e-6);
  assert(two.busy < one.busy, `${two.busy} and ${one.busy}`);
});

Deno.test("two workers of one device run beside each other", async () => {
  const load = { streamCount: 2, maxBatch: 1 };
  const one = await drive(load, 250); // more work than time
  const two = await drive({ ...load, workerCount: 2 }, 250);
  assert(one.busy > 0.95, `busy ${one.busy}`);
  assertAlmostEquals(two.busy, 250 / 400, 0.05);
  assertAlmostEquals(two.delayP95, 250, 1e-6);
  assert(one.frameP95 > two.frameP95, `frames ${one.frameP95} and ${two.frameP95}`);
});

Deno.test("frames wait for as much context as the overload policy leaves", async () => {
  const rightMsOf = async (runMs: number) => {
    const { frameP95, delayP95, shortened } = await drive({ seconds: 20 }, runMs);
    assertEquals(shortened, runMs > 1000 ? 1 : 0);
    // a window holds what came during a hop, or during the run before it; in frames of 7.5 ms
    const newMs = 7.5 * Math.ceil(Math.max(400, runMs) / 7.5);
    return frameP95 - delayP95 - 0.9 * newMs;
  };
  assertAlmostEquals(await rightMsOf(200), 600, 1e-6);
  assertAlmostEquals(await rightMsOf(1200), 502.5, 1e-6); // five sixths, in whole frames
});
