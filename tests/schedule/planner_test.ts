import { assert, assertEquals, assertThrows } from "../assert.ts";
import { convGeometry } from "../../src/geometry.ts";
import {
  afterWindow,
  dueFrameOf,
  planNext,
  STREAM_START,
  type StreamProgress,
  type Window,
} from "../../src/schedule/planner.ts";
import { OFFLINE_WINDOWS, windowPolicy } from "../../src/schedule/window_policy.ts";

const HUBERT = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);
const SECOND = 16_000;

function windowAt(progress: Partial<StreamProgress>, policy = windowPolicy(HUBERT)): Window {
  const plan = planNext({ ...STREAM_START, ...progress }, policy);
  assert(plan.kind === "window", `got ${plan.kind}`);
  return plan.window;
}

function frames({ startFrame, commitStartFrame, commitEndFrame, endFrame }: Window): number[] {
  return [startFrame, commitStartFrame, commitEndFrame, endFrame];
}

Deno.test("a live stream: an early first window, growing context, then steady hops", () => {
  const policy = windowPolicy(HUBERT, { leftMs: 1000, hopMs: 400, rightMs: 600 });
  let progress = STREAM_START;
  const seen: number[][] = [];
  for (let ms = 0; ms <= 3000; ms += 20) {
    progress = { ...progress, samplesReceived: ms * 16 };
    const plan = planNext(progress, policy);
    if (plan.kind !== "window") continue;
    seen.push([ms, ...frames(plan.window)]);
    progress = afterWindow(progress, plan.window);
  }
  assertEquals(seen, [
    [420, 0, 0, 0, 20],
    [820, 0, 0, 10, 40],
    [1220, 0, 10, 30, 60],
    [1620, 0, 30, 50, 80],
    [2020, 0, 50, 70, 100],
    [2420, 20, 70, 90, 120],
    [2820, 40, 90, 110, 140],
  ]);
});

Deno.test("the windows of a young stream begin in the silence before it", () => {
  const policy = windowPolicy(HUBERT, { leftMs: 2000, leadMs: 1500 });
  const young = windowAt({ samplesReceived: HUBERT.sampleCount(40), framesSeen: 20 }, policy);
  assertEquals(frames(young), [40 - 75, 0, 10, 40]);
});

Deno.test("the first window waits for exactly its samples", () => {
  const plan = planNext(STREAM_START, windowPolicy(HUBERT, { firstWindowMs: 400 }));
  assertEquals(plan, { kind: "wait", untilSample: 19 * 320 + 400 });
});

Deno.test("a stream that fell behind catches up with one window of all that came, or hop by hop", () => {
  const behind = { samplesReceived: 6 * SECOND, framesCommitted: 10, framesSeen: 40 };
  assertEquals(frames(windowAt(behind)), [0, 10, 269, 299]);
  const oneByOne = windowPolicy(HUBERT, { catchUp: false });
  assertEquals(frames(windowAt(behind, oneByOne)), [0, 10, 30, 60]);
  // Never more than maxWindowMs: 12 s hold 599 frames.
  const farBehind = { samplesReceived: 60 * SECOND, framesCommitted: 290, framesSeen: 320 };
  assertEquals(frames(windowAt(farBehind)), [90, 290, 659, 689]);
});

Deno.test("a recording that fits in one window is encoded whole, to its last sample", () => {
  const whole = windowAt({ samplesReceived: 5 * SECOND + 77, isEnded: true });
  assertEquals([whole.startSample, whole.endSample], [0, 5 * SECOND + 77]);
  assertEquals([...frames(whole), whole.completes], [0, 0, 249, 249, "stream"]);
});

Deno.test("recordings shorter than the receptive field have no frames, unless silence follows", () => {
  const policy = windowPolicy(HUBERT);
  for (const samplesReceived of [0, 1, 399]) {
    const progress = { ...STREAM_START, samplesReceived, isEnded: true };
    assertEquals(planNext(progress, policy), { kind: "done" });
  }
  assertEquals(frames(windowAt({ samplesReceived: 400, isEnded: true })), [0, 0, 1, 1]);
  const padded = windowPolicy(HUBERT, { tailPaddingMs: 100 });
  const window = windowAt({ samplesReceived: 399, isEnded: true }, padded);
  assertEquals([window.endSample, window.commitEndFrame], [399 + 1600, 5]);
  const empty = { ...STREAM_START, isEnded: true };
  assertEquals(planNext(empty, padded), { kind: "done" });
});

Deno.test("a finalize commits the frames wholly before it, and the grid goes on", () => {
  const policy = windowPolicy(HUBERT);
  // 1 s holds frames 0 to 48; frame 49 sees samples 15 680 to 16 080 and straddles the second.
  let progress: StreamProgress = {
    ...STREAM_START,
    samplesReceived: SECOND,
    framesSeen: 40,
    framesCommitted: 10,
    finalizeAtSample: SECOND,
  };
  const finalizing = windowAt(progress);
  assertEquals([...frames(finalizing), finalizing.completes], [0, 10, 49, 49, "finalize"]);
  assertEquals(finalizing.endSample, SECOND);
  progress = afterWindow(progress, finalizing);
  assertEquals(planNext(progress, policy), { kind: "wait", untilSample: 68 * 320 + 400 });
  const next = windowAt({ ...progress, samplesReceived: 2 * SECOND, isEnded: true });
  assertEquals([...frames(next), next.completes], [0, 49, 99, 99, "stream"]);
  assertThrows(
    () => planNext({ ...progress, finalizeAtSample: SECOND + 1 }, policy),
    RangeError,
    "Cannot finalize at sample 16001 as it was not received: received are 16000",
  );
});

Deno.test("a finalize that has nothing to commit asks for no window", () => {
  const progress = { ...STREAM_START, samplesReceived: 399, finalizeAtSample: 399 };
  assertEquals(planNext(progress, windowPolicy(HUBERT)).kind, "wait");
});

Deno.test("a long finalize comes before the end", () => {
  const policy = windowPolicy(HUBERT, OFFLINE_WINDOWS);
  let progress: StreamProgress = {
    ...STREAM_START,
    samplesReceived: 50 * SECOND,
    finalizeAtSample: 40 * SECOND,
    isEnded: true,
  };
  const completed: [string, number][] = [];
  for (let plan = planNext(progress, policy); plan.kind === "window";) {
    completed.push([plan.window.completes, plan.window.commitEndFrame]);
    progress = afterWindow(progress, plan.window);
    plan = planNext(progress, policy);
  }
  assertEquals(completed, [["nothing", 1399], ["finalize", 1999], ["stream", 2499]]);
});

Deno.test("a window was due when the first of its hops was", () => {
  const policy = windowPolicy(HUBERT);
  const behind = {
    ...STREAM_START,
    samplesReceived: 6 * SECOND,
    framesCommitted: 10,
    framesSeen: 40,
  };
  assertEquals(dueFrameOf(behind, policy, windowAt(behind, policy)), 60);
  const asked = { ...behind, samplesReceived: SECOND, finalizeAtSample: SECOND };
  assertEquals(dueFrameOf(asked, policy, windowAt(asked, policy)), 49);
  assertEquals(
    dueFrameOf(STREAM_START, policy, {
      startSample: 0,
      endSample: 9680,
      startFrame: 0,
      endFrame: 30,
    }),
    20,
  );
});

Deno.test("frames that were committed early are behind the next window, too", () => {
  const policy = windowPolicy(HUBERT, { leftMs: 1000, wordEndRightMs: 100, agreeRightMs: 300 });
  const progress = {
    ...STREAM_START,
    samplesReceived: 3 * SECOND,
    framesCommitted: 70,
    framesSeen: 100,
  };
  const window = windowAt(progress, { ...policy, catchUp: false });
  assertEquals(frames(window), [20, 70, 90, 120]);
  assertEquals([window.agreedEndFrame, window.commitLimitFrame], [105, 115]);
  const early = afterWindow(progress, window, 113);
  assertEquals(frames(windowAt(early, { ...policy, catchUp: false })), [63, 113, 113, 140]);
});

Deno.test("lengths are whole frames: contexts rounded up, the window down", () => {
  const policy = windowPolicy(HUBERT, {
    leftMs: 1001,
    hopMs: 1,
    rightMs: 0,
    maxWindowMs: 2000,
    firstWindowMs: 0,
  });
  const { leftFrames, hopFrames, rightFrames, maxWindowFrames, firstWindowFrames } = policy;
  assertEquals(
    [leftFrames, hopFrames, rightFrames, maxWindowFrames, firstWindowFrames],
    [51, 1, 0, 99, 1],
  );
  const offline = windowPolicy(HUBERT, OFFLINE_WINDOWS);
  assertEquals([offline.hopFrames, offline.firstWindowFrames], [1199, 1499]);
  assertEquals([offline.wordEndRightFrames, offline.agreeRightFrames], [100, 100]);
});

Deno.test("lengths that do not fit together are refused by name and value", () => {
  assertThrows(
    () => windowPolicy(HUBERT, { leftMs: 9000, maxWindowMs: 10_000 }),
    RangeError,
    "leftMs 9000, hopMs 400, rightMs 600, firstWindowMs 400, maxWindowMs 10000, which holds 499 whole frames of 20 ms",
  );
  assertThrows(() => windowPolicy(HUBERT, { firstWindowMs: 13_000 }), RangeError, "13000");
  assertThrows(() => windowPolicy(HUBERT, { maxWindowMs: 0 }), RangeError, "maxWindowMs 0");
  for (const leftMs of [-1, NaN, Infinity]) {
    assertThrows(
      () => windowPolicy(HUBERT, { leftMs }),
      RangeError,
      `Cannot plan windows as leftMs must be a finite number of at least 0: ${leftMs}`,
    );
  }
  assertThrows(() => windowPolicy(HUBERT, { hopMs: NaN }), RangeError, "hopMs must be a number");
  assertThrows(() => windowPolicy(HUBERT, { sampleRateHz: 0 }), RangeError, "sampleRateHz");
});
