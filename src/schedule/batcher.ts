/**
 * Which windows of many streams run together next: a pure decision, earliest deadline
 * first, in batches of one shape.
 *
 * @module
 */

/** A window that waits for the device. */
export interface PendingWindow {
  /** Whose it is. Windows of one stream run in the order they are given. */
  readonly streamId: string;
  /** When its result should be there, on the scheduler's clock. */
  readonly deadlineMs: number;
  /** Samples to encode. */
  readonly sampleCount: number;
  /** Whether it commits frames. If not, it is superseded by any later one of its stream. */
  readonly isCommitting: boolean;
}

/** What the device takes at once. */
export interface BatchPolicy {
  /** Lengths that windows are padded to, rising; the last holds the longest window. */
  readonly bucketSamples: readonly number[];
  /** Most windows in a batch. */
  readonly maxBatch: number;
  /** Most samples in a batch, padding included; a single window may exceed it. */
  readonly maxBatchSamples: number;
}

/** Windows to run together. */
export interface Batch<W extends PendingWindow> {
  /** Length that each is padded to. */
  readonly bucketSamples: number;
  /** The windows, most urgent first; each of another stream. */
  readonly windows: readonly W[];
}

/** What to do with the windows that wait. */
export interface BatchDecision<W extends PendingWindow> {
  /** To run now; `undefined` when nothing waits. */
  readonly batch: Batch<W> | undefined;
  /** To drop, because a later window of the stream shows more. */
  readonly superseded: readonly W[];
  /** To give again next time, in order. */
  readonly waiting: readonly W[];
}

/**
 * Picks the next batch. The most urgent window decides the shape; the batch is filled
 * with windows of that shape, the most urgent first. Of each stream only the oldest
 * window is eligible, so no stream takes two places. Where deadlines are equal, the
 * stream that was served least recently goes first.
 *
 * @param pending Windows that wait, those of one stream in order.
 * @param policy What the device takes at once.
 * @param lastServedMs When each stream was served last.
 * @throws {RangeError} If a window is longer than the last bucket.
 *
 * @example
 * ```ts
 * import { nextBatch } from "./batcher.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const policy = { bucketSamples: [16_000, 32_000], maxBatch: 8, maxBatchSamples: 320_000 };
 * const window = { sampleCount: 9_000, isCommitting: true };
 * const { batch } = nextBatch([
 *   { ...window, streamId: "ada", deadlineMs: 30 },
 *   { ...window, streamId: "bob", deadlineMs: 20 },
 *   { ...window, streamId: "eve", deadlineMs: 40, sampleCount: 20_000 },
 * ], policy);
 * assertEquals(batch?.windows.map(({ streamId }) => streamId), ["bob", "ada"]);
 * assertEquals(batch?.bucketSamples, 16_000);
 * ```
 */
export function nextBatch<W extends PendingWindow>(
  pending: readonly W[],
  policy: BatchPolicy,
  lastServedMs: ReadonlyMap<string, number> = new Map(),
): BatchDecision<W> {
  const superseded = supersededOf(pending);
  const left = pending.filter((window) => !superseded.has(window));
  const servedMs = ({ streamId }: W) => lastServedMs.get(streamId) ?? -Infinity;
  const eligible = oldestOfEachStream(left).sort((a, b) =>
    a.deadlineMs - b.deadlineMs || compare(servedMs(a), servedMs(b))
  );
  const [head] = eligible;
  if (head === undefined) return { batch: undefined, superseded: [...superseded], waiting: [] };
  const bucketSamples = bucketOf(head.sampleCount, policy);
  const room = Math.min(policy.maxBatch, Math.floor(policy.maxBatchSamples / bucketSamples));
  const windows = eligible
    .filter(({ sampleCount }) => bucketOf(sampleCount, policy) === bucketSamples)
    .slice(0, Math.max(1, room));
  const chosen = new Set(windows);
  return {
    batch: { bucketSamples, windows },
    superseded: [...superseded],
    waiting: left.filter((window) => !chosen.has(window)),
  };
}

/**
 * Length that a window is padded to.
 *
 * @throws {RangeError} If it is longer than the last bucket.
 */
export function bucketOf(sampleCount: number, policy: BatchPolicy): number {
  const bucket = policy.bucketSamples.find((samples) => samples >= sampleCount);
  if (bucket === undefined) {
    throw new RangeError(
      `Cannot batch a window of ${sampleCount} samples as the longest of bucketSamples must ` +
        `hold it: ${policy.bucketSamples.at(-1)}`,
    );
  }
  return bucket;
}

/**
 * When a window's result should be there. A stream that is fed faster than real time
 * has its windows due at once; spacing its deadlines by the audio they add keeps it from
 * pushing the others aside.
 *
 * @param dueMs When the window's last sample came.
 * @param options `budgetMs` is the time allowed from then on; `lastDeadlineMs` is that of the stream's window before, `newAudioMs` the audio since it.
 */
export function deadlineOf(
  dueMs: number,
  options: { budgetMs: number; lastDeadlineMs?: number; newAudioMs?: number },
): number {
  const { budgetMs, lastDeadlineMs = -Infinity, newAudioMs = 0 } = options;
  return Math.max(dueMs + budgetMs, lastDeadlineMs + newAudioMs);
}

/** Windows that commit nothing and have a later one of their stream behind them. */
function supersededOf<W extends PendingWindow>(pending: readonly W[]): Set<W> {
  const superseded = new Set<W>();
  const streamsBehind = new Set<string>();
  for (const window of pending.toReversed()) {
    if (!window.isCommitting && streamsBehind.has(window.streamId)) superseded.add(window);
    streamsBehind.add(window.streamId);
  }
  return superseded;
}

function oldestOfEachStream<W extends PendingWindow>(windows: readonly W[]): W[] {
  const oldest = new Map<string, W>();
  for (const window of windows) {
    if (!oldest.has(window.streamId)) oldest.set(window.streamId, window);
  }
  return [...oldest.values()];
}

/** Order of two numbers that may both be infinite. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
