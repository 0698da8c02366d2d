/**
 * Engines under a load of streams, on any clock.
 *
 * @module
 */
import { CaptionEngine } from "../src/engine.ts";
import type { EngineRecord } from "../src/engine_observer.ts";
import { OverloadError } from "../src/errors.ts";
import { windowsAt } from "../src/schedule/overload.ts";
import { windowPolicy } from "../src/schedule/window_policy.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import type { StreamOptions } from "../src/stream.ts";
import { msToSamples, samplesToMs } from "../src/units.ts";
import type { DrivingClock } from "./clock.ts";
import { WindowEncoder } from "../src/window_encoder.ts";
import { leastRise } from "./emission_latency.ts";
import { sharedModel } from "./shared_model.ts";
import { quantile, seededRandom } from "./statistics.ts";

/** A load. */
export interface Load {
  /** Speakers in all. */
  readonly streamCount: number;
  /** Devices, each with an engine of its own and its workers. */
  readonly deviceCount: number;
  /** How a speaker's device is chosen: the one with the fewest, or any. */
  readonly placement: "fewest" | "any";
  /** How windows are cut. */
  readonly windows: Required<Pick<StreamOptions, "hopMs" | "leftMs" | "rightMs">>;
  /** Most windows in a run. @default {the engine's choice} */
  readonly maxBatch?: number;
  /** Time that is measured, after windows have their full length. */
  readonly seconds: number;
}

/** How a load went. */
export interface DrivenResult {
  /** 95 of 100 committed frames were there within this time of being spoken, ms. */
  readonly frameP95: number;
  /** Median time from a window's last sample to its scores, ms. */
  readonly delayP50: number;
  /** The same of 95 in 100. */
  readonly delayP95: number;
  /** By how much delays rise at the least, ms a ms. */
  readonly rise: number;
  /** Part of the time that workers worked, on average. */
  readonly busy: number;
  /** Windows in a run. */
  readonly windowsPerRun: number;
  /** Part of the windows that the overload policy left less context. */
  readonly shortened: number;
  /** Speakers that were turned away. */
  readonly refusedCount: number;
}

/** Audio that a speaker sends at once, ms. */
const PUSH_MS = 100;

interface DrivenWindow {
  readonly atMs: number;
  /** From its last sample to its scores. */
  readonly delayMs: number;
  readonly newMs: number;
  /** Context after, as the overload policy left it. */
  readonly rightMs: number;
  /** Whether that is less than it would be. */
  readonly isShortened: boolean;
}

/** What an observer saw of the time that is measured. */
interface Seen {
  readonly windows: DrivenWindow[];
  busyMs: number;
  runCount: number;
}

/** How long a load is put on, ms: windows have their full length before the time that is measured. */
export function drivenMs({ windows: { hopMs, leftMs, rightMs }, seconds }: Load): number {
  return leftMs + hopMs + rightMs + 2000 + 1000 * seconds;
}

/**
 * Puts a load on engines and looks at what becomes of it.
 *
 * @param model The model of every engine's first worker.
 * @param options Clock and load; `copies` are the models of the other workers.
 */
export async function driveStreams(
  model: SpeechModel<"ctc">,
  { clock, load, copies = [] }: {
    clock: DrivingClock;
    load: Load;
    copies?: readonly SpeechModel<"ctc">[];
  },
): Promise<DrivenResult> {
  // graphs take real time to load, which a virtual clock does not know
  for (const each of [model, ...copies]) {
    await new WindowEncoder(each, { isShared: true, frontEndCache: false }).prepare();
  }
  const untilMs = clock.nowMs() + drivenMs(load);
  const fromMs = untilMs - 1000 * load.seconds;
  const seen: Seen = { windows: [], busyMs: 0, runCount: 0 };
  const engines = Array.from(
    { length: load.deviceCount },
    () =>
      new CaptionEngine(sharedModel(model), {
        ...{
          observer: observerOf(model, { load, seen, fromMs }),
          nowMs: clock.nowMs,
          frontEndCache: false,
          runTimeoutMs: Infinity,
          copies: copies.map(sharedModel),
        },
        ...(load.maxBatch === undefined ? {} : { maxBatch: load.maxBatch }),
      }),
  );
  const refusals = haveSpeakersCome(engines, { clock, load, untilMs });
  await clock.run(untilMs);
  const closing = engines.map((engine) => engine[Symbol.asyncDispose]());
  await clock.finish(); // a run that has begun
  await Promise.all(closing);
  return {
    ...delaysOf(seen),
    busy: seen.busyMs / (load.deviceCount * (1 + copies.length)) / (untilMs - fromMs),
    refusedCount: refusals.count,
  };
}

/** Takes in what one engine says. Its overload policy decides how much context frames wait for. */
function observerOf(
  { geometry, sampleRateHz }: SpeechModel<"ctc">,
  { load, seen, fromMs }: { load: Load; seen: Seen; fromMs: number },
): (record: EngineRecord) => void {
  const windowsWhole = windowPolicy(geometry, { ...load.windows, sampleRateHz });
  let { rightMs } = load.windows;
  let isShortened = false;
  return (record) => {
    if (record.kind === "overload") {
      const { rightFrames } = windowsAt(windowsWhole, record.to);
      rightMs = samplesToMs(rightFrames * geometry.strideSamples, sampleRateHz);
      isShortened = rightFrames < windowsWhole.rightFrames;
    }
    if (record.kind !== "run" || record.atMs < fromMs) return;
    const { atMs, runMs, windows } = record;
    seen.busyMs += runMs;
    seen.runCount++;
    for (const { queueMs, newSampleCount } of windows) {
      const newMs = samplesToMs(newSampleCount, sampleRateHz);
      seen.windows.push({ atMs, delayMs: queueMs + runMs, newMs, rightMs, isShortened });
    }
  };
}

function delaysOf({ windows, runCount }: Seen): Omit<DrivenResult, "busy" | "refusedCount"> {
  const delays = windows.map(({ delayMs }) => delayMs);
  const frames = windows.flatMap(({ delayMs, newMs, rightMs }) =>
    POINTS.map((part) => delayMs + rightMs + part * newMs)
  );
  return {
    frameP95: quantile(frames, 0.95),
    delayP50: quantile(delays, 0.5),
    delayP95: quantile(delays, 0.95),
    rise: leastRise(windows.map(({ atMs, delayMs }) => [atMs, delayMs])),
    windowsPerRun: windows.length / runCount,
    shortened: windows.filter(({ isShortened }) => isShortened).length / windows.length,
  };
}

/** Points among the frames that a window commits: they wait for the context after them, too. */
const POINTS = [0.1, 0.3, 0.5, 0.7, 0.9];

/** Has every speaker come at a moment of the first hop. Result: how many are turned away, as it goes. */
function haveSpeakersCome(
  engines: readonly CaptionEngine[],
  { clock, load, untilMs }: { clock: DrivingClock; load: Load; untilMs: number },
): { count: number } {
  const refusals = { count: 0 };
  const random = seededRandom(11);
  const silence = new Float32Array(msToSamples(PUSH_MS, engines[0]!.model.sampleRateHz));
  const startMs = clock.nowMs();
  for (let i = 0; i < load.streamCount; i++) {
    const atMs = startMs + random() * Math.max(load.windows.hopMs, PUSH_MS);
    const chosen = Math.floor(random() * engines.length);
    clock.at(atMs, () => {
      const engine = load.placement === "any" ? engines[chosen]! : fewest(engines);
      try {
        speak(engine.open(load.windows), { clock, silence, atMs, untilMs });
      } catch (error) {
        if (!(error instanceof OverloadError)) throw error;
        refusals.count++;
      }
    });
  }
  return refusals;
}

function fewest(engines: readonly CaptionEngine[]): CaptionEngine {
  return engines.reduce((a, b) => b.stats.streamCount < a.stats.streamCount ? b : a);
}

/** Pushes silence as it would be spoken; a stream that is full waits, as its lag shows. */
function speak(
  stream: ReturnType<CaptionEngine["open"]>,
  { clock, silence, atMs, untilMs }: {
    clock: DrivingClock;
    silence: Float32Array;
    atMs: number;
    untilMs: number;
  },
): void {
  let isOver = false;
  void readAll(stream).then(() => isOver = true);
  const push = (pushMs: number) => {
    if (pushMs > untilMs) return;
    clock.at(pushMs, () => {
      if (isOver) return;
      if (stream.freeSamples >= silence.length) stream.push(silence);
      push(pushMs + PUSH_MS);
    });
  };
  push(atMs + PUSH_MS);
}

/** Reads what a stream says until its engine ends it. */
async function readAll(stream: ReturnType<CaptionEngine["open"]>): Promise<void> {
  try {
    for await (const _event of stream);
  } catch {
    // the engine has ended it
  }
}
