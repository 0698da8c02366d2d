import fc from "../property.ts";
import {
  ACTIVITY_START,
  type ActivityEvent,
  type ActivityPolicy,
  activityPolicy,
  advanceActivity,
  flushActivity,
} from "../../src/caption/activity.ts";
import { convGeometry } from "../../src/geometry.ts";
import { assertEquals } from "../assert.ts";

const geometry = convGeometry([400], [320]);
const LABELS = ["ada", "bob"];

const policies = fc.record({
  threshold: fc.constantFrom(0.5, 0.8),
  keepThreshold: fc.constantFrom(0.2, 0.5),
  minActiveMs: fc.constantFrom(0, 20, 50, 100),
  minPauseMs: fc.constantFrom(0, 20, 50, 100),
}).map((options) => activityPolicy(LABELS, geometry, options));

/** What a reader of the whole recording would mark: spells, by looking both ways. */
function offline(on: readonly (readonly number[])[], policy: ActivityPolicy): string[] {
  const { threshold, keepThreshold, minActiveFrames, minPauseFrames, strideSamples } = policy;
  return LABELS.flatMap((label, i) => {
    const spells: [number, number][] = [];
    for (let frame = 0; frame < on.length;) {
      if (!(on[frame]![i]! > threshold)) {
        frame++;
        continue;
      }
      let end = frame + 1;
      while (end < on.length && on[end]![i]! > keepThreshold) end++;
      if (end - frame < minActiveFrames) {
        frame = end + 1;
        continue;
      }
      for (let next = end; next < Math.min(on.length, end + minPauseFrames); next++) {
        if (on[next]![i]! > keepThreshold) end = next + 1;
      }
      spells.push([frame, end]);
      frame = end + minPauseFrames;
    }
    return spells.map(([start, end]) => `${label} ${start * strideSamples} ${end * strideSamples}`);
  });
}

function inChunks(
  frames: readonly (readonly number[])[],
  sizes: readonly number[],
  policy: ActivityPolicy,
): ActivityEvent[] {
  let state = ACTIVITY_START;
  const events: ActivityEvent[] = [];
  for (let at = 0, i = 0; at < frames.length; i++) {
    const chunk = frames.slice(at, at + sizes[i % sizes.length]!);
    const probabilities = Float32Array.from(chunk.flat());
    const step = advanceActivity(state, { startFrame: at, probabilities }, policy);
    state = step.state;
    events.push(...step.events);
    at += chunk.length;
  }
  return [...events, ...flushActivity(state, policy).events];
}

Deno.test("advanceActivity() finds what a reader of the whole would mark, for any chunking", () => {
  const probability = fc.constantFrom(0.125, 0.375, 0.625, 0.875); // exact in 32 bits
  fc.assert(fc.property(
    fc.array(fc.tuple(probability, probability), { maxLength: 60 }),
    fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
    policies,
    (frames, sizes, policy) => {
      const events = inChunks(frames, sizes, policy);
      assertEquals(events, inChunks(frames, [Infinity], policy));
      const ends = events.filter((event) => event.kind === "activityEnd");
      const found = ends.map(({ label, startSample, endSample }) =>
        `${label} ${startSample} ${endSample}`
      );
      assertEquals(found.toSorted(), offline(frames, policy).toSorted());
      const starts = events.filter(({ kind }) => kind === "activityStart");
      const startOf = ({ label, startSample }: ActivityEvent) => `${label} ${startSample}`;
      assertEquals(starts.map(startOf).toSorted(), ends.map(startOf).toSorted());
    },
  ));
});
