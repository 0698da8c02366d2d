import fc from "../property.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import {
  type BatchPolicy,
  bucketOf,
  deadlineOf,
  nextBatch,
  type PendingWindow,
} from "../../src/schedule/batcher.ts";

const POLICY: BatchPolicy = { bucketSamples: [100, 200, 400], maxBatch: 3, maxBatchSamples: 400 };

function windowOf(streamId: string, deadlineMs: number, fields: Partial<PendingWindow> = {}) {
  return { streamId, deadlineMs, sampleCount: 80, isCommitting: true, ...fields };
}

function idsOf(windows: readonly PendingWindow[] = []): string[] {
  return windows.map(({ streamId }) => streamId);
}

Deno.test("the most urgent window decides the shape, and others of it come along", () => {
  const { batch, waiting } = nextBatch([
    windowOf("a", 5),
    windowOf("b", 2, { sampleCount: 150 }),
    windowOf("c", 1),
    windowOf("d", 3, { sampleCount: 100 }),
    windowOf("e", 4),
  ], POLICY);
  assertEquals([batch?.bucketSamples, idsOf(batch?.windows)], [100, ["c", "d", "e"]]);
  assertEquals(idsOf(waiting), ["a", "b"]);
});

Deno.test("a batch holds at most maxBatchSamples with padding, but always one window", () => {
  const long = ["a", "b", "c"].map((id) => windowOf(id, 1, { sampleCount: 101 }));
  assertEquals(idsOf(nextBatch(long, POLICY).batch?.windows), ["a", "b"]);
  const tight = { ...POLICY, maxBatchSamples: 10 };
  assertEquals(idsOf(nextBatch(long, tight).batch?.windows), ["a"]);
});

Deno.test("a stream has one place, for its oldest window", () => {
  const first = windowOf("a", 9);
  const second = windowOf("a", 1);
  const { batch, waiting } = nextBatch([first, second, windowOf("b", 5)], POLICY);
  assertEquals(idsOf(batch?.windows), ["b", "a"]);
  assert(batch?.windows[1] === first && waiting[0] === second);
});

Deno.test("tentative windows go when a later one of their stream is there", () => {
  const tentative = windowOf("a", 1, { isCommitting: false });
  const alone = nextBatch([tentative], POLICY);
  assertEquals([alone.batch?.windows, alone.superseded], [[tentative], []]);
  const both = nextBatch([tentative, windowOf("a", 2)], POLICY);
  assert(both.superseded[0] === tentative && both.superseded.length === 1);
  assertEquals(idsOf(both.batch?.windows), ["a"]);
  // A committing window is never dropped for a later one.
  const after = nextBatch([windowOf("a", 1), { ...tentative }], POLICY);
  assertEquals([after.superseded.length, after.waiting.length], [0, 1]);
});

Deno.test("equal deadlines: the stream that was served least recently goes first", () => {
  const pending = ["a", "b", "c"].map((id) => windowOf(id, 1));
  const served = new Map([["a", 30], ["c", 20]]);
  assertEquals(idsOf(nextBatch(pending, POLICY, served).batch?.windows), ["b", "c", "a"]);
});

Deno.test("nothing waits, nothing runs; a window too long is refused", () => {
  assertEquals(nextBatch([], POLICY), { batch: undefined, superseded: [], waiting: [] });
  assertEquals([1, 100, 101, 400].map((samples) => bucketOf(samples, POLICY)), [
    100,
    100,
    200,
    400,
  ]);
  assertThrows(
    () => nextBatch([windowOf("a", 1, { sampleCount: 401 })], POLICY),
    RangeError,
    "Cannot batch a window of 401 samples as the longest of bucketSamples must hold it: 400",
  );
});

Deno.test("deadlines of a stream fed at once are spaced by its audio", () => {
  assertEquals(deadlineOf(100, { budgetMs: 50 }), 150);
  assertEquals(deadlineOf(100, { budgetMs: 50, lastDeadlineMs: 150, newAudioMs: 400 }), 550);
  assertEquals(deadlineOf(900, { budgetMs: 50, lastDeadlineMs: 150, newAudioMs: 400 }), 950);
});

Deno.test("every committing window runs once, in its stream's order, whatever waits", () => {
  const windows = fc.array(
    fc.record({
      streamId: fc.constantFrom("a", "b", "c", "d", "e"),
      deadlineMs: fc.nat(20),
      sampleCount: fc.integer({ min: 1, max: 400 }),
      isCommitting: fc.boolean(),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(windows, (all) => {
      const ran: PendingWindow[] = [];
      let pending: readonly PendingWindow[] = all;
      while (pending.length > 0) {
        const { batch, superseded, waiting } = nextBatch(pending, POLICY);
        assert(batch !== undefined && batch.windows.length <= POLICY.maxBatch);
        assert(new Set(idsOf(batch.windows)).size === batch.windows.length);
        assert(superseded.every(({ isCommitting }) => !isCommitting));
        assertEquals(
          batch.windows.length + superseded.length + waiting.length,
          pending.length,
        );
        ran.push(...batch.windows);
        pending = waiting;
      }
      for (const id of ["a", "b", "c", "d", "e"]) {
        const isTheirs = (w: PendingWindow) => w.streamId === id && w.isCommitting;
        assertEquals(ran.filter(isTheirs), all.filter(isTheirs));
      }
    }),
    { numRuns: 500, seed: 17 },
  );
});
