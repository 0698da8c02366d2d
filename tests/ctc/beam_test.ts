import { assertEquals, assertThrows } from "../assert.ts";
import {
  agreeBeam,
  beamDecoder,
  decodeBeam,
  flushBeam,
  hypothesesOf,
  startBeam,
} from "../../src/ctc/beam.ts";
import type { TokenSpan } from "../../src/ctc/decoder.ts";
import type { TokenScorer } from "../../src/ctc/prefix.ts";
import { emissionsFromLogits, FrameGridError } from "../../src/ctc/emissions.ts";
import { greedyDecoder } from "../../src/ctc/greedy.ts";
import { emissionsOfPath } from "./random_emissions.ts";

const BLANK = { blankId: 0 };

/** Emissions of the given probabilities. // [T, V] */
function emissionsOfProbabilities(rows: number[][]) {
  const logits = new Float32Array(rows.flat().map(Math.log));
  return emissionsFromLogits(logits, { vocabularySize: rows[0]!.length });
}

function spans(tokens: readonly TokenSpan[]): number[][] {
  return tokens.map(({ id, startFrame, endFrame }) => [id, startFrame, endFrame]);
}

Deno.test("where frames are sure, a beam of any width gives what greedy gives", () => {
  const emissions = emissionsOfPath([0, 1, 1, 0, 1, 2, 2, 0, 0, 3], { vocabularySize: 4 });
  const greedy = greedyDecoder(BLANK);
  const step = greedy.decode(greedy.start(0), emissions);
  const expected = [...step.tokens, ...greedy.flush(step.state).tokens];
  for (const beamWidth of [1, 2, 100]) {
    const beam = beamDecoder({ ...BLANK, beamWidth });
    const { state, tokens } = beam.decode(beam.start(0), emissions);
    assertEquals([...tokens, ...beam.flush(state).tokens], expected);
  }
});

Deno.test("hypotheses come best first, with their share of the probability", () => {
  const emissions = emissionsOfProbabilities([[0.1, 0.6, 0.3], [0.98, 0.01, 0.01]]);
  const { state } = decodeBeam(startBeam(BLANK), emissions, { ...BLANK, minTokenLogProb: -3 });
  const found = hypothesesOf(state);
  assertEquals(found.map(({ tokens }) => spans(tokens)), [[[1, 0, 1]], [[2, 0, 1]], []]);
  assertEquals(found.map(({ probability }) => probability.toFixed(2)), ["0.60", "0.30", "0.10"]);
  assertEquals(hypothesesOf(state, { count: 2 }).length, 2);
});

Deno.test("a token is settled when all hypotheses agree on it, and not before", () => {
  const rows = [[0.01, 0.98, 0.01], [0.98, 0.01, 0.01], [0.1, 0.5, 0.4], [0.98, 0.01, 0.01]];
  const options = { ...BLANK, minTokenLogProb: -4 };
  const { state, tokens, settledFrame } = decodeBeam(
    startBeam(BLANK),
    emissionsOfProbabilities(rows),
    options,
  );
  assertEquals(spans(tokens), [[1, 0, 1]]);
  assertEquals(settledFrame, 2);
  assertEquals(spans(flushBeam(state, BLANK).tokens), [[1, 2, 3]]);
  const bounded = decodeBeam(startBeam(BLANK), emissionsOfProbabilities(rows), {
    ...options,
    settleAfterFrames: 1,
  });
  assertEquals(spans(bounded.tokens), [[1, 0, 1], [1, 2, 3]]);
});

Deno.test("what is agreed on is settled, and what may come after it stays open", () => {
  // two letters in doubt, then a frame in which the second goes on or a third begins
  const rows = [[0.02, 0.5, 0.46, 0.02], [0.9, 0.04, 0.04, 0.02], [0.1, 0.4, 0.02, 0.48]];
  const options = { ...BLANK, minTokenLogProb: -5 };
  const { state, tokens } = decodeBeam(startBeam(BLANK), emissionsOfProbabilities(rows), options);
  assertEquals(tokens, []);
  const second = { id: 2, startFrame: 0, endFrame: 1, probability: 0.46 };
  const agreed = agreeBeam(state, { tokens: [second], untilFrame: 2 });
  assertEquals(spans(agreed.tokens), [[2, 0, 1]], "though it was not the likeliest");
  assertEquals(agreed.settledFrame, 2);
  const openIds = new Set(hypothesesOf(agreed.state).map((one) => one.tokens.at(1)?.id));
  assertEquals(openIds, new Set([3, 1, 2, undefined]));
  const third = { id: 3, startFrame: 2, endFrame: 4, probability: 0.48 }; // it may go on
  const both = agreeBeam(state, { tokens: [second, third], untilFrame: 3 });
  assertEquals([spans(both.tokens), both.nextId], [[[2, 0, 1]], 3]);
  const none = agreeBeam(state, { tokens: [{ ...second, startFrame: 1 }], untilFrame: 3 });
  assertEquals(none.state, state, "nobody says so");
});

Deno.test("a flush ends the utterance, and what goes on over it is given once", () => {
  const beam = beamDecoder(BLANK);
  const first = beam.decode(beam.start(0), emissionsOfPath([0, 1], { vocabularySize: 3 }));
  const flushed = beam.flush(first.state);
  assertEquals(spans([...first.tokens, ...flushed.tokens]), [[1, 1, 2]]);
  const rest = emissionsOfPath([1, 0, 1, 0], { vocabularySize: 3, startFrame: 2 });
  const second = beam.decode(flushed.state, rest);
  assertEquals(spans([...second.tokens, ...beam.flush(second.state).tokens]), [[1, 4, 5]]);
  assertEquals(hypothesesOf(second.state)[0]!.tokens.length, 1);
});

Deno.test("a scorer turns the decision, and sees each token after its own context", () => {
  const emissions = emissionsOfProbabilities([
    [0.01, 0.98, 0.01],
    [0.98, 0.01, 0.01],
    [0.01, 0.55, 0.44],
  ]);
  // Knows that token 2 follows token 1.
  const scorer: TokenScorer<number[]> = {
    start: [],
    score: (context, id) => ({
      logProb: context.at(-1) === 1 && id === 2 ? 0 : -1,
      pendingLogProb: 0,
      context: [...context, id],
    }),
    end: () => 0,
  };
  const plain = decodeBeam(startBeam(BLANK), emissions, BLANK);
  assertEquals(hypothesesOf(plain.state)[0]!.tokens.map(({ id }) => id), [1, 1]);
  const fused = decodeBeam(startBeam<number[]>(BLANK), emissions, { ...BLANK, scorer });
  assertEquals(hypothesesOf(fused.state)[0]!.tokens.map(({ id }) => id), [1, 2]);
  assertEquals(fused.state.prefixes[0]!.text.context, [1, 2]);
});

Deno.test("the state is not changed, and survives structuredClone", () => {
  const emissions = emissionsOfPath([0, 1, 1, 0, 2], { vocabularySize: 3, margin: 1 });
  const { state } = decodeBeam(startBeam(BLANK), emissions, BLANK);
  const copy = structuredClone(state);
  const more = emissionsOfPath([2, 0, 1], { vocabularySize: 3, startFrame: 5, margin: 1 });
  const ahead = decodeBeam(state, more, BLANK);
  assertEquals(state, copy);
  assertEquals(decodeBeam(copy, more, BLANK), ahead);
});

Deno.test("ten minutes in one chunk are as good as in many", () => {
  const path = Array.from({ length: 30_000 }, (_, i) => i % 7 === 0 ? 1 + i % 3 : 0);
  const emissions = emissionsOfPath(path, { vocabularySize: 4 });
  const { state, tokens } = decodeBeam(startBeam(BLANK), emissions, { ...BLANK, beamWidth: 4 });
  assertEquals(tokens.length + flushBeam(state, BLANK).tokens.length, Math.ceil(30_000 / 7));
});

Deno.test("beam search refuses what it cannot do", () => {
  const emissions = emissionsOfPath([1], { vocabularySize: 3, startFrame: 1 });
  assertThrows(() => decodeBeam(startBeam(BLANK), emissions, BLANK), FrameGridError, "a gap");
  const start = startBeam({ blankId: 3, startFrame: 1 });
  assertThrows(() => decodeBeam(start, emissions, { blankId: 3 }), RangeError, "blankId");
  assertThrows(() => beamDecoder({ ...BLANK, beamWidth: 0 }), RangeError, "beamWidth");
  for (
    const options of [{ maxScoreGap: -1 }, { settleAfterFrames: 0 }, { minTokenLogProb: NaN }]
  ) {
    assertThrows(() => beamDecoder({ ...BLANK, ...options }), RangeError, "Cannot search");
  }
});
