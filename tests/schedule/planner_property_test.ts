import fc from "../property.ts";
import { assert, assertEquals } from "../assert.ts";
import {
  afterWindow,
  firstNeededSample,
  planNext,
  STREAM_START,
  type StreamProgress,
  type Window,
} from "../../src/schedule/planner.ts";
import { type WindowPolicy, windowPolicy } from "../../src/schedule/window_policy.ts";
import { policies, policyOf, type StreamEvent, streamEvents } from "./random_policy.ts";

/** Checks all that is promised of one window. */
function assertSound(window: Window, progress: StreamProgress, policy: WindowPolicy): void {
  const { geometry, leftFrames, leadFrames, rightFrames, maxWindowSamples } = policy;
  const { startFrame, endFrame, commitStartFrame, commitEndFrame } = window;
  const lastSample = progress.samplesReceived + (progress.isEnded ? policy.tailPaddingSamples : 0);
  assertEquals(window.startSample, startFrame * geometry.strideSamples, "starts on the grid");
  assertEquals(geometry.frameCount(window.endSample - window.startSample), endFrame - startFrame);
  assert(window.endSample <= lastSample, "holds only what was received");
  assert(window.endSample - window.startSample <= maxWindowSamples, "is within maxWindow");
  assertEquals(firstNeededSample(progress, policy), Math.max(0, window.startSample));
  assertEquals(commitStartFrame, progress.framesCommitted, "goes on where the last one ended");
  assert(commitStartFrame <= commitEndFrame && commitEndFrame <= endFrame, "commits its own");
  assert(startFrame <= 0 || commitStartFrame - startFrame >= leftFrames, "has its left context");
  assert(commitStartFrame - startFrame <= leftFrames, "has no more left context than asked for");
  assert(
    startFrame >= 0 || endFrame - startFrame <= leadFrames,
    "has no more silence than asked for",
  );
  const isAllThereIs = window.completes !== "nothing" && commitStartFrame === 0;
  assert(
    isAllThereIs
      ? startFrame === 0
      : endFrame - startFrame >= leadFrames || commitStartFrame - startFrame === leftFrames,
    "is as long as it must be, has all its left context, or is all there is",
  );
  if (commitEndFrame > commitStartFrame && window.completes === "nothing") {
    assert(endFrame - commitEndFrame >= rightFrames, "has its right context");
  }
  if (window.completes !== "nothing") assertEquals(commitEndFrame, endFrame);
  const { agreedEndFrame, commitLimitFrame } = window;
  for (const limitFrame of [agreedEndFrame, commitLimitFrame]) {
    assert(commitEndFrame <= limitFrame && limitFrame <= endFrame, "what is early is in it");
  }
  assert(
    commitEndFrame > commitStartFrame || endFrame > progress.framesSeen,
    "gets the stream further",
  );
}

/**
 * Runs a stream to its end, checking each step.
 *
 * @param early How much of what a window may commit besides is committed, from 0 to 1; by window, in turns.
 */
function runStream(
  events: StreamEvent[],
  policyAt: (step: number) => WindowPolicy,
  early: readonly number[] = [0],
) {
  let progress = STREAM_START;
  const windows: Window[] = [];
  const runWindows = (count: number, policy: WindowPolicy) => {
    for (let i = 0; i < count; i++) {
      const plan = planNext(progress, policy);
      if (plan.kind !== "window") return plan;
      assertSound(plan.window, progress, policy);
      const { commitEndFrame, commitLimitFrame } = plan.window;
      const part = early[windows.length % early.length]!;
      const framesCommitted = commitEndFrame +
        Math.round(part * (commitLimitFrame - commitEndFrame));
      windows.push({ ...plan.window, commitEndFrame: framesCommitted });
      progress = afterWindow(progress, plan.window, framesCommitted);
    }
    return undefined;
  };
  for (const [step, event] of events.entries()) {
    if (event.kind === "push") {
      progress = { ...progress, samplesReceived: progress.samplesReceived + event.sampleCount };
    } else if (event.kind === "finalize") {
      progress = { ...progress, finalizeAtSample: progress.samplesReceived };
    } else {
      const policy = policyAt(step);
      const plan = runWindows(event.windows, policy);
      if (plan?.kind !== "wait") continue;
      const { finalizeAtSample = 0 } = progress;
      assert(progress.framesCommitted >= policy.geometry.frameCount(finalizeAtSample));
      assert(plan.untilSample > progress.samplesReceived);
      const before = { ...progress, samplesReceived: plan.untilSample - 1 };
      assertEquals(planNext(before, policy), plan, "waits to the sample");
      const due = { ...progress, samplesReceived: plan.untilSample };
      assertEquals(planNext(due, policy).kind, "window", "waits no longer");
    }
  }
  progress = { ...progress, isEnded: true };
  assertEquals(runWindows(Infinity, policyAt(events.length)), { kind: "done" });
  return { progress, windows };
}

function framesOf(windows: Window[]): number[] {
  return windows.flatMap(({ commitStartFrame, commitEndFrame }) =>
    Array.from({ length: commitEndFrame - commitStartFrame }, (_, i) => commitStartFrame + i)
  );
}

/** Frames of a recording that silence follows. */
function totalFrames(samples: number, policy: WindowPolicy): number {
  return samples === 0 ? 0 : policy.geometry.frameCount(samples + policy.tailPaddingSamples);
}

/** How early windows commit: not at all, as early as they may, or between. */
const earliness: fc.Arbitrary<number[]> = fc.array(
  fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true })),
  { minLength: 1, maxLength: 5 },
);

Deno.test("committed frames are 0 … frameCount(total) − 1, each once and in order, whatever happens", () => {
  fc.assert(
    fc.property(policies, streamEvents, earliness, (random, events, early) => {
      const policy = policyOf(random);
      const { progress, windows } = runStream(events, () => policy, early);
      const expected = totalFrames(progress.samplesReceived, policy);
      assertEquals(framesOf(windows), Array.from({ length: expected }, (_, frame) => frame));
    }),
    { numRuns: 10_000, seed: 7 },
  );
});

Deno.test("the same while the hop changes under way", () => {
  fc.assert(
    fc.property(policies, streamEvents, earliness, (random, events, early) => {
      const slow = policyOf(random);
      const fast = windowPolicy(random.geometry, { ...random.options, hopMs: 0 });
      const { progress, windows } = runStream(
        events,
        (step) => step % 2 === 0 ? slow : fast,
        early,
      );
      const expected = totalFrames(progress.samplesReceived, slow);
      assertEquals(framesOf(windows), Array.from({ length: expected }, (_, frame) => frame));
    }),
    { numRuns: 1000, seed: 8 },
  );
});

Deno.test("without catchUp the windows do not depend on how samples arrive or when they run", () => {
  fc.assert(
    fc.property(policies, streamEvents, streamEvents, (random, events, others) => {
      const policy = policyOf({ ...random, options: { ...random.options, catchUp: false } });
      const pushes = (list: StreamEvent[]) => list.filter(({ kind }) => kind !== "finalize");
      const { progress, windows } = runStream(pushes(events), () => policy);
      // The same samples in the other stream's chunks.
      let rest = progress.samplesReceived;
      const rechunked = pushes(others).map((event) => {
        if (event.kind !== "push") return event;
        const sampleCount = Math.min(rest, event.sampleCount);
        rest -= sampleCount;
        return { kind: "push" as const, sampleCount };
      });
      rechunked.push({ kind: "push", sampleCount: rest });
      assertEquals(runStream(rechunked, () => policy).windows, windows);
    }),
    { numRuns: 1000, seed: 9 },
  );
});
