import fc from "../property.ts";
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";
import { emissionsFromLogits, sliceEmissions } from "../../src/ctc/emissions.ts";
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
  let checkedCount = 0;
  fc.assert(
    fc.property(
      emissionsOf({ minFrames: 3, maxFrames: 5, vocabularySize: 4, scale: 3 }),
      (some) => {
        // of "<pad>", "<s>", "|" and "a"; the first and the last frame are surely an "a"
        const logits = some.logProbs.slice();
        for (const frame of [0, some.frameCount - 1]) logits.set([-30, -30, -30, 0], 4 * frame);
        const emissions = emissionsFromLogits(logits, { vocabularySize: 4 });
        const rules = { ...RULES, nBest: 50, pauseFrames: 50 };
        const end = { startFrame: some.frameCount, endFrame: some.frameCount };
        const window = { committed: emissions, tentative: sliceEmissions(emissions, end) };
        const step = commitWindow(startCommit(rules.decoder), window, rules);
        const [word, ...others] = [
          ...step.committed,
          ...flushCommit(step.state, rules).committed,
        ];
        if (others.length > 0) return;
        checkedCount++;
        const expected = new Map<string, number>();
        for (const { ids, probability } of everyText(emissions, 0)) {
          const spelled = ids.map((id) => ["", "", " ", "a"][id]).join("");
          const text = spelled.trim().replaceAll(/ +/g, " ");
          expected.set(text, (expected.get(text) ?? 0) + probability);
        }
        const found = word!.alternatives!;
        for (const { text, confidence } of found) {
          assertAlmostEquals(confidence, expected.get(text)!, 0.03); // what is unlikely is not tried
        }
        const confidences = found.map(({ confidence }) => confidence);
        assertEquals(confidences, confidences.toSorted((a, b) => b - a));
      },
    ),
    { numRuns: 200, seed: 23 },
  );
  assert(checkedCount > 50, `${checkedCount} cases were checked`);
});
