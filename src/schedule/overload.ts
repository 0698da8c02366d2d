/**
 * What is given up when the device cannot keep up, in which order: a policy of numbers,
 * and a state that says where it stands.
 *
 * Audio once accepted is never dropped. First a window that is late takes all that came meanwhile, so
 * that a busy device encodes less context for the same audio (**coalesce**), then there is less
 * context, too (**degrade**), then new streams are turned away (**refuse**); as the lag falls, the
 * same steps back. A lag may be low only because of the step that is in force: one that is soon
 * taken again is kept for longer each time, so that a steady load does not have it come and go.
 *
 * @module
 */
import type { WindowPolicy } from "./window_policy.ts";

/** What can be done, mildest first. Each step includes the ones before it. */
export const OVERLOAD_STEPS = ["admit", "coalesce", "degrade", "refuse"] as const;

/** How far the policy has gone. */
export type OverloadStep = (typeof OVERLOAD_STEPS)[number];

/** When a step is taken. */
export interface OverloadThreshold {
  /** Taken when the lag is above this, ms. */
  readonly enterMs: number;
  /** Given up when the lag has stayed below this, ms; less than `enterMs`. */
  readonly leaveMs: number;
}

/** The policy. */
export interface OverloadPolicy {
  /** Threshold of each step after `admit`; each higher than the one before. */
  readonly thresholds: Readonly<Record<Exclude<OverloadStep, "admit">, OverloadThreshold>>;
  /** Time the lag must stay low before a step is given up, ms; twice as long each time it relapsed. */
  readonly holdMs: number;
  /** Longest such time, and time within which a step that is taken again has relapsed, ms. */
  readonly longestHoldMs: number;
  /** What part of the context before `degrade` leaves. */
  readonly leftPart: number;
  /** The same of the context after. */
  readonly rightPart: number;
  /** When a stream that was turned away may ask again, ms. */
  readonly retryAfterMs: number;
}

/**
 * Mild steps come before words are late: they cost little (`bench/README.md`), and a device that is
 * busy without them is late soon. Nearly a second of lag closes the door.
 */
export const OVERLOAD_POLICY: OverloadPolicy = {
  thresholds: {
    coalesce: { enterMs: 150, leaveMs: 50 },
    degrade: { enterMs: 250, leaveMs: 100 },
    refuse: { enterMs: 900, leaveMs: 400 },
  },
  holdMs: 4000,
  longestHoldMs: 32_000,
  leftPart: 1 / 4,
  rightPart: 5 / 6,
  retryAfterMs: 5000,
};

/** Where the policy stands. A plain record. */
export interface OverloadState {
  /** How far it has gone. */
  readonly step: OverloadStep;
  /** Since when the lag has been low enough to give the step up; `undefined` while it is not. */
  readonly calmSinceMs: number | undefined;
  /** How often each step was entered from below. */
  readonly entered: Readonly<Record<OverloadStep, number>>;
  /** How often in a row each step was taken again soon after it was given up. */
  readonly relapses: Readonly<Record<OverloadStep, number>>;
  /** When each step was last given up. */
  readonly givenUpMs: Readonly<Partial<Record<OverloadStep, number>>>;
  /** What was given up so far. */
  readonly shed: OverloadShed;
}

/** What was given up. Never a committed frame. */
export interface OverloadShed {
  /** Hops that had no window of their own. */
  readonly hops: number;
  /** Streams that were turned away. */
  readonly streams: number;
}

/** A step taken or given up. */
export interface OverloadEvent {
  /** The step before. */
  readonly from: OverloadStep;
  /** The step now. */
  readonly to: OverloadStep;
  /** The lag that caused it. */
  readonly lagMs: number;
  /** When, on the scheduler's clock. */
  readonly atMs: number;
}

/** The state of a scheduler that has not begun. */
export const OVERLOAD_START: OverloadState = {
  step: "admit",
  calmSinceMs: undefined,
  entered: { admit: 0, coalesce: 0, degrade: 0, refuse: 0 },
  relapses: { admit: 0, coalesce: 0, degrade: 0, refuse: 0 },
  givenUpMs: {},
  shed: { hops: 0, streams: 0 },
};

/**
 * Takes in an observation; goes up or down by at most one step.
 *
 * @param state Where the policy stands; not changed.
 * @param observation How long the window that waits longest has waited, and when this was seen.
 * @param policy The policy.
 * @returns The state now, and the step taken or given up, if any.
 */
export function observeLag(
  state: OverloadState,
  observation: { readonly lagMs: number; readonly atMs: number },
  policy: OverloadPolicy = OVERLOAD_POLICY,
): { state: OverloadState; event: OverloadEvent | undefined } {
  const { lagMs, atMs } = observation;
  const { step } = state;
  const rank = OVERLOAD_STEPS.indexOf(step);
  const moveTo = (to: OverloadStep) => ({ from: step, to, lagMs, atMs });
  const above = OVERLOAD_STEPS[rank + 1];
  if (above !== undefined && above !== "admit" && lagMs > policy.thresholds[above].enterMs) {
    return { state: entering(above, state, { atMs, policy }), event: moveTo(above) };
  }
  if (step === "admit" || lagMs >= policy.thresholds[step].leaveMs) {
    return { state: { ...state, calmSinceMs: undefined }, event: undefined };
  }
  const { calmSinceMs = atMs } = state;
  if (atMs - calmSinceMs < holdMsOf(state, policy)) {
    return { state: { ...state, calmSinceMs }, event: undefined };
  }
  const below = OVERLOAD_STEPS[rank - 1]!;
  const givenUpMs = { ...state.givenUpMs, [step]: atMs };
  return { state: { ...state, step: below, calmSinceMs: atMs, givenUpMs }, event: moveTo(below) };
}

function entering(
  step: OverloadStep,
  state: OverloadState,
  { atMs, policy }: { atMs: number; policy: OverloadPolicy },
): OverloadState {
  const { entered, relapses, givenUpMs: { [step]: givenUpMs = -Infinity } } = state;
  const isRelapse = atMs - givenUpMs < policy.longestHoldMs;
  return {
    ...{ ...state, step, calmSinceMs: undefined },
    entered: { ...entered, [step]: entered[step] + 1 },
    relapses: { ...relapses, [step]: isRelapse ? relapses[step] + 1 : 0 },
  };
}

/** Time the lag must stay low before the step in force is given up, ms. */
export function holdMsOf(
  { step, relapses }: OverloadState,
  { holdMs, longestHoldMs }: OverloadPolicy,
): number {
  return Math.min(holdMs * 2 ** relapses[step], longestHoldMs);
}

/** Counts what was given up. */
export function countShed(state: OverloadState, more: Partial<OverloadShed>): OverloadState {
  const { hops, streams } = state.shed;
  const { hops: moreHops = 0, streams: moreStreams = 0 } = more;
  return { ...state, shed: { hops: hops + moreHops, streams: streams + moreStreams } };
}

/** Whether a step is in force: it was taken, or one after it. */
export function isInForce(step: OverloadStep, state: OverloadState): boolean {
  return OVERLOAD_STEPS.indexOf(state.step) >= OVERLOAD_STEPS.indexOf(step);
}

/**
 * How windows are made at a step.
 *
 * @param windows How they are made when there is time.
 * @param step How far the policy has gone.
 * @param policy The policy.
 * @returns The same, with windows that take all that came, and with less context.
 */
export function windowsAt(
  windows: WindowPolicy,
  step: OverloadStep,
  policy: OverloadPolicy = OVERLOAD_POLICY,
): WindowPolicy {
  const { leftFrames, rightFrames, agreeRightFrames, wordEndRightFrames } = windows;
  switch (step) {
    case "admit":
      return { ...windows, catchUp: false };
    case "coalesce":
      return { ...windows, catchUp: true };
    case "degrade":
    case "refuse": {
      const lessFrames = Math.ceil(rightFrames * policy.rightPart);
      return {
        ...{ ...windows, catchUp: true },
        leftFrames: Math.ceil(leftFrames * policy.leftPart),
        rightFrames: lessFrames,
        agreeRightFrames: Math.min(agreeRightFrames, lessFrames),
        wordEndRightFrames: Math.min(wordEndRightFrames, lessFrames),
      };
    }
    default:
      return step satisfies never;
  }
}

/**
 * Checks a policy.
 *
 * @throws {RangeError} If thresholds do not rise, or a number is out of range.
 */
export function requireOverloadPolicy(policy: OverloadPolicy): void {
  const { thresholds, holdMs, longestHoldMs, leftPart, rightPart, retryAfterMs } = policy;
  let lastMs = 0;
  for (const step of OVERLOAD_STEPS) {
    if (step === "admit") continue;
    const { enterMs, leaveMs } = thresholds[step];
    if (!(leaveMs > 0 && leaveMs < enterMs && enterMs > lastMs)) {
      throw new RangeError(
        `Cannot use the overload policy as thresholds must rise and leaveMs must be above 0 and below enterMs: ` +
          `${step} has enterMs ${enterMs} and leaveMs ${leaveMs}`,
      );
    }
    lastMs = enterMs;
  }
  const arePart = [leftPart, rightPart].every((part) => part >= 0 && part <= 1);
  if (!(holdMs >= 0 && longestHoldMs >= holdMs && retryAfterMs >= 0 && arePart)) {
    throw new RangeError(
      `Cannot use the overload policy as holdMs and retryAfterMs must be at least 0, longestHoldMs at ` +
        `least holdMs, leftPart and rightPart from 0 to 1: ` +
        `${holdMs}, ${retryAfterMs}, ${longestHoldMs}, ${leftPart} and ${rightPart}`,
    );
  }
}
