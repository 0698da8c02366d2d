/**
 * Many speakers and one device on a virtual clock: what the scheduler's pure decisions
 * come to when they are taken one after another.
 *
 * @module
 */
import { convGeometry } from "../../src/geometry.ts";
import {
  type BatchPolicy,
  deadlineOf,
  nextBatch,
  type PendingWindow,
} from "../../src/schedule/batcher.ts";
import {
  countShed,
  isInForce,
  observeLag,
  OVERLOAD_START,
  OVERLOAD_STEPS,
  type OverloadEvent,
  type OverloadState,
  type OverloadStep,
  windowsAt,
} from "../../src/schedule/overload.ts";
import {
  afterWindow,
  planNext,
  STREAM_START,
  type StreamProgress,
  type Window,
} from "../../src/schedule/planner.ts";
import {
  type WindowOptions,
  type WindowPolicy,
  windowPolicy,
} from "../../src/schedule/window_policy.ts";

const HUBERT = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);
const SAMPLES_PER_MS = 16;

/** As the engine's. */
const CATCH_UP_SPEED = 2;

/** A speaker: when they come, and how long they speak. */
export interface Speaker {
  startMs: number;
  durationMs: number;
}

/** What is simulated. */
export interface Simulation {
  speakers: readonly Speaker[];
  windows: WindowOptions;
  /** `bucketSamples` besides those of windows in step. */
  batches: BatchPolicy;
  /** Time a batch takes: so much, and so much for a second of audio with its padding. */
  cost: { batchMs: number; audioSecondMs: number };
  /** Time from when a window could run to when its result should be there. */
  budgetMs: number;
}

/** What came of it. */
export interface Outcome {
  /** Windows whose result came after its deadline. */
  missed: number;
  /** Windows run. */
  windows: number;
  /** Batches run. */
  batches: number;
  /** Longest time a window waited. */
  maxLagMs: number;
  /** Frames committed by each admitted stream, and how many its recording has. */
  frames: [committed: number, total: number][];
  overload: OverloadState;
  events: OverloadEvent[];
}

interface Stream extends Speaker {
  id: string;
  progress: StreamProgress;
  lastDeadlineMs: number;
}

interface Due extends PendingWindow {
  stream: Stream;
  window: Window;
  dueMs: number;
  hopsSpared: number;
}

/** Runs everybody to the end of their last frame. */
export function simulate(simulation: Simulation): Outcome {
  return new FakeScheduler(simulation).run();
}

/** Samples in each window of a stream that keeps up and is no longer young. */
function steadyWindowSamples(policy: WindowPolicy): number {
  const { leftFrames, hopFrames, rightFrames } = policy;
  return HUBERT.sampleCount(leftFrames + hopFrames + rightFrames);
}

class FakeScheduler {
  readonly #simulation: Simulation;
  readonly #policies: ReadonlyMap<OverloadStep, WindowPolicy>;
  readonly #batchPolicy: BatchPolicy;
  readonly #arriving: Speaker[];
  readonly #lastServedMs = new Map<string, number>();
  readonly #outcome: Outcome = {
    missed: 0,
    windows: 0,
    batches: 0,
    maxLagMs: 0,
    frames: [],
    overload: OVERLOAD_START,
    events: [],
  };
  #streams: Stream[] = [];
  #nowMs = 0;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    const windows = windowPolicy(HUBERT, simulation.windows);
    const policyOf = (step: OverloadStep) => windowsAt(windows, step);
    this.#policies = new Map(OVERLOAD_STEPS.map((step) => [step, policyOf(step)]));
    const steady = [...this.#policies.values()].map(steadyWindowSamples);
    const lengths = new Set([...simulation.batches.bucketSamples, ...steady]);
    const bucketSamples = [...lengths].sort((a, b) => a - b);
    this.#batchPolicy = { ...simulation.batches, bucketSamples };
    this.#arriving = simulation.speakers.toSorted((a, b) => a.startMs - b.startMs);
  }

  run(): Outcome {
    while (this.#arriving.length > 0 || this.#streams.length > 0) {
      this.#admit();
      for (const stream of this.#streams) this.#receive(stream);
      const due: Due[] = [];
      let nextMs = this.#arriving[0]?.startMs ?? Infinity;
      for (const stream of this.#streams) {
        const plan = planNext(stream.progress, this.#policies.get(this.#outcome.overload.step)!);
        if (plan.kind === "done") this.#finish(stream);
        else if (plan.kind === "window") due.push(this.#dueOf(stream, plan.window));
        else {
          const untilMs = stream.startMs + plan.untilSample / SAMPLES_PER_MS;
          nextMs = Math.min(nextMs, untilMs, stream.startMs + stream.durationMs);
        }
      }
      this.#observe(due);
      if (due.length > 0) this.#runBatch(due);
      else if (nextMs < Infinity) this.#nowMs = Math.max(this.#nowMs, nextMs);
    }
    return this.#outcome;
  }

  #admit(): void {
    while (this.#arriving[0] !== undefined && this.#arriving[0].startMs <= this.#nowMs) {
      const speaker = this.#arriving.shift()!;
      if (isInForce("refuse", this.#outcome.overload)) {
        this.#outcome.overload = countShed(this.#outcome.overload, { streams: 1 });
        continue;
      }
      const id = `${speaker.startMs}`;
      this.#streams.push({ ...speaker, id, progress: STREAM_START, lastDeadlineMs: -Infinity });
    }
  }

  #receive(stream: Stream): void {
    const receivedMs = Math.min(stream.durationMs, this.#nowMs - stream.startMs);
    stream.progress = {
      ...stream.progress,
      samplesReceived: Math.floor(receivedMs * SAMPLES_PER_MS),
      isEnded: receivedMs === stream.durationMs,
    };
  }

  #finish(stream: Stream): void {
    const totalFrames = HUBERT.frameCount(stream.durationMs * SAMPLES_PER_MS);
    this.#outcome.frames.push([stream.progress.framesCommitted, totalFrames]);
    this.#streams = this.#streams.filter((other) => other !== stream);
  }

  #dueOf(stream: Stream, window: Window): Due {
    const { hopFrames } = this.#policies.get("admit")!;
    const seen = stream.progress.framesSeen;
    // Since when there was a hop to run: the first one, where a window takes several.
    const firstEndFrame = Math.min(window.endFrame, Math.max(1, seen) + hopFrames);
    const dueMs = stream.startMs + HUBERT.sampleCount(firstEndFrame) / SAMPLES_PER_MS;
    const deadlineMs = deadlineOf(dueMs, {
      budgetMs: this.#simulation.budgetMs,
      lastDeadlineMs: stream.lastDeadlineMs,
      newAudioMs: (window.endFrame - seen) * HUBERT.strideSamples / SAMPLES_PER_MS / CATCH_UP_SPEED,
    });
    return {
      stream,
      window,
      dueMs,
      deadlineMs,
      hopsSpared: Math.max(0, Math.round((window.endFrame - seen) / hopFrames) - 1),
      streamId: stream.id,
      sampleCount: window.endSample - window.startSample,
      isCommitting: window.commitEndFrame > window.commitStartFrame,
    };
  }

  #observe(due: Due[]): void {
    const lagMs = Math.max(0, ...due.map(({ dueMs }) => this.#nowMs - dueMs));
    this.#outcome.maxLagMs = Math.max(this.#outcome.maxLagMs, lagMs);
    const { state, event } = observeLag(this.#outcome.overload, { lagMs, atMs: this.#nowMs });
    this.#outcome.overload = state;
    if (event !== undefined) this.#outcome.events.push(event);
  }

  #runBatch(due: Due[]): void {
    const { bucketSamples, windows } = nextBatch(due, this.#batchPolicy, this.#lastServedMs).batch!;
    const { batchMs, audioSecondMs } = this.#simulation.cost;
    const audioSeconds = windows.length * bucketSamples / SAMPLES_PER_MS / 1000;
    this.#nowMs += batchMs + audioSecondMs * audioSeconds;
    this.#outcome.batches++;
    this.#outcome.windows += windows.length;
    for (const { stream, window, deadlineMs, hopsSpared } of windows) {
      if (this.#nowMs > deadlineMs) this.#outcome.missed++;
      stream.progress = afterWindow(stream.progress, window);
      stream.lastDeadlineMs = deadlineMs;
      this.#lastServedMs.set(stream.id, this.#nowMs);
      this.#outcome.overload = countShed(this.#outcome.overload, { hops: hopsSpared });
    }
  }
}
