/**
 * The whole heart at once: planner, seam, decoder and words over a fake encoder, against
 * decoding the recording in one piece.
 *
 * @module
 */
import fc from "../property.ts";
import { assert, assertEquals } from "../assert.ts";
import type { Word } from "../../src/caption/word.ts";
import {
  type Emissions,
  emissionsFromLogits,
  endFrameOf,
  joinEmissions,
} from "../../src/ctc/emissions.ts";
import { beamDecoder } from "../../src/ctc/beam.ts";
import { greedyDecoder } from "../../src/ctc/greedy.ts";
import { afterWindow, planNext, STREAM_START, type Window } from "../../src/schedule/planner.ts";
import type { WindowPolicy } from "../../src/schedule/window_policy.ts";
import {
  type CommitOptions,
  commitWindow,
  flushCommit,
  startCommit,
} from "../../src/stitch/commit.ts";
import { cutWindow } from "../../src/stitch/seam.ts";
import type { Vocabulary } from "../../src/stitch/vocabulary.ts";
import { chunked, chunkLengths } from "../ctc/random_emissions.ts";
import { policies, policyOf, type StreamEvent, streamEvents } from "../schedule/random_policy.ts";
import { characters, pieces } from "./vocabularies.ts";

const VOCABULARY_SIZE = 9;

/** A fair hash of two integers to [0, 1). */
function hash(a: number, b: number): number {
  let h = Math.imul(a + 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32;
}

/**
 * The fake encoder: what it says of a frame depends on the frame alone, except in the
 * right margin, where every second window guesses. No two frames have the same
 * probabilities, so words of the same text and confidence come from the same frames.
 */
function encode(
  span: { startFrame: number; endFrame: number; sureEndFrame: number },
  options: { seed: number; blankId: number; margin?: number },
): Emissions {
  const { startFrame, endFrame, sureEndFrame } = span;
  const { seed, blankId, margin = 1 } = options;
  const isGuessing = hash(seed, endFrame) < 0.5;
  const logits = new Float32Array((endFrame - startFrame) * VOCABULARY_SIZE);
  for (let frame = startFrame; frame < endFrame; frame++) {
    const row = (frame - startFrame) * VOCABULARY_SIZE;
    const guess = isGuessing && frame >= sureEndFrame ? 1 + startFrame : 0;
    // A letter lasts one to three frames; half of the frames are blank.
    const slot = Math.floor(frame / 2);
    const isBlank = hash(seed + guess, frame) < 0.5;
    const id = isBlank ? blankId : Math.floor(hash(seed + 77 + guess, slot) * VOCABULARY_SIZE);
    logits[row + id] = margin + 6 * hash(seed, frame * 31);
  }
  return emissionsFromLogits(logits, { vocabularySize: VOCABULARY_SIZE, startFrame });
}

function offlineWords<S>(emissions: Emissions, options: CommitOptions<S>): Word[] {
  const whole = { committed: emissions, tentative: encodeNothing(endFrameOf(emissions)) };
  const step = commitWindow(startCommit(options.decoder), whole, options);
  return [...step.committed, ...flushCommit(step.state, options).committed];
}

function encodeNothing(startFrame: number): Emissions {
  return emissionsFromLogits(new Float32Array(0), { vocabularySize: VOCABULARY_SIZE, startFrame });
}

function assertInOrder(words: Word[]): void {
  for (const [i, word] of words.entries()) {
    assert(word.text !== "" && word.startSample < word.endSample);
    assert(word.startSample >= (words[i - 1]?.endSample ?? 0), "words overlap");
    assert(word.confidence > 0 && word.confidence <= 1);
  }
}

function optionsOf(vocabulary: Vocabulary, strideSamples: number, pauseFrames: number) {
  const decoder = greedyDecoder(vocabulary);
  return { decoder, vocabulary, strideSamples, pauseFrames };
}

/** Words of emissions that come in chunks, each looking ahead at the frames after it. */
function chunkedWords<S>(chunks: Emissions[], options: CommitOptions<S>): Word[] {
  const words: Word[] = [];
  let state = startCommit(options.decoder, { startFrame: chunks[0]!.startFrame });
  for (const [i, committed] of chunks.entries()) {
    const tentative = chunks[i + 1] ?? encodeNothing(endFrameOf(committed));
    const step = commitWindow(state, { committed, tentative }, options);
    words.push(...step.committed);
    assertInOrder([...words.slice(-1), ...step.tentative]);
    state = step.state;
  }
  return [...words, ...flushCommit(state, options).committed];
}

Deno.test("with beam search too, words do not depend on the chunks", () => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.nat(),
        endFrame: fc.nat(120),
        pauseFrames: fc.integer({ min: 1, max: 9 }),
      }),
      chunkLengths,
      fc.record({
        vocabulary: fc.constantFrom(characters, pieces),
        beamWidth: fc.constantFrom(1, 4, 20),
        settleAfterFrames: fc.constantFrom(3, 20, Infinity),
      }),
      ({ seed, endFrame, pauseFrames }, lengths, { vocabulary, ...width }) => {
        const { blankId } = vocabulary;
        const whole = encode({ startFrame: 0, endFrame, sureEndFrame: endFrame }, {
          seed,
          blankId,
        });
        const decoder = beamDecoder({ blankId, ...width });
        const options = { decoder, vocabulary, strideSamples: 10, pauseFrames };
        const expected = offlineWords(whole, options);
        assertEquals(chunkedWords(chunked(whole, lengths), options), expected);
      },
    ),
    { numRuns: 150, seed: 18 },
  );
});

/** Runs a stream through windows; gives its words and the frames that were committed. */
function streamWords<S>(
  events: readonly StreamEvent[],
  policy: WindowPolicy,
  { options, encoder, padding }: {
    options: CommitOptions<S>;
    encoder: { seed: number; blankId: number; margin?: number };
    padding: number;
  },
): { words: Word[]; emissions: Emissions; earlyCount: number } {
  const words: Word[] = [];
  const parts: Emissions[] = [encodeNothing(0)];
  let earlyCount = 0;
  let progress = STREAM_START;
  let state = startCommit(options.decoder);
  const take = (window: Window) => {
    const emissions = encode({
      startFrame: window.startFrame,
      endFrame: window.endFrame + padding,
      sureEndFrame: window.commitEndFrame,
    }, encoder);
    const cut = cutWindow(progress.framesCommitted, emissions, window);
    const step = commitWindow(state, cut, options);
    assertInOrder([...words.slice(-1), ...step.committed, ...step.tentative]);
    words.push(...step.committed);
    parts.push(step.emissions);
    state = step.state;
    const endFrame = endFrameOf(step.emissions);
    assert(window.commitEndFrame <= endFrame && endFrame <= window.commitLimitFrame);
    if (endFrame > window.commitEndFrame) earlyCount++;
    progress = afterWindow(progress, window, endFrame);
  };
  const run = (count: number) => {
    for (let i = 0; i < count; i++) {
      const plan = planNext(progress, policy);
      if (plan.kind !== "window") return;
      take(plan.window);
    }
  };
  for (const event of events) {
    const { samplesReceived } = progress;
    if (event.kind === "run") run(event.windows);
    else if (event.kind === "finalize") {
      progress = { ...progress, finalizeAtSample: samplesReceived };
    } else {
      progress = { ...progress, samplesReceived: samplesReceived + event.sampleCount };
    }
  }
  progress = { ...progress, isEnded: true };
  run(Infinity);
  words.push(...flushCommit(state, options).committed);
  const { samplesReceived } = progress;
  const emissions = joinEmissions(parts); // every frame once, in order, or it throws
  const total = samplesReceived === 0
    ? 0
    : policy.geometry.frameCount(samplesReceived + policy.tailPaddingSamples);
  assertEquals(emissions.frameCount, total);
  return { words, emissions, earlyCount };
}

const streams = fc.record({
  random: policies,
  events: streamEvents,
  seed: fc.nat(),
  vocabulary: fc.constantFrom(characters, pieces),
  pauseFrames: fc.integer({ min: 1, max: 9 }),
  padding: fc.nat(3),
});

Deno.test("committed words of any stream are the words of its committed frames in one piece", () => {
  const nBests = fc.oneof({ weight: 49, arbitrary: fc.constant(1) }, {
    weight: 1,
    arbitrary: fc.constant(3),
  });
  let earlyCount = 0;
  fc.assert(
    fc.property(streams, nBests, (stream, nBest) => {
      const { random, events, seed, vocabulary, pauseFrames, padding } = stream;
      const policy = policyOf(random);
      const { strideSamples } = policy.geometry;
      const options = { ...optionsOf(vocabulary, strideSamples, pauseFrames), nBest };
      const encoder = { seed, blankId: vocabulary.blankId };
      const heard = streamWords(events, policy, { options, encoder, padding });
      assertEquals(heard.words, offlineWords(heard.emissions, options));
      earlyCount += heard.earlyCount;
    }),
    { numRuns: 2000, seed: 10 },
  );
  assert(earlyCount > 100, `only ${earlyCount} windows committed a word early`);
});

Deno.test("with beam search every frame is decoded once, and words that are sure are greedy's", () => {
  let earlyCount = 0;
  const widths = fc.record({
    beamWidth: fc.constantFrom(1, 4, 20),
    settleAfterFrames: fc.constantFrom(3, 20, Infinity),
    isSure: fc.boolean(),
  });
  fc.assert(
    fc.property(streams, widths, (stream, { isSure, ...width }) => {
      const { random, events, seed, vocabulary, pauseFrames, padding } = stream;
      const policy = policyOf(random);
      const { blankId, wordDelimiterId: delimiterId } = vocabulary;
      const rules = { vocabulary, strideSamples: policy.geometry.strideSamples, pauseFrames };
      const options = { decoder: beamDecoder({ blankId, delimiterId, ...width }), ...rules };
      const encoder = { seed, blankId, margin: isSure ? 12 : 1 };
      const heard = streamWords(events, policy, { options, encoder, padding });
      earlyCount += heard.earlyCount;
      if (!isSure) return;
      const greedy = { decoder: greedyDecoder(vocabulary), ...rules };
      const place = ({ confidence: _, ...word }: Word) => word;
      assertEquals(heard.words.map(place), offlineWords(heard.emissions, greedy).map(place));
    }),
    { numRuns: 300, seed: 19 },
  );
  assert(earlyCount > 100, `only ${earlyCount} windows committed a word early`);
});
