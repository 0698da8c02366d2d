/**
 * What an engine tells whoever measures it: plain records of what it did, for metrics, logs and
 * benchmarks. All times are of the engine's clock (`nowMs`).
 *
 * @module
 */
import type { Word } from "./caption/word.ts";
import type { Recovery } from "./device.ts";
import type { OverloadEvent } from "./schedule/overload.ts";

/**
 * Takes records in the order of what happened, each soon after it. The engine waits for nothing
 * an observer does, and what one throws harms nobody and is lost; but it runs on the engine's
 * thread, so it should be quick.
 */
export type EngineObserver = (record: EngineRecord) => void;

/** Something the engine did. */
export type EngineRecord =
  | RunRecord
  | FailureRecord
  | CommitRecord
  | OverloadRecord
  | RefusalRecord;

/** A run of the device that succeeded. */
export interface RunRecord {
  /** What kind of record it is. */
  readonly kind: "run";
  /** When it began. */
  readonly atMs: number;
  /** Time until its scores were there. */
  readonly runMs: number;
  /** The batch, the most urgent window first. */
  readonly windows: readonly WindowRecord[];
}

/** A window of a run. */
export interface WindowRecord {
  /** The stream's `id`. */
  readonly streamId: string;
  /** Samples encoded, context included. */
  readonly sampleCount: number;
  /** Samples of these that no window of the stream held before. */
  readonly newSampleCount: number;
  /** Hops it took besides its own, because it waited. */
  readonly hopsSpared: number;
  /**
   * Time it waited for the run to begin: since its last sample was pushed or, where a finalize or
   * the end asked for it, since then.
   */
  readonly queueMs: number;
  /**
   * Time from its deadline to its scores; below 0 where they were early. The deadline is
   * `deadlineMs` after it was due; audio pushed faster than it is spoken is due later than it
   * came.
   */
  readonly latenessMs: number;
}

/** A run that failed. Nothing of it was committed; its windows run again. */
export interface FailureRecord {
  /** What kind of record it is. */
  readonly kind: "failure";
  /** When the run began. */
  readonly atMs: number;
  /** Time until it failed. */
  readonly runMs: number;
  /** Windows it held. */
  readonly windowCount: number;
  /** Why. */
  readonly error: unknown;
  /**
   * What was found of the device after it: `lost` leaves the work to the devices that are left,
   * `hopeless` was the last one and ends the engine and all its streams.
   */
  readonly recovery: Recovery | "lost" | "hopeless";
  /** Time it took to find that out, and to open the model anew where that was needed. */
  readonly recoveryMs: number;
  /** The stream that was ended because its window failed too often, if one was. */
  readonly endedStreamId: string | undefined;
  /** Devices that are left to run windows. */
  readonly workerCount: number;
}

/** Words of a stream that became final. */
export interface CommitRecord {
  /** What kind of record it is. */
  readonly kind: "commit";
  /** When. */
  readonly atMs: number;
  /** The stream's `id`. */
  readonly streamId: string;
  /** The words, in order. */
  readonly words: readonly CommittedWord[];
}

/** A word that became final. */
export interface CommittedWord {
  /** The word. */
  readonly word: Word;
  /**
   * Emission latency: time from the push of the word's last sample (`endSample - 1`) to its
   * commit. For audio pushed as it is spoken this is the latency of the final word.
   */
  readonly latencyMs: number;
}

/** A step of the overload policy that was taken or given up. */
export interface OverloadRecord extends OverloadEvent {
  /** What kind of record it is. */
  readonly kind: "overload";
}

/** A stream that was turned away. */
export interface RefusalRecord {
  /** What kind of record it is. */
  readonly kind: "refusal";
  /** When. */
  readonly atMs: number;
  /** Whether the device was behind, or there were `maxStreams`. */
  readonly reason: "behind" | "full";
}

/** Makes the function that tells an observer: afterwards, so that nothing is half done then. */
export function observerTeller(observer: EngineObserver): (record: EngineRecord) => void {
  return (record) =>
    queueMicrotask(async () => {
      try {
        await observer(record);
      } catch {
        // its own affair, as the documentation says
      }
    });
}
