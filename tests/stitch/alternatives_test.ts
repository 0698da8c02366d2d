import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";
import { emissionsFromLogits } from "../../src/ctc/emissions.ts";
import { greedyDecoder } from "../../src/ctc/greedy.ts";
import { commitWindow, flushCommit, startCommit } from "../../src/stitch/commit.ts";
import { everyText } from "../ctc/brute_force.ts";
import { emissionsOf } from "../ctc/random_emissions.ts";
import { CHARACTERS, characters } from "./vocabularies.ts";

const RULES = {
  ...{ decoder: greedyDecoder(characters), vocabulary: characters },
  ...{ strideSamples: 10, pauseFrames: 5, nBest: 3 },
};

/** Frames of weights in percent by their characters, as "s60a40"; `_` is the blank. */
function weighed(frames: readonly string[]) {
  const logits = new Float32Array(frames.length * CHARACTERS.length).fill(-30);
  for (const [frame, text] of frames.entries()) {
    for (const [, character, percent] of text.matchAll(/(\D)(\d+)/g)) {
      const id = character === "_" ? 0 : CHARACTERS.indexOf(character!);
      logits[frame * CHARACTERS.length + id] = Math.log(Number(percent) / 100);
    }
  }
  return emissionsFromLogits(logits, { vocabularySize: CHARACTERS.length });
}

function committed(frames: readonly string[], nBest = 3) {
  const emissions = weighed(frames);
  const rules = { ...RULES, nBest };
  const nothing = { ...weighed([]), startFrame: frames.length };
  const window = { committed: emissions, tentative: nothing };
  const step = commitWindow(startCommit(rules.decoder), window, rules);
  return [...step.committed, ...flushCommit(step.state, rules).committed];
}

Deno.test("a word's readings, the frames beside it included up to the next token", () => {
  const [so, ba] = committed(["|99", "s90b10", "o99", "_70n30", "|99", "b99", "a60o40"]);
  assertEquals([so?.text, ba?.text], ["so", "ba"]);
  const readings = so!.alternatives!.map(({ text }) => text);
  assertEquals(readings, ["so", "son", "bo"]);
  const [first, second] = so!.alternatives!;
  assertAlmostEquals(first!.confidence, 0.9 * 0.7, 1e-2);
  assertAlmostEquals(second!.confidence, 0.9 * 0.3, 1e-2);
  assertEquals(ba!.alternatives!.map(({ text }) => text), ["ba", "bo"]);
});

Deno.test("a reading may be several words; without nBest there is none", () => {
  const [word] = committed(["s99", "o60|40", "n99", "_99"]);
  assertEquals(word!.alternatives!.map(({ text }) => text), ["son", "s n"]);
  const [plain] = committed(["s99", "o60|40", "n99", "_99"], 1);
  assert(plain !== undefined && !("alternatives" in plain));
});

Deno.test("readings are the texts of the frames by CTC's definition, likeliest first", () => {
  fc.assert(
    fc.property(
      emissionsOf({ minFrames: 1, maxFrames: 4, vocabularySize: 4, scale: 3 }),
      (some) => {
        // "<pad>", "<s>", "|" and "a" alone, from frame 0 on
        const emissions = { ...some, startFrame: 0 };
        const rules = { ...RULES, nBest: 50, pauseFrames: 50 };
        const nothing = { ...emissions, startFrame: some.frameCount, frameCount: 0 };
        const window = {
          committed: emissions,
          tentative: { ...nothing, logProbs: new Float32Array(0) },
        };
        const step = commitWindow(startCommit(rules.decoder), window, rules);
        const words = [...step.committed, ...flushCommit(step.state, rules).committed];
        const expected = new Map<string, number>();
        for (const { ids, probability } of everyText(emissions, 0)) {
          const text = ids.filter((id) => id !== 1).map((id) => id === 2 ? " " : "a").join("")
            .trim().replaceAll(/ +/g, " ");
          expected.set(text, (expected.get(text) ?? 0) + probability);
        }
        if (words.length !== 1 || words[0]!.startSample > 0) return; // not all frames are its own
        const { alternatives } = words[0]!;
        const endsWithWord = words[0]!.endSample === 10 * some.frameCount;
        const confidences = alternatives!.map(({ confidence }) => confidence);
        assertEquals(confidences, confidences.toSorted((a, b) => b - a));
        if (!endsWithWord) return;
        checkedCount++;
        for (const { text, confidence } of alternatives!) {
          assertAlmostEquals(confidence, expected.get(text)!, 0.03);
        }
      },
    ),
    { numRuns: 300, seed: 23 },
  );
  assert(checkedCount > 20, `${checkedCount} cases were checked`);
});
