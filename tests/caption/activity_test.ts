import { ACTIVITY_START, activityPolicy, advanceActivity } from "../../src/caption/activity.ts";
import { FrameGridError } from "../../src/ctc/emissions.ts";
import { convGeometry } from "../../src/geometry.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const geometry = convGeometry([400], [320]);

Deno.test("activityPolicy() rounds times up to frames, and names what is out of range", () => {
  const { minActiveFrames, minPauseFrames, keepThreshold } = activityPolicy(["ada"], geometry, {
    minActiveMs: 0,
    minPauseMs: 41,
    threshold: 0.7,
  });
  assertEquals([minActiveFrames, minPauseFrames, keepThreshold], [1, 3, 0.7]);
  const refuse = (options: Parameters<typeof activityPolicy>[2], words: string) =>
    assertThrows(() => activityPolicy(["ada"], geometry, options), RangeError, words);
  refuse({ threshold: 1 }, "threshold < 1 must hold: 1 and 1");
  refuse({ threshold: 0.4, keepThreshold: 0.5 }, "must hold: 0.5 and 0.4");
  refuse({ minPauseMs: Infinity }, "minPauseMs must be a finite number");
  refuse({ minActiveMs: NaN }, "minActiveMs");
});

Deno.test("advanceActivity() wants frames that follow", () => {
  const policy = activityPolicy(["ada"], geometry);
  const probabilities = Float32Array.of(0.1);
  const { state } = advanceActivity(ACTIVITY_START, { startFrame: 0, probabilities }, policy);
  for (const startFrame of [0, 2]) {
    assertThrows(
      () => advanceActivity(state, { startFrame, probabilities }, policy),
      FrameGridError,
    );
  }
});
