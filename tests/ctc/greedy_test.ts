import { assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";
import type { TokenSpan } from "../../src/ctc/decoder.ts";
import { emissionsFromLogits, FrameGridError } from "../../src/ctc/emissions.ts";
import { decodeGreedy, flushGreedy, greedyDecoder, startGreedy } from "../../src/ctc/greedy.ts";
import { emissionsOfPath } from "./random_emissions.ts";

const BLANK = 0;

function spans(tokens: TokenSpan[]): number[][] {
  return tokens.map(({ id, startFrame, endFrame }) => [id, startFrame, endFrame]);
}

function decodeChunks(...paths: number[][]): number[][][] {
  let state = startGreedy({ blankId: BLANK });
  const given: number[][][] = [];
  for (const path of paths) {
    const emissions = emissionsOfPath(path, { vocabularySize: 4, startFrame: state.nextFrame });
    const step = decodeGreedy(state, emissions, { blankId: BLANK });
    given.push(spans(step.tokens));
    state = step.state;
  }
  return [...given, spans(flushGreedy(state).tokens)];
}

Deno.test("greedy merges repeats and keeps letters that a blank divides", () => {
  assertEquals(decodeChunks([0, 1, 1, 0, 1, 2, 2, 0]), [
    [[1, 1, 3], [1, 4, 5], [2, 5, 7]],
    [],
  ]);
});

Deno.test("a token that is open at the end of a chunk waits for its end", () => {
  assertEquals(decodeChunks([0, 1], [1], [1, 0]), [[], [], [[1, 1, 4]], []]);
  assertEquals(decodeChunks([0, 1], [2]), [[], [[1, 1, 2]], [[2, 2, 3]]]);
  assertEquals(decodeChunks([1, 0], [1]), [[[1, 0, 1]], [], [[1, 2, 3]]]);
});

Deno.test("speech that starts in the first frame, empty chunks and blanks alone", () => {
  assertEquals(decodeChunks([3], []), [[], [], [[3, 0, 1]]]);
  assertEquals(decodeChunks([], [0, 0], []), [[], [], [], []]);
});

Deno.test("a token that goes on over a flush is given once", () => {
  const first = decodeGreedy(
    startGreedy({ blankId: BLANK }),
    emissionsOfPath([0, 1], { vocabularySize: 4 }),
    { blankId: BLANK },
  );
  const flushed = flushGreedy(first.state);
  assertEquals(spans(flushed.tokens), [[1, 1, 2]]);
  assertEquals(spans(flushGreedy(flushed.state).tokens), []);
  const rest = emissionsOfPath([1, 0, 1, 0], { vocabularySize: 4, startFrame: 2 });
  const second = decodeGreedy(flushed.state, rest, { blankId: BLANK });
  assertEquals(spans(second.tokens), [[1, 4, 5]]);
});

Deno.test("the probability of a token is the mean of its posteriors", () => {
  const logits = [0.6, 0.8, 0.7].flatMap((p) => [Math.log(1 - p), Math.log(p)]);
  const emissions = emissionsFromLogits(new Float32Array(logits), { vocabularySize: 2 });
  const { state } = decodeGreedy(startGreedy({ blankId: 0 }), emissions, { blankId: 0 });
  const [token] = flushGreedy(state).tokens;
  assertAlmostEquals(token!.probability, 0.7, 1e-6);
  assertAlmostEquals(state.logProb, Math.log(0.6 * 0.8 * 0.7), 1e-6);
});

Deno.test("the state survives JSON, so a stream can be resumed elsewhere", () => {
  const emissions = emissionsOfPath([0, 1, 1], { vocabularySize: 4 });
  const { state } = decodeGreedy(startGreedy({ blankId: BLANK }), emissions, { blankId: BLANK });
  const revived = JSON.parse(JSON.stringify(state));
  assertEquals(flushGreedy(revived).tokens, flushGreedy(state).tokens);
});

Deno.test("settledFrame is the start of the open token, else the next frame", () => {
  const settled = (path: number[]) =>
    decodeGreedy(startGreedy({ blankId: BLANK }), emissionsOfPath(path, { vocabularySize: 4 }), {
      blankId: BLANK,
    }).settledFrame;
  assertEquals([settled([0, 1, 1]), settled([1, 0, 0]), settled([])], [1, 3, 0]);
});

Deno.test("greedy refuses frames that do not follow, and a blank outside the vocabulary", () => {
  const start = startGreedy({ blankId: BLANK });
  const emissions = emissionsOfPath([1], { vocabularySize: 4, startFrame: 1 });
  const error = assertThrows(
    () => decodeGreedy(start, emissions, { blankId: BLANK }),
    FrameGridError,
    "Cannot decode because of a gap: the next frame is 0, given were frames from 1",
  );
  assertEquals(error.kind, "gap");
  for (const blankId of [4, -1, 0.5]) {
    const options = { blankId };
    assertThrows(
      () => decodeGreedy(startGreedy({ ...options, startFrame: 1 }), emissions, options),
      RangeError,
      `blankId must be in the vocabulary of 4: ${blankId}`,
    );
  }
});

Deno.test("greedy has given what can be agreed on", () => {
  const greedy = greedyDecoder({ blankId: 0 });
  const { state, nextId } = greedy.decode(
    greedy.start(0),
    emissionsOfPath([1, 0, 2], { vocabularySize: 3 }),
  );
  assertEquals(nextId, 2);
  assertEquals(greedy.agree(state, { tokens: [], untilFrame: 3 }), {
    ...{ state, tokens: [], settledFrame: 2, nextId: 2 },
  });
});
