import fc from "../property.ts";
import { assert, assertEquals } from "../assert.ts";
import type { Annotation } from "../../src/annotation.ts";
import type { CaptionEvent } from "../../src/event_queue.ts";
import { EventLog } from "../../src/server/event_log.ts";
import type { SessionEvent } from "../../src/server/protocol.ts";

/** What a session may say, with words that tell their index. */
const script = fc.array(
  fc.oneof(
    fc.record({ committed: fc.nat(3), tentative: fc.nat(3) }),
    fc.constantFrom("speechStart", "utteranceEnd", "finalize", "overload", "annotation"),
  ),
  { maxLength: 40 },
);

type Script = (string | { committed: number; tentative: number })[];

function eventsOf(steps: Script): CaptionEvent[] {
  let index = 0;
  const word = (text: string, at: number) => ({
    ...{ text, startSample: 160 * at, endSample: 160 * at + 80, confidence: 0.5 },
  });
  return steps.map((step): CaptionEvent => {
    if (typeof step === "object") {
      const committed = Array.from({ length: step.committed }, () => word(`w${index}`, index++));
      const tentative = Array.from({ length: step.tentative }, (_, i) => word("?", index + i));
      return { kind: "caption", committed, tentative, settledSample: 160 * index };
    }
    if (step === "speechStart") return { kind: "speechStart", startSample: 0 };
    if (step === "finalize") return { kind: "finalize", atSample: 0 };
    if (step === "annotation") {
      const annotation = { kind: "activityStart", label: "anna", startSample: 1600 } as const;
      return { kind: "annotation", annotator: "speakers", annotation };
    }
    if (step === "overload") return { kind: "overload", step: "admit" };
    return {
      ...{ kind: "utteranceEnd", startSample: 0, endSample: 0, atSample: 0, wordCount: 0 },
      rule: undefined,
    };
  });
}

/** A reader's view: committed words, tentative words, other events. */
class Reader {
  seq = 0;
  words: string[] = [];
  tentative = 0;
  marks: string[] = [];
  read(events: SessionEvent[]): void {
    for (const event of events) {
      assert(event.seq > this.seq, `${event.seq} after ${this.seq}`);
      this.seq = event.seq;
      if (event.type === "caption") {
        assertEquals(event.firstWord, this.words.length);
        this.words.push(...event.committed.map(({ text }) => text));
        this.tentative = event.tentative.length;
      } else this.marks.push(`${event.type} after ${this.words.length}`);
    }
  }
}

Deno.test("EventLog: whoever reads whenever, in whatever steps, has the same in the end", () => {
  fc.assert(fc.property(script, fc.array(fc.nat(40), { maxLength: 8 }), (steps, stops) => {
    const log = new EventLog({ sampleRateHz: 16_000, maxWords: 1000 });
    const always = new Reader();
    const sometimes = new Reader();
    eventsOf(steps).forEach((event, index) => {
      log.append(event);
      always.read(log.after(always.seq));
      if (stops.includes(index)) sometimes.read(log.after(sometimes.seq));
    });
    sometimes.read(log.after(sometimes.seq));
    const late = new Reader();
    late.read(log.after(0));
    assertEquals(sometimes, always);
    assertEquals(late, always);
    assertEquals(always.words, log.words.map(({ text }) => text));
    assertEquals(always.words, always.words.map((_, i) => `w${i}`));
    assertEquals(always.tentative, log.tentative.length);
    assertEquals(always.seq, log.lastSeq);
  }));
});

Deno.test("EventLog: a cursor in the middle of a merged stretch gets the rest, once", () => {
  fc.assert(fc.property(script, fc.nat(40), (steps, at) => {
    const log = new EventLog({ sampleRateHz: 16_000, maxWords: 1000 });
    const reader = new Reader();
    eventsOf(steps).forEach((event, index) => {
      log.append(event);
      if (index <= at) reader.read(log.after(reader.seq)); // one by one, until the connection broke
    });
    reader.read(log.after(reader.seq));
    assertEquals(reader.words, log.words.map(({ text }) => text));
  }));
});

Deno.test("EventLog: holds no more words than allowed, and counts on", () => {
  const log = new EventLog({ sampleRateHz: 16_000, maxWords: 100 });
  for (const event of eventsOf(Array(1000).fill({ committed: 3, tentative: 1 }))) log.append(event);
  assert(log.words.length <= 100);
  assertEquals([log.wordCount, log.words.at(-1)!.text], [3000, "w2999"]);
  const [first] = log.after(0);
  assert(first?.type === "caption");
  assertEquals([first.firstWord, first.committed[0]!.text], [log.firstWord, `w${log.firstWord}`]);
});

Deno.test("EventLog: long sessions stay cheap to follow", () => {
  const log = new EventLog({ sampleRateHz: 16_000, maxWords: 50_000 });
  const events = eventsOf(
    Array.from(
      { length: 20_000 },
      (_, i) => i % 2 ? "utteranceEnd" : { committed: 2, tentative: 1 },
    ),
  );
  const startMs = performance.now();
  for (const event of events) {
    log.append(event);
    log.after(log.lastSeq - 1);
  }
  assert(performance.now() - startMs < 3000);
});

Deno.test("EventLog: what annotators say is told in milliseconds, and kept", () => {
  const log = new EventLog({ sampleRateHz: 16_000, maxWords: 100 });
  const span = { startSample: 16_000, endSample: 32_000 };
  const said: Annotation[] = [
    { kind: "activityStart", label: "anna", startSample: 16_000 },
    { kind: "activityEnd", label: "anna", ...span },
    { kind: "labels", ...span, scores: [{ label: "happy", score: 0.87654321 }] },
    { kind: "embedding", ...span, embedding: Float32Array.of(0.1, -2.5) },
    { kind: "failure", error: new Error("/secret/path is broken") },
  ];
  for (const annotation of said) log.append({ kind: "annotation", annotator: "a", annotation });
  const stretch = { startMs: 1000, endMs: 2000 };
  const annotations = log.after(0).map((event) => event.type === "annotation" && event.annotation);
  assertEquals<unknown>(annotations, [
    { kind: "activity_started", label: "anna", startMs: 1000 },
    { kind: "activity_ended", label: "anna", ...stretch },
    { kind: "labels", ...stretch, scores: [{ label: "happy", score: 0.8765 }] },
    { kind: "embedding", ...stretch, embedding: [0.1, -2.5] },
    { kind: "failure" },
  ]);
  assertEquals<unknown>(log.annotations, log.after(0));
  assertEquals(log.after(3).map(({ seq }) => seq), [4, 5]);
});
