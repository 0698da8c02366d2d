/**
 * What can be set of an engine, and what it tells of itself.
 *
 * @module
 */
import type { DecoderChoice } from "./decoding.ts";
import type { DeviceOptions } from "./device.ts";
import type { EngineObserver } from "./engine_observer.ts";
import type { BackendName } from "./runtime/backend.ts";
import type { BatchPolicy } from "./schedule/batcher.ts";
import {
  OVERLOAD_POLICY,
  type OverloadPolicy,
  type OverloadState,
  requireOverloadPolicy,
} from "./schedule/overload.ts";
import type { SpeechModel } from "./speech_model.ts";
import { msToSamples } from "./units.ts";
import type { WindowEncoder } from "./window_encoder.ts";

/** Options of a {@linkcode CaptionEngine}. */
export interface EngineOptions extends DeviceOptions {
  /**
   * Most windows in one run. More share its fixed costs, but each waits for all of them: on
   * processors, which compute one by one what is in a run, that is all they do.
   *
   * @default {16 on webgpu, 2 elsewhere}
   */
  readonly maxBatch?: number | undefined;
  /** Most audio in one run, padding included; bounds the device's memory. @default {120} */
  readonly maxBatchSeconds?: number;
  /** Longest window that a stream may ask for. @default {30000} */
  readonly maxWindowMs?: number;
  /** Time from a window's last sample to its deadline, which orders windows. @default {400} */
  readonly deadlineMs?: number;
  /** Most streams at once; as devices are lost for good, that part of them. @default {Infinity} */
  readonly maxStreams?: number;
  /** How emissions become text in streams that do not say. @default {"beam" for a model with a language model, else "greedy"} */
  readonly decoder?: DecoderChoice | undefined;
  /** What is given up when the device is behind. @default {OVERLOAD_POLICY} */
  readonly overload?: OverloadPolicy;
  /** The scheduler's clock, ms. @default {performance.now} */
  readonly nowMs?: () => number;
  /** Is told of every run, failure, lost device, committed word and step of the overload policy. @default {undefined} */
  readonly observer?: EngineObserver | undefined;
}

/** What an engine has done so far. */
export interface EngineStats {
  /** Devices that are left to run windows, beside each other. */
  readonly workerCount: number;
  /** Devices that were lost for good. */
  readonly lostWorkerCount: number;
  /** Streams that are open. */
  readonly streamCount: number;
  /** Windows encoded. */
  readonly windowCount: number;
  /** Runs that succeeded. */
  readonly runCount: number;
  /** Runs that failed. */
  readonly failureCount: number;
  /** Times the model was opened anew. */
  readonly reloadCount: number;
  /** Audio committed in all streams. */
  readonly committedSeconds: number;
  /** Time that devices worked for this engine, all of them together. */
  readonly runMs: number;
  /** How long the window that waits longest has waited. */
  readonly lagMs: number;
  /** Where the overload policy stands. */
  readonly overload: OverloadState;
  /** Streams turned away. */
  readonly refusedCount: number;
}

/** Lengths that windows are padded to, so that a device sees few shapes. */
const BUCKET_FRAMES = 25;

/**
 * Checks options.
 *
 * @throws {RangeError} If one is out of range.
 */
export function requireEngineOptions(options: EngineOptions): void {
  requireOverloadPolicy(options.overload ?? OVERLOAD_POLICY);
  const { maxBatch = 2, maxBatchSeconds = 120, maxWindowMs = 30_000 } = options;
  const { deadlineMs = 400, maxStreams = Infinity } = options;
  const positive = { maxBatch, maxBatchSeconds, maxWindowMs };
  for (const [name, value] of Object.entries({ ...positive, deadlineMs, maxStreams })) {
    const isPositive = name in positive;
    if (isPositive ? value > 0 : value >= 0) continue;
    throw new RangeError(
      `Cannot start an engine as ${name} must be ${
        isPositive ? "above 0" : "at least 0"
      }: ${value}`,
    );
  }
}

/** Most windows in one run, where nobody said. */
export function defaultMaxBatch(backend: BackendName): number {
  return backend === "webgpu" ? 16 : 2;
}

/** What the device takes at once. */
export function batchPolicyOf(
  model: SpeechModel<"ctc">,
  encoder: WindowEncoder,
  options: EngineOptions,
): BatchPolicy {
  const { maxBatchSeconds = 120, maxWindowMs = 30_000 } = options;
  const { geometry, sampleRateHz, selection } = model;
  const { maxBatch = defaultMaxBatch(selection.chosen) } = options;
  const maxSamples = msToSamples(maxWindowMs, sampleRateHz);
  const step = encoder.canPad ? BUCKET_FRAMES : 1;
  const bucketSamples: number[] = [];
  for (let frames = step; geometry.sampleCount(frames) < maxSamples; frames += step) {
    bucketSamples.push(geometry.sampleCount(frames));
  }
  return {
    bucketSamples: [...bucketSamples, maxSamples],
    maxBatch,
    maxBatchSamples: maxBatchSeconds * sampleRateHz,
  };
}
