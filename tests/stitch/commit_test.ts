import { assert, assertEquals } from "../assert.ts";
import { beamDecoder, type BeamState } from "../../src/ctc/beam.ts";
import type { CtcDecoder } from "../../src/ctc/decoder.ts";
import { emissionsFromLogits, endFrameOf } from "../../src/ctc/emissions.ts";
import { greedyDecoder, type GreedyState } from "../../src/ctc/greedy.ts";
import {
  type CommitState,
  commitWindow,
  flushCommit,
  startCommit,
} from "../../src/stitch/commit.ts";
import { cutWindow } from "../../src/stitch/seam.ts";
import { emissionsOfPath } from "../ctc/random_emissions.ts";
import { CHARACTERS, characters } from "./vocabularies.ts";

const options = {
  decoder: greedyDecoder(characters),
  vocabulary: characters,
  strideSamples: 10,
  pauseFrames: 3,
};

/** Both decoders, and what their words need. */
const DECODERS = [
  greedyDecoder(characters),
  beamDecoder({ ...characters, delimiterId: 2, settleAfterFrames: 20 }),
] as CtcDecoder<unknown>[];

/** Emissions that spell `text`, a frame a character: `_` is the blank. */
function spelled(text: string, startFrame: number) {
  const path = [...text].map((character) => Math.max(0, CHARACTERS.indexOf(character)));
  return emissionsOfPath(path, { vocabularySize: CHARACTERS.length, startFrame });
}

/** Runs windows given as [committed, tentative] texts; gives the words of each step, then of the flush. */
function caption(windows: [string, string][]): string[][] {
  let state: CommitState<GreedyState> = startCommit(options.decoder);
  let frame = 0;
  const steps: string[][] = [];
  for (const [committed, tentative] of windows) {
    const step = commitWindow(state, {
      committed: spelled(committed, frame),
      tentative: spelled(tentative, frame + committed.length),
    }, options);
    steps.push([step.committed, step.tentative].map((w) => w.map(({ text }) => text).join(" ")));
    state = step.state;
    frame += committed.length;
  }
  const flushed = flushCommit(state, options);
  return [...steps, [flushed.committed.map(({ text }) => text).join(" ")]];
}

Deno.test("a word is tentative until its end is committed", () => {
  assertEquals(caption([["so", "n"], ["n", "|"], ["||", "a"]]), [
    ["", "son"],
    ["", "son"],
    ["son", "a"], // The delimiter may go on; the word has ended.
    [""],
  ]);
  assertEquals(caption([["son|", "a"], ["a", "l|"]]), [["son", "a"], ["", "al"], ["a"]]);
});

Deno.test("a word is final as soon as a delimiter after it has begun, however long that goes on", () => {
  for (const decoder of DECODERS) {
    const rules = { ...options, decoder };
    let state = startCommit(rules.decoder);
    const told: string[] = [];
    for (const [i, text] of ["son|", "||||", "||||", "|a_l", "|___"].entries()) {
      const committed = spelled(text, 4 * i);
      const step = commitWindow(state, { committed, tentative: spelled("", 4 * i + 4) }, rules);
      told.push(step.committed.map((word) => word.text).join());
      const openFrame = step.tentative[0]?.startSample ?? Infinity;
      assert(10 * step.settledFrame <= openFrame, "an open word is not settled");
      state = step.state;
    }
    assertEquals(told, ["son", "", "", "", "al"]);
    assertEquals(flushCommit(state, rules).committed, []);
  }
});

Deno.test("a last word is final in time, though a delimiter after it stays in doubt", () => {
  const settleAfterFrames = 8;
  const decoder = beamDecoder({ ...characters, delimiterId: 2, settleAfterFrames });
  const rules = { ...options, decoder };
  let state = startCommit<BeamState>(decoder);
  let finalFrame = 0;
  for (let frame = 0; frame < 40; frame++) {
    // "so", then a delimiter that is as likely as not, then silence in which nothing is sure
    const logits = new Float32Array(CHARACTERS.length);
    logits[0] = 5;
    if (frame < 2) logits.fill(0).set([12], [8, 7][frame]!);
    if (frame === 3) logits[2] = 5;
    const vocabularySize = CHARACTERS.length;
    const committed = emissionsFromLogits(logits, { vocabularySize, startFrame: frame });
    const tentative = spelled("", frame + 1);
    const step = commitWindow(state, { committed, tentative }, rules);
    state = step.state;
    if (step.committed.length > 0) finalFrame = frame;
  }
  const latestFrame = 2 + settleAfterFrames + options.pauseFrames + 1;
  assert(finalFrame > 0 && finalFrame <= latestFrame, `final at ${finalFrame} of ${latestFrame}`);
});

/** Windows given as their first frame, text, and limits; gives committed words and the frame committed to. */
function captionEarly(
  decoder: CtcDecoder<unknown>,
  windows: { text: string; commitEndFrame: number; agreedEndFrame?: number; limitFrame: number }[],
): [words: string, endFrame: number][] {
  const rules = { ...options, decoder };
  let state = startCommit(decoder);
  let nextFrame = 0;
  return windows.map(({ text, commitEndFrame, agreedEndFrame = 0, limitFrame }) => {
    const window = {
      ...{ startFrame: 0, endFrame: text.length, commitStartFrame: nextFrame },
      ...{ commitEndFrame: Math.max(nextFrame, commitEndFrame), agreedEndFrame },
      commitLimitFrame: limitFrame,
    };
    const step = commitWindow(state, cutWindow(nextFrame, spelled(text, 0), window), rules);
    state = step.state;
    nextFrame = endFrameOf(step.emissions);
    return [step.committed.map((word) => word.text).join(" "), nextFrame];
  });
}

Deno.test("a word whose letters have their context is final when its end is seen among tentative frames", () => {
  for (const decoder of DECODERS) {
    const text = "so_|al_|";
    const limits = { commitEndFrame: 2, limitFrame: 8 };
    assertEquals(captionEarly(decoder, [{ text, ...limits }]), [["so", 4]]);
    assertEquals(captionEarly(decoder, [{ text, ...limits, commitEndFrame: 6 }]), [["so al", 8]]);
    assertEquals(captionEarly(decoder, [{ text, ...limits, commitEndFrame: 1 }]), [["", 1]]);
    assertEquals(captionEarly(decoder, [{ text, ...limits, limitFrame: 3 }]), [["", 2]]);
    const pause = { text: "so_____", ...limits, limitFrame: 6 };
    assertEquals(captionEarly(decoder, [pause]), [["so", 5]]);
    assertEquals(captionEarly(decoder, [{ ...pause, commitEndFrame: 4 }]), [["so", 5]]);
  }
});

Deno.test("a word on which two windows agree is final before its letters have their context", () => {
  for (const decoder of DECODERS) {
    const [first, second] = ["so_|al_", "so_|al_|b"];
    const windows = (before: string, agreedEndFrame: number) => [
      { text: before, commitEndFrame: 0, limitFrame: 0 },
      { text: second, commitEndFrame: 1, agreedEndFrame, limitFrame: 8 },
    ];
    assertEquals(captionEarly(decoder, windows(first, 6)), [["", 0], ["so al", 8]]);
    assertEquals(captionEarly(decoder, windows(first, 5)), [["", 0], ["so", 4]]);
    assertEquals(captionEarly(decoder, windows("so_|ab_", 6)), [["", 0], ["so", 4]]);
    assertEquals(captionEarly(decoder, windows("s", 6)), [["", 0], ["", 1]]);
  }
});

Deno.test("what was committed early stands when a later window thinks better of it", () => {
  for (const decoder of DECODERS) {
    assertEquals(
      captionEarly(decoder, [
        { text: "so_|al_", commitEndFrame: 2, limitFrame: 7 },
        { text: "soonal_|", commitEndFrame: 6, limitFrame: 8 },
      ]),
      [["so", 4], ["al", 8]],
    );
  }
});

Deno.test("tentative words are replaced as a whole", () => {
  assertEquals(caption([["", "ball"], ["", "bal|on"], ["a|s", "oon|"], ["", ""]]), [
    ["", "bal"],
    ["", "bal on"],
    ["a", "son"],
    ["", "s"],
    ["s"],
  ]);
});

Deno.test("a pause commits the last word without another to come", () => {
  assertEquals(caption([["son__", "_"], ["_", "_"], ["_a", ""]]), [
    ["", "son"],
    ["son", ""],
    ["", "a"],
    ["a"],
  ]);
});

Deno.test("repeated letters on a seam: balloon, ss", () => {
  assertEquals(caption([["bal", "_l"], ["_l", "o_"], ["o_", "o"], ["on|s", "_s"], ["_s", ""]]), [
    ["", "ball"],
    ["", "ballo"],
    ["", "balloo"],
    ["balloon", "ss"],
    ["", "ss"],
    ["ss"],
  ]);
  // The same letter held over the seam is one letter.
  assertEquals(caption([["al", "l"], ["ll", "_"]]), [["", "al"], ["", "al"], ["al"]]);
});

Deno.test("speech that starts in the first frame, and an isolated word after long silence", () => {
  assertEquals(caption([["s", "o"], ["o|_", ""]]), [["", "so"], ["so", ""], [""]]);
  assertEquals(caption([["_".repeat(500), "_"], ["_a_", "_"], ["__", ""]]), [
    ["", ""],
    ["", "a"],
    ["a", ""],
    [""],
  ]);
});

Deno.test("words carry their place in the stream, without overlap, and their confidence", () => {
  const state = startCommit(options.decoder, { startFrame: 100 });
  const window = { committed: spelled("_ss_o|", 100), tentative: spelled("a", 106) };
  const step = commitWindow(state, window, options);
  const [word] = step.committed;
  assertEquals([word?.text, word?.startSample, word?.endSample], ["so", 1010, 1050]);
  const [tentative] = step.tentative;
  assertEquals([tentative?.startSample, tentative?.endSample], [1060, 1070]);
  assertEquals(word!.confidence > 0.99 && word!.confidence <= 1, true);
});

Deno.test("what goes on over a flush is not given twice", () => {
  const first = commitWindow(startCommit(options.decoder), {
    committed: spelled("son", 0),
    tentative: spelled("", 3),
  }, options);
  const flushed = flushCommit(first.state, options);
  assertEquals(flushed.committed.map(({ text }) => text), ["son"]);
  const second = commitWindow(flushed.state, {
    committed: spelled("nn|", 3),
    tentative: spelled("", 6),
  }, options);
  assertEquals([second.committed, second.tentative], [[], []]);
});
