/**
 * Engines under a load of streams, on any clock.
 *
 * @module
 */
import { CaptionEngine } from "../src/engine.ts";
import type { EngineRecord } from "../src/engine_observer.ts";
import { OverloadError } from "../src/errors.ts";
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
  /** Devices, each with an engine of its own. */
  readonly deviceCount: number;
  /** How a speaker's device is chosen: the one with the fewest, or any. */
  readonly placement: "fewest" | "any";
  /** How windows are cut. */
  readonly windows: Required<Pick<StreamOptions, "hopMs" | "leftMs" | "rightMs">>;
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
  /** Part of the time that devices worked. */
  readonly busy: number;
  /** Windows in a run. */
  readonly windowsPerRun: number;
  /** Speakers that were turned away. */
  readonly refusedCount: number;
}

/** Audio that a speaker sends at once, ms. */
const PUSH_MS = 100;

interface Seen {
  readonly atMs: number;
  readonly delayMs: number;
  readonly committedMs: number;
}

/** Puts a load on engines and looks at what becomes of it. */
export async function driveStreams(
  model: SpeechModel<"ctc">,
  { clock, load }: { clock: DrivingClock; load: Load },
): Promise<DrivenResult> {
  const { streamCount, deviceCount, windows, seconds } = load;
  const { hopMs, leftMs, rightMs } = windows;
  // graphs take real time to load, which a virtual clock does not know
  await new WindowEncoder(model, { isShared: true, frontEndCache: false }).prepare();
  const [startMs, fromMs] = [clock.nowMs(), clock.nowMs() + leftMs + hopMs + rightMs + 2000];
  const untilMs = fromMs + 1000 * seconds;
  const seen: Seen[] = [];
  let [busyMs, runCount] = [0, 0];
  const observer = (record: EngineRecord) => {
    if (record.kind !== "run" || record.atMs < fromMs) return;
    busyMs += record.runMs;
    runCount++;
    for (const { queueMs, committedSampleCount } of record.windows) {
      const committedMs = samplesToMs(committedSampleCount, model.sampleRateHz);
      seen.push({ atMs: record.atMs, delayMs: queueMs + record.runMs, committedMs });
    }
  };
  const engines = Array.from({ length: deviceCount }, () =>
    new CaptionEngine(sharedModel(model), {
      ...{ observer, nowMs: clock.nowMs, frontEndCache: false, runTimeoutMs: Infinity },
    }));
  let refusedCount = 0;
  const random = seededRandom(11);
  const silence = new Float32Array(msToSamples(PUSH_MS, model.sampleRateHz));
  for (let i = 0; i < streamCount; i++) {
    const atMs = startMs + random() * Math.max(hopMs, PUSH_MS);
    const chosen = Math.floor(random() * deviceCount);
    clock.at(atMs, () => {
      const engine = load.placement === "any" ? engines[chosen]! : fewest(engines);
      try {
        speak(engine.open(windows), { clock, silence, atMs, untilMs });
      } catch (error) {
        if (!(error instanceof OverloadError)) throw error;
        refusedCount++;
      }
    });
  }
  await clock.run(untilMs);
  const closing = engines.map((engine) => engine[Symbol.asyncDispose]());
  await clock.finish(); // a run that has begun
  await Promise.all(closing);
  const delays = seen.map(({ delayMs }) => delayMs);
  return {
    frameP95: quantile(seen.flatMap((one) => frameLatencies(one, rightMs)), 0.95),
    delayP50: quantile(delays, 0.5),
    delayP95: quantile(delays, 0.95),
    rise: leastRise(seen.map(({ atMs, delayMs }) => [atMs, delayMs])),
    busy: busyMs / deviceCount / (untilMs - fromMs),
    windowsPerRun: seen.length / runCount,
    refusedCount,
  };
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

/** Points among the frames that a window commits: they wait for the context after them, too. */
const POINTS = [0.1, 0.3, 0.5, 0.7, 0.9];

function frameLatencies({ delayMs, committedMs }: Seen, rightMs: number): number[] {
  return POINTS.map((part) => delayMs + rightMs + part * committedMs);
}
