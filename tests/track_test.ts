import { assert, assertEquals, assertThrows } from "./assert.ts";
import { greedyDecoder } from "../src/ctc/greedy.ts";
import { AudioError } from "../src/errors.ts";
import { convGeometry } from "../src/geometry.ts";
import { Track, type TrackOptions } from "../src/track.ts";

const GEOMETRY = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);
const VOCABULARY = { blankId: 0, wordDelimiterId: 1, tokenText: (id: number) => " |ab"[id]! };
const WINDOWS = { leftMs: 400, hopMs: 200, rightMs: 100, maxWindowMs: 1000, backlogMs: 1000 };

function track(options: TrackOptions = {}): Track {
  const decoder = greedyDecoder(VOCABULARY);
  return new Track({ geometry: GEOMETRY, vocabulary: VOCABULARY, decoder }, {
    ...WINDOWS,
    ...options,
  });
}

/** Scores in which every frame is "a", "|", "b", "|" … */
function logits(startFrame: number, endFrame: number): Float32Array {
  const scores = new Float32Array((endFrame - startFrame) * 4);
  for (let frame = startFrame; frame < endFrame; frame++) {
    scores[(frame - startFrame) * 4 + [2, 1, 3, 1][frame % 4]!] = 9;
  }
  return scores;
}

Deno.test("samples go in until it is full, frames come out each once, padding is dropped", () => {
  const one = track();
  const words: string[] = [];
  const frames: number[] = [];
  let sampleCount = 0;
  for (let round = 0; round < 40; round++) {
    const samples = new Float32Array(Math.min(one.freeSamples, 1234 * (round % 5)));
    one.push(samples);
    sampleCount += samples.length;
    if (round === 39) one.end();
    for (let plan = one.plan(); plan.kind === "window"; plan = one.plan()) {
      const { window } = plan;
      assertEquals(one.read(window).length, window.endSample - window.startSample);
      const padded = logits(window.startFrame, window.endFrame + 3);
      const { committed, emissions } = one.accept(window, padded, 4);
      words.push(...committed.map(({ text }) => text));
      for (let i = 0; i < emissions.frameCount; i++) frames.push(emissions.startFrame + i);
    }
  }
  const frameCount = GEOMETRY.frameCount(sampleCount);
  assertEquals(frames, Array.from({ length: frameCount }, (_, i) => i));
  assertEquals(
    words,
    Array.from({ length: Math.ceil(frameCount / 2) }, (_, i) => i % 2 ? "b" : "a"),
  );
  assertEquals(one.plan().kind, "done");
  assert(one.hasCommitted(sampleCount) && !one.hasCommitted(sampleCount + 400));
});

Deno.test("what is refused changes nothing", () => {
  const one = track();
  assertThrows(() => one.push(Float32Array.of(1, Infinity)), AudioError, "sample 1 is Infinity");
  assertThrows(() => one.push(new Float32Array(one.freeSamples + 1)), RangeError);
  assertEquals(one.progress.samplesReceived, 0);
  one.end();
  assertThrows(() => one.push(new Float32Array(1)), TypeError, "ended");
});

Deno.test("a window that begins before the stream reads silence", () => {
  const one = track({ leadMs: 300, firstWindowMs: 40 });
  one.push(new Float32Array(1000).fill(0.5));
  const plan = one.plan();
  assert(plan.kind === "window");
  const samples = one.read(plan.window);
  const leadSamples = (15 - GEOMETRY.frameCount(1000)) * GEOMETRY.strideSamples;
  assertEquals(plan.window.startSample, -leadSamples);
  assertEquals([samples[leadSamples - 1], samples[leadSamples]], [0, 0.5]);
  assertEquals(samples.length, GEOMETRY.sampleCount(15));
});

Deno.test("a window beyond the end reads silence", () => {
  const one = track({ tailPaddingMs: 50 });
  one.push(new Float32Array(1000).fill(0.5));
  one.end();
  const plan = one.plan();
  assert(plan.kind === "window");
  const samples = one.read(plan.window);
  assertEquals([samples.length, samples[999], samples[1000]], [1800, 0.5, 0]);
});

Deno.test("hops spared are those that have no window of their own", () => {
  const one = track();
  one.push(new Float32Array(15_000));
  const [admitted, behind] = [one.plan("admit"), one.plan("coalesce")];
  assert(admitted.kind === "window" && behind.kind === "window");
  const spared = [admitted, behind].map(({ window }) => one.whatIsNew(window).hopsSpared);
  assertEquals(spared, [0, 2]);
});

Deno.test("without right context a flush gives the word that no window was left for", () => {
  const one = track({ rightMs: 0, firstWindowMs: 20, hopMs: 20, wordPauseMs: Infinity });
  one.push(new Float32Array(400));
  const plan = one.plan();
  assert(plan.kind === "window");
  assertEquals(one.accept(plan.window, logits(0, 1), 4).committed, []);
  one.end();
  assertEquals(one.plan().kind, "done");
  assertEquals(one.flush().committed.map(({ text }) => text), ["a"]);
  assertEquals(one.flush().committed, []);
});
