import { assert, assertEquals, assertThrows } from "../assert.ts";
import {
  countShed,
  isInForce,
  observeLag,
  OVERLOAD_POLICY,
  OVERLOAD_START,
  OVERLOAD_STEPS,
  type OverloadState,
  requireOverloadPolicy,
  windowsAt,
} from "../../src/schedule/overload.ts";
import { convGeometry } from "../../src/geometry.ts";
import { windowPolicy } from "../../src/schedule/window_policy.ts";
import { simulate, type Simulation } from "./fake_device.ts";

const HUBERT = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);

const WINDOWS = { leftMs: 4000, hopMs: 400, rightMs: 600, maxWindowMs: 8000, firstWindowMs: 400 };
const SECOND = 16_000;

const SIMULATION: Omit<Simulation, "speakers" | "cost"> = {
  windows: WINDOWS,
  batches: {
    bucketSamples: [1, 2, 3, 4, 6, 8].map((seconds) => seconds * SECOND),
    maxBatch: 16,
    maxBatchSamples: 128 * SECOND,
  },
  budgetMs: 300,
};

/** Speakers that come one after another, `everyMs` apart. */
function speakers(count: number, options: { everyMs: number; durationMs: number }) {
  const { everyMs, durationMs } = options;
  return Array.from({ length: count }, (_, i) => ({ startMs: i * everyMs, durationMs }));
}

Deno.test("200 streams below capacity: no deadline missed, no step taken", () => {
  const outcome = simulate({
    ...SIMULATION,
    // Each second 500 windows of 5 s: 750 ms of work, and at least 31 batches.
    cost: { batchMs: 3, audioSecondMs: 0.3 },
    speakers: speakers(200, { everyMs: 37, durationMs: 30_000 }),
  });
  assertEquals([outcome.missed, outcome.events, outcome.overload.shed.hops], [0, [], 0]);
  assertEquals(outcome.frames.length, 200);
  assert(outcome.frames.every(([committed, total]) => committed === total));
  assertEquals(outcome.windows, 200 * 75);
});

Deno.test("above capacity: the steps in order, committed work keeps up, then the steps back", () => {
  for (const durationMs of [40_000, 80_000]) {
    const { events, frames, maxLagMs, missed, overload } = simulate({
      ...SIMULATION,
      cost: { batchMs: 3, audioSecondMs: 1 },
      speakers: [
        ...speakers(400, { everyMs: 30, durationMs }),
        { startMs: durationMs, durationMs: 60_000 },
        { startMs: durationMs + 30_000, durationMs: 60_000 },
      ],
    });
    const ranks = events.map(({ to }) => OVERLOAD_STEPS.indexOf(to));
    ranks.forEach((rank, i) => assertEquals(Math.abs(rank - (ranks[i - 1] ?? 0)), 1, "one by one"));
    assertEquals([Math.max(...ranks), ranks.at(-1)], [OVERLOAD_STEPS.indexOf("refuse"), 0]);
    assert(overload.shed.streams > 0 && overload.shed.hops > 0 && missed > 0);
    assertEquals(frames.length + overload.shed.streams, 402);
    assert(frames.every(([committed, total]) => committed === total), "a frame was lost");
    // However long they speak, the admitted ones do not fall further behind.
    assert(maxLagMs < 5000, `fell behind by ${maxLagMs} ms`);
  }
});

Deno.test("one step at a time, up at once, down after a calm time", () => {
  let state: OverloadState = OVERLOAD_START;
  const seen: string[] = [];
  const observe = (atMs: number, lagMs: number) => {
    const step = observeLag(state, { atMs, lagMs });
    state = step.state;
    if (step.event !== undefined) seen.push(`${atMs}: ${step.event.from} to ${step.event.to}`);
  };
  observe(0, 150);
  observe(1, 5000);
  observe(2, 5000);
  observe(3, 5000);
  observe(4, 5000);
  observe(1000, 399); // calm
  observe(2000, 400); // not low enough
  observe(3000, 300);
  observe(6999, 399);
  observe(7000, 90); // 4 s of calm
  observe(8000, 100); // high for this step
  observe(9000, 99);
  observe(13_000, 99);
  observe(13_001, 49);
  observe(17_001, 0);
  observe(99_999, 0);
  assertEquals(seen, [
    "1: admit to coalesce",
    "2: coalesce to degrade",
    "3: degrade to refuse",
    "7000: refuse to degrade",
    "13000: degrade to coalesce",
    "17001: coalesce to admit",
  ]);
  assertEquals(state.entered, { admit: 0, coalesce: 1, degrade: 1, refuse: 1 });
});

Deno.test("a load that only shorter windows bear: they stay short, hardly interrupted", () => {
  const durationMs = 300_000;
  const { events, frames, maxLagMs, overload } = simulate({
    ...SIMULATION,
    batches: { ...SIMULATION.batches, maxBatch: 2 },
    // Each second 30 windows of 5 s take 1.58 s, in pairs; of 1.9 s, 0.65 s.
    cost: { batchMs: 5, audioSecondMs: 10 },
    speakers: speakers(12, { everyMs: 137, durationMs }),
  });
  assert(frames.every(([committed, total]) => committed === total), "a frame was lost");
  const entries = events.filter(({ from, to }) => from === "coalesce" && to === "degrade");
  assertEquals(entries.length, overload.entered.degrade);
  // Three on the way to the longest hold, then one each time it is over.
  const most = 3 + durationMs / OVERLOAD_POLICY.longestHoldMs;
  assert(entries.length <= most, `degrade was entered ${entries.length} times`);
  assert(maxLagMs < 400, `fell behind by ${maxLagMs} ms`);
});

Deno.test("a step that is soon taken again is kept twice as long, up to a limit, and not for ever", () => {
  let state: OverloadState = OVERLOAD_START;
  let atMs = 0;
  const observe = (lagMs: number) => {
    const step = observeLag(state, { atMs, lagMs });
    state = step.state;
    return step.event;
  };
  /** Takes the first step, and gives it up. Result: how long that took. */
  const heldMs = () => {
    assertEquals(observe(151)?.to, "coalesce");
    const startMs = atMs;
    while (observe(0) === undefined) atMs += 500;
    return atMs - startMs;
  };
  const held: number[] = [];
  for (const pauseMs of [0, 1000, 31_999, 1000, 1000, 32_000, 0]) {
    atMs += pauseMs;
    held.push(heldMs());
  }
  assertEquals(held, [4000, 8000, 16_000, 32_000, 32_000, 4000, 8000]);
  assertEquals([state.entered.coalesce, state.relapses.coalesce], [7, 1]);
});

Deno.test("what each step does to windows, and what is in force", () => {
  const windows = windowPolicy(HUBERT, { leftMs: 3000, hopMs: 300, rightMs: 600 });
  const made = (["admit", "coalesce", "degrade", "refuse"] as const).map((step) => {
    const { catchUp, leftFrames, hopFrames, rightFrames } = windowsAt(windows, step);
    return [catchUp, leftFrames, hopFrames, rightFrames];
  });
  assertEquals(made, [
    [false, 150, 15, 30],
    [true, 150, 15, 30],
    [true, 38, 15, 25],
    [true, 38, 15, 25],
  ]);
  const late = windowPolicy(HUBERT, { rightMs: 300, agreeRightMs: 300, wordEndRightMs: 300 });
  const { agreeRightFrames, wordEndRightFrames } = windowsAt(late, "degrade");
  assertEquals([agreeRightFrames, wordEndRightFrames], [13, 13]);
  const state = { ...OVERLOAD_START, step: "degrade" as const };
  assertEquals([isInForce("coalesce", state), isInForce("refuse", state)], [true, false]);
  assertEquals(countShed(countShed(state, { hops: 2 }), { streams: 1 }).shed, {
    hops: 2,
    streams: 1,
  });
});

Deno.test("a policy that makes no sense is refused", () => {
  requireOverloadPolicy(OVERLOAD_POLICY);
  const { thresholds } = OVERLOAD_POLICY;
  const degrade = { enterMs: 150, leaveMs: 100 };
  assertThrows(
    () => requireOverloadPolicy({ ...OVERLOAD_POLICY, thresholds: { ...thresholds, degrade } }),
    RangeError,
    "degrade has enterMs 150 and leaveMs 100",
  );
  assertThrows(
    () => requireOverloadPolicy({ ...OVERLOAD_POLICY, longestHoldMs: 3999 }),
    RangeError,
    "3999",
  );
  assertThrows(
    () => requireOverloadPolicy({ ...OVERLOAD_POLICY, leftPart: 1.5 }),
    RangeError,
    "1.5",
  );
});
