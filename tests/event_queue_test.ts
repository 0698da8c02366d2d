import { assertEquals, assertRejects } from "./assert.ts";
import { type Caption, type CaptionEvent, EventQueue } from "../src/event_queue.ts";

function caption(committed: string[], tentative: string[] = [], settledSample = 0): Caption {
  const word = (text: string) => ({ text, startSample: 0, endSample: 1, confidence: 1 });
  return {
    kind: "caption",
    committed: committed.map(word),
    tentative: tentative.map(word),
    settledSample,
  };
}

async function drain(queue: EventQueue): Promise<CaptionEvent[]> {
  const events: CaptionEvent[] = [];
  for await (const event of queue) events.push(event);
  return events;
}

Deno.test("an unread caption is taken over by the next one, whose tentative words count", async () => {
  const queue = new EventQueue();
  const first = caption(["a"], ["b", "x"], 10);
  queue.push(first);
  queue.push(caption(["b"], [], 20));
  queue.push(caption([], ["c"], 30));
  queue.close();
  assertEquals(await drain(queue), [caption(["a", "b"], ["c"], 30)]);
  assertEquals(first, caption(["a"], ["b", "x"], 10), "what was pushed is not changed");
});

Deno.test("what was read does not change afterwards", async () => {
  const queue = new EventQueue();
  queue.push(caption(["a"]));
  const { value } = await queue.next();
  queue.push(caption(["b"]));
  assertEquals(value, caption(["a"]));
  assertEquals((await queue.next()).value, caption(["b"]));
});

Deno.test("captions do not move over what lies between them", async () => {
  const queue = new EventQueue();
  const start = { kind: "speechStart", startSample: 5 } as const;
  queue.push(caption(["a"], ["b"]));
  queue.push(start);
  queue.push(caption(["b"]));
  queue.push(caption(["c"]));
  queue.push({ kind: "overload", step: "coalesce" });
  queue.push({ kind: "overload", step: "degrade" });
  queue.push({ kind: "finalize", atSample: 9 });
  queue.push({ kind: "finalize", atSample: 9 });
  queue.close();
  queue.push(caption(["late"]));
  assertEquals(await drain(queue), [
    caption(["a"], ["b"]),
    start,
    caption(["b", "c"]),
    { kind: "overload", step: "degrade" },
    { kind: "finalize", atSample: 9 },
    { kind: "finalize", atSample: 9 },
  ]);
});

Deno.test("a reader that waits gets what comes, then the end or the error, each time it asks", async () => {
  const queue = new EventQueue();
  const waiting = [queue.next(), queue.next()];
  queue.push(caption(["a"]));
  queue.push({ kind: "end", atSample: 1 });
  assertEquals((await Promise.all(waiting)).map(({ value }) => value?.kind), ["caption", "end"]);
  const late = queue.next();
  queue.close();
  queue.fail(new Error("too late to matter"));
  assertEquals(await late, { done: true, value: undefined });
  assertEquals(await queue.next(), { done: true, value: undefined });

  const failing = new EventQueue();
  const rejected = assertRejects(() => failing.next(), Error, "gone");
  failing.fail(new Error("gone"));
  failing.close();
  await rejected;
  await assertRejects(() => failing.next(), Error, "gone");
});

Deno.test("a failed queue gives what is unread first", async () => {
  const queue = new EventQueue();
  queue.push(caption(["a"]));
  queue.fail(new Error("gone"));
  assertEquals((await queue.next()).value, caption(["a"]));
  await assertRejects(() => queue.next(), Error, "gone");
});

Deno.test("a loop that is left can be entered again", async () => {
  const queue = new EventQueue();
  queue.push(caption(["a"]));
  for await (const _ of queue) break;
  queue.push(caption(["b"]));
  queue.close();
  assertEquals(await drain(queue), [caption(["b"])]);
});

Deno.test("a reader that never reads costs its words alone", async () => {
  const queue = new EventQueue();
  for (let i = 0; i < 100_000; i++) queue.push(caption(i % 100 === 0 ? ["word"] : [], ["guess"]));
  queue.close();
  const events = await drain(queue);
  assertEquals(events.length, 1);
  assertEquals((events[0] as Caption).committed.length, 1000);
});
