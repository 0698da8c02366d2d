/**
 * Who is active when: a fold over the frames of a classifier whose labels do not exclude each other,
 * such as one of who speaks, with thresholds and pauses as data.
 *
 * Shapes: T frames, L labels.
 *
 * @module
 */
import { FrameGridError } from "../ctc/emissions.ts";
import type { FrameGeometry } from "../geometry.ts";
import { msToSamples } from "../units.ts";

/** When a label counts as active. */
export interface ActivityOptions {
  /** A label becomes active where it is likelier than this, 0 to 1. @default {0.5} */
  threshold?: number;
  /** An active label stays so while it is likelier than this, 0 to `threshold`. @default {threshold} */
  keepThreshold?: number;
  /** Time that a label must be active in a row to be told of. Rounded up to frames. @default {100} */
  minActiveMs?: number;
  /** Time that an active label must pause to be over. Rounded up to frames. @default {300} */
  minPauseMs?: number;
  /** Rate of the samples, Hz. @default {16000} */
  sampleRateHz?: number;
}

/** The same in frames. Made by {@linkcode activityPolicy}. */
export interface ActivityPolicy {
  /** Names of the labels, by their number. */
  readonly labels: readonly string[];
  /** Samples from one frame to the next. */
  readonly strideSamples: number;
  /** A label becomes active where it is likelier than this. */
  readonly threshold: number;
  /** An active label stays so while it is likelier than this. */
  readonly keepThreshold: number;
  /** Frames in a row that a label must be active in to be told of; at least 1. */
  readonly minActiveFrames: number;
  /** Frames in a row that end it; at least 1. */
  readonly minPauseFrames: number;
}

/** How likely each label is in each frame. */
export interface LabelFrames {
  /** First frame, counted from stream start. */
  readonly startFrame: number;
  /** From 0 to 1, each label for itself. */
  readonly probabilities: Float32Array; // [T, L]
}

/** A time in which a label is active, pauses included. */
interface Spell {
  readonly startFrame: number;
  /** One past its last active frame so far. */
  readonly endFrame: number;
  /** Whether it lasted long enough to be told of. */
  readonly isTold: boolean;
}

/** What is carried from chunk to chunk. A plain record. */
export interface ActivityState {
  /** The frame that must come next. */
  readonly nextFrame: number;
  /** The open spell of each label. */
  readonly spells: readonly (Spell | undefined)[];
}

/** A label became active, or ceased to be. */
export type ActivityEvent =
  | {
    readonly kind: "activityStart";
    /** The label. */
    readonly label: string;
    /** First sample of its first active frame. */
    readonly startSample: number;
  }
  | {
    readonly kind: "activityEnd";
    /** The label. */
    readonly label: string;
    /** As its start said. */
    readonly startSample: number;
    /** One past the last sample of its last active frame, as frames follow each other. */
    readonly endSample: number;
  };

/**
 * Turns options into frames.
 *
 * @param labels Names of the labels, by their number.
 * @param geometry The frame grid.
 * @param options When a label counts as active.
 * @throws {RangeError} If a number is out of range.
 */
export function activityPolicy(
  labels: readonly string[],
  geometry: FrameGeometry,
  options: ActivityOptions = {},
): ActivityPolicy {
  const { threshold = 0.5, keepThreshold = threshold } = options;
  const { minActiveMs = 100, minPauseMs = 300, sampleRateHz = 16_000 } = options;
  if (!(keepThreshold >= 0 && keepThreshold <= threshold && threshold < 1)) {
    throw new RangeError(
      `Cannot find activity as 0 ≤ keepThreshold ≤ threshold < 1 must hold: ${keepThreshold} and ${threshold}`,
    );
  }
  for (const [name, ms] of Object.entries({ minActiveMs, minPauseMs })) {
    if (ms >= 0 && ms < Infinity) continue;
    throw new RangeError(
      `Cannot find activity as ${name} must be a finite number of at least 0: ${ms}`,
    );
  }
  const { strideSamples } = geometry;
  const framesIn = (ms: number) =>
    Math.max(1, Math.ceil(msToSamples(ms, sampleRateHz) / strideSamples));
  return {
    ...{ labels, strideSamples, threshold, keepThreshold },
    minActiveFrames: framesIn(minActiveMs),
    minPauseFrames: framesIn(minPauseMs),
  };
}

/** The state before the first frame. */
export const ACTIVITY_START: ActivityState = { nextFrame: 0, spells: [] };

/**
 * Takes in frames that follow.
 *
 * @param state State after the frames before; not changed.
 * @param frames Frames that follow.
 * @param policy When a label counts as active.
 * @returns What happened, in order of the frame it was known at; the same for any chunking.
 * @throws {FrameGridError} If the frames do not follow.
 *
 * @example
 * ```ts
 * import { convGeometry } from "../geometry.ts";
 * import { ACTIVITY_START, activityPolicy, advanceActivity, flushActivity } from "./activity.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const options = { minActiveMs: 40, minPauseMs: 40 };
 * const policy = activityPolicy(["ada"], convGeometry([400], [320]), options);
 * const probabilities = Float32Array.of(0.1, 0.9, 0.8, 0.1, 0.9, 0.1, 0.1);
 * const { events } = advanceActivity(ACTIVITY_START, { startFrame: 0, probabilities }, policy);
 * assertEquals(events, [
 *   { kind: "activityStart", label: "ada", startSample: 320 },
 *   { kind: "activityEnd", label: "ada", startSample: 320, endSample: 1600 },
 * ]);
 * ```
 */
export function advanceActivity(
  state: ActivityState,
  { startFrame, probabilities }: LabelFrames,
  policy: ActivityPolicy,
): { state: ActivityState; events: ActivityEvent[] } {
  const { labels } = policy;
  if (startFrame !== state.nextFrame) {
    throw new FrameGridError("find activity", state.nextFrame, startFrame);
  }
  const events: ActivityEvent[] = [];
  const spells = labels.map((_, label) => state.spells[label]);
  const endFrame = startFrame + probabilities.length / labels.length;
  for (let frame = startFrame; frame < endFrame; frame++) {
    for (const [i, label] of labels.entries()) {
      const probability = probabilities[(frame - startFrame) * labels.length + i]!;
      const { spell, event } = advanceSpell(spells[i], { frame, probability, label }, policy);
      spells[i] = spell;
      if (event !== undefined) events.push(event);
    }
  }
  return { state: { nextFrame: endFrame, spells }, events };
}

/** Ends what is active, as at the end of the stream. */
export function flushActivity(
  { nextFrame, spells }: ActivityState,
  policy: ActivityPolicy,
): { state: ActivityState; events: ActivityEvent[] } {
  const events = spells.flatMap((spell, i) =>
    spell?.isTold ? [endOf(spell, policy.labels[i]!, policy)] : []
  );
  return { state: { nextFrame, spells: [] }, events };
}

function advanceSpell(
  spell: Spell | undefined,
  { frame, probability, label }: { frame: number; probability: number; label: string },
  policy: ActivityPolicy,
): { spell: Spell | undefined; event?: ActivityEvent } {
  const { threshold, keepThreshold, minActiveFrames, minPauseFrames, strideSamples } = policy;
  if (probability > (spell === undefined ? threshold : keepThreshold)) {
    const { startFrame, isTold } = spell ?? { startFrame: frame, isTold: false };
    const isTellable = frame + 1 - startFrame >= minActiveFrames;
    const going = { startFrame, endFrame: frame + 1, isTold: isTold || isTellable };
    if (isTold || !isTellable) return { spell: going };
    const startSample = startFrame * strideSamples;
    return { spell: going, event: { kind: "activityStart", label, startSample } };
  }
  if (!spell?.isTold) return { spell: undefined }; // too short to matter
  if (frame + 1 - spell.endFrame < minPauseFrames) return { spell };
  return { spell: undefined, event: endOf(spell, label, policy) };
}

function endOf(
  { startFrame, endFrame }: Spell,
  label: string,
  { strideSamples }: ActivityPolicy,
): ActivityEvent {
  const startSample = startFrame * strideSamples;
  return { kind: "activityEnd", label, startSample, endSample: endFrame * strideSamples };
}
