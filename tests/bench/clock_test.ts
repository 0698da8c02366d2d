import fc from "../property.ts";
import { realClock, VirtualClock } from "../../bench/clock.ts";
import { assert, assertEquals } from "../assert.ts";

Deno.test("VirtualClock: events in the order of their times, equal ones as they were asked for", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 60 }), async (times) => {
      const clock = new VirtualClock();
      const happened: { time: number; index: number; nowMs: number }[] = [];
      for (const [index, time] of times.entries()) {
        clock.at(time, () => happened.push({ time, index, nowMs: clock.nowMs() }));
      }
      await clock.run(100);
      const expected = times.map((time, index) => ({ time, index, nowMs: time }))
        .toSorted((a, b) => a.time - b.time || a.index - b.index);
      assertEquals(happened, expected);
      assertEquals(clock.nowMs(), 100);
    }),
    { numRuns: 30 },
  );
});

Deno.test("VirtualClock waits for promises before it goes on", async () => {
  const clock = new VirtualClock();
  const log: string[] = [];
  const work = async () => {
    await clock.sleep(10);
    for (let i = 0; i < 50; i++) await Promise.resolve();
    log.push(`worked at ${clock.nowMs()}`);
    await clock.sleep(5);
    log.push(`slept until ${clock.nowMs()}`);
  };
  clock.at(12, () => log.push("event at 12"));
  const done = work();
  await clock.run(13);
  assertEquals(log, ["worked at 10", "event at 12"]);
  await clock.finish();
  await done;
  assertEquals(log.at(-1), "slept until 15");
});

Deno.test("realClock has things happen in time, not before", async () => {
  const clock = realClock();
  const happened = Promise.withResolvers<number>();
  clock.at(20, () => happened.resolve(clock.nowMs()));
  await clock.run(25);
  assert(await happened.promise >= 19, "it came too early");
});
