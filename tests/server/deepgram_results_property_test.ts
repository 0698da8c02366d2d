import fc from "../property.ts";
import { assert, assertEquals } from "../assert.ts";
import type { Word } from "../../src/caption/word.ts";
import type { CaptionEvent } from "../../src/event_queue.ts";
import { type Said, type Segment, SegmentCutter } from "../../src/server/deepgram_results.ts";

const RATE_HZ = 1000;

/** What may happen between two looks at the audio. */
interface Step {
  readonly samples: number;
  readonly act: "none" | "endUtterance" | "finalize" | "speech" | "overload";
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    samples: fc.integer({ min: 1, max: 2500 }),
    act: fc.constantFrom("none", "none", "endUtterance", "finalize", "speech", "overload"),
  }),
  { maxLength: 40 },
);

/** Pauses and lengths of words, one after the other. */
const speech: fc.Arbitrary<Word[]> = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 1500 }), fc.integer({ min: 1, max: 900 })),
  { maxLength: 40 },
).map((pairs) => {
  let at = 0;
  return pairs.map(([pause, length], index) => {
    const startSample = at + pause;
    at = startSample + length;
    return { text: `w${index}`, startSample, endSample: at, confidence: 0.5 };
  });
});

/** The events that a stream would tell, as `CaptionStream` orders them. */
function eventsOf(words: readonly Word[], plan: readonly Step[]): CaptionEvent[] {
  const events: CaptionEvent[] = [];
  let rest = [...words];
  let settledSample = 0;
  const tellUntil = (sample: number, atSample: number, isFlush = false) => {
    const committed = rest.filter(({ endSample }) => endSample + (isFlush ? 0 : 50) <= sample)
      .filter(({ startSample }) => startSample < atSample);
    rest = rest.slice(committed.length);
    // a word goes on where it was cut in two
    const [open] = rest;
    if (isFlush && open !== undefined && open.startSample < sample) {
      committed.push({ ...open, endSample: sample });
      rest[0] = { ...open, startSample: sample, endSample: Math.max(sample + 1, open.endSample) };
    }
    const tentative = rest.filter(({ startSample }) => startSample < sample + 300).slice(0, 3);
    events.push({
      kind: "caption",
      ...{ committed, tentative: isFlush ? [] : tentative, settledSample: sample },
    });
  };
  for (const { samples, act } of plan) {
    const before = settledSample;
    settledSample += samples;
    const atSample = before + Math.ceil(samples / 2);
    if (act === "speech") events.push({ kind: "speechStart", startSample: atSample });
    if (act === "overload") events.push({ kind: "overload", step: "coalesce" });
    if (act === "endUtterance") {
      tellUntil(settledSample, atSample);
      const [startSample, endSample] = [before, atSample];
      events.push({
        ...{ kind: "utteranceEnd", startSample, endSample, atSample, wordCount: 0 },
        rule: undefined,
      });
    }
    tellUntil(settledSample, Infinity, act === "finalize");
    if (act === "finalize") events.push({ kind: "finalize", atSample: settledSample + 5 });
  }
  tellUntil(settledSample, Infinity, true);
  events.push({ kind: "end", atSample: settledSample + 5 });
  return events;
}

const endpointings = fc.constantFrom(false as const, 100, 300, 900, 5000);

function isFinal(said: Said): said is Segment {
  return said.kind === "segment" && said.isFinal;
}

Deno.test("segments: final ones follow each other without gap, and hold every word once", () => {
  fc.assert(
    fc.property(speech, steps, endpointings, (words, plan, endpointing) => {
      const events = eventsOf(words, plan);
      const options = { sampleRateHz: RATE_HZ, endpointing, utteranceEndMs: 700, vadEvents: true };
      const cutter = new SegmentCutter({ ...options, interimResults: true });
      let endSample = 0;
      const texts: string[] = [];
      for (const event of events) {
        for (const said of cutter.take(event)) {
          if (said.kind === "utteranceEnd") assert(said.lastWordEndSample <= endSample);
          if (said.kind !== "segment") continue;
          assertEquals(said.startSample, endSample, "begins where the last final one ended");
          assert(said.endSample >= said.startSample);
          assert(!said.isSpeechFinal || (said.isFinal && endpointing !== false));
          for (const word of said.words) {
            assert(word.startSample >= said.startSample && word.endSample <= said.endSample);
          }
          if (!said.isFinal) continue;
          endSample = said.endSample;
          texts.push(...said.words.map(({ text }) => text));
        }
      }
      const told = events.flatMap((event) => event.kind === "caption" ? event.committed : []);
      assertEquals(texts, told.map(({ text }) => text));
      const end = events.at(-1)!;
      assertEquals(endSample, end.kind === "end" ? end.atSample : undefined);
    }),
    { numRuns: 300 },
  );
});

Deno.test("segments: guesses are told only where they are asked for, and change no final one", () => {
  fc.assert(
    fc.property(speech, steps, (words, plan) => {
      const events = eventsOf(words, plan);
      const [plain, interim] = [false, true].map((interimResults) => {
        const cutter = new SegmentCutter({ sampleRateHz: RATE_HZ, interimResults });
        return events.flatMap((event) => cutter.take(event));
      });
      assert(plain!.every(isFinal));
      assertEquals(plain, interim!.filter(isFinal));
    }),
    { numRuns: 200 },
  );
});

Deno.test("segments: every finalize is answered once, and settled audio does not stay open", () => {
  fc.assert(
    fc.property(speech, steps, (words, plan) => {
      const cutter = new SegmentCutter({ sampleRateHz: RATE_HZ, maxSegmentMs: 1000 });
      let endSample = 0;
      for (const event of eventsOf(words, plan)) {
        const segments = cutter.take(event).filter(isFinal);
        endSample = segments.at(-1)?.endSample ?? endSample;
        const answers = segments.filter(({ isFromFinalize }) => isFromFinalize).length;
        assertEquals(answers, event.kind === "finalize" ? 1 : 0);
        if (event.kind !== "caption") continue;
        const openSample = event.tentative[0]?.startSample ?? Infinity;
        assert(Math.min(event.settledSample, openSample) - endSample < 1000);
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("segments: an utterance ends once, after its last word and a pause, and another begins", () => {
  fc.assert(
    fc.property(speech, steps, endpointings, (words, plan, endpointing) => {
      const cutter = new SegmentCutter({ sampleRateHz: RATE_HZ, endpointing, vadEvents: true });
      const events = eventsOf(words, plan.filter(({ act }) => act !== "finalize"));
      const said = events.flatMap((event) => cutter.take(event));
      let lastWord: Word | undefined;
      let isOpen = false;
      let isSpeaking = false;
      for (const what of said) {
        if (what.kind === "speechStarted") isSpeaking = true;
        if (what.kind !== "segment") continue;
        for (const word of what.words) {
          // without a word between, the pause was too short to end anything
          const pause = word.startSample - (lastWord?.endSample ?? word.startSample);
          if (endpointing !== false && isOpen) assert(pause < endpointing, `${pause}`);
          assert(isSpeaking, "speech was said to have started");
          lastWord = word;
          isOpen = true;
        }
        if (!what.isSpeechFinal) continue;
        assert(isOpen, "nothing ends that has not begun");
        isOpen = false;
        isSpeaking = false;
      }
    }),
    { numRuns: 300 },
  );
});
