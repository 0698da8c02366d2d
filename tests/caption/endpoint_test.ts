import fc from "../property.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import {
  advanceEndpoint,
  ENDPOINT_RULES,
  type EndpointEvent,
  type EndpointOptions,
  endpointPolicy,
  type EndpointRule,
  flushEndpoint,
  startEndpoint,
} from "../../src/caption/endpoint.ts";
import type { Word } from "../../src/caption/word.ts";
import { type Emissions, emissionsFromLogits, FrameGridError } from "../../src/ctc/emissions.ts";
import { greedyDecoder } from "../../src/ctc/greedy.ts";
import { convGeometry } from "../../src/geometry.ts";
import { commitWindow, startCommit } from "../../src/stitch/commit.ts";
import { cutWindow } from "../../src/stitch/seam.ts";
import { chunked, chunkLengths, emissionsOfPath } from "../ctc/random_emissions.ts";
import { CHARACTERS, characters } from "../stitch/vocabularies.ts";

/** A frame is 10 samples, 10 ms. */
const GRID = convGeometry([10], [10]);
const PAUSE_FRAMES = 2;

function policyOf(rules: readonly EndpointRule[], options: EndpointOptions = {}) {
  return endpointPolicy(characters, GRID, { rules, sampleRateHz: 1000, ...options });
}

function ruleOf(trailing: number, utterance = 0, minWords = 0): EndpointRule {
  return { minTrailingSilenceMs: trailing * 10, minUtteranceMs: utterance * 10, minWords };
}

/** Endpoints of emissions cut into chunks, with the words that commit finds. */
function run(chunks: Emissions[], rules: readonly EndpointRule[]): EndpointEvent[] {
  const policy = policyOf(rules);
  const decoder = greedyDecoder(characters);
  const options = { decoder, vocabulary: characters, strideSamples: 10, pauseFrames: PAUSE_FRAMES };
  const { startFrame } = chunks[0]!;
  let commit = startCommit(decoder, { startFrame });
  let state = startEndpoint({ startFrame });
  const events: EndpointEvent[] = [];
  for (const emissions of chunks) {
    const { startFrame, frameCount } = emissions;
    const endFrame = startFrame + frameCount;
    const window = { startFrame, endFrame, commitStartFrame: startFrame, commitEndFrame: endFrame };
    const words = commitWindow(commit, cutWindow(startFrame, emissions, window), options);
    const step = advanceEndpoint(state, { emissions, words: words.committed }, policy);
    commit = words.state;
    state = step.state;
    events.push(...step.events);
  }
  return [...events, ...flushEndpoint(state, policy).events];
}

/** Emissions that spell `text`, a frame a character; `_` is the blank. */
function spelled(text: string): Emissions {
  const path = [...text].map((character) => Math.max(0, CHARACTERS.indexOf(character)));
  return emissionsOfPath(path, { vocabularySize: CHARACTERS.length });
}

/** Events in short: `>` starts, `[start, end) @ when known, words, rule`. */
function brief(events: EndpointEvent[], rules: readonly EndpointRule[]): string[] {
  return events.map((event) =>
    event.kind === "speechStart"
      ? `> ${event.startSample / 10}`
      : `${event.startSample / 10}-${event.endSample / 10} @${event.atSample / 10} ` +
        `words ${event.wordCount} rule ${event.rule ? rules.indexOf(event.rule) : "flush"}`
  );
}

Deno.test("an utterance ends after enough silence, blanks and delimiters alike", () => {
  const rules = [ruleOf(4)];
  assertEquals(brief(run([spelled("__so_n|__|__a__")], rules), rules), [
    "> 2",
    "2-6 @10 words 1 rule 0",
    "> 12",
    "12-13 @15 words 1 rule flush",
  ]);
});

Deno.test("rules: less silence after words, a limit in the midst of speech", () => {
  const rules = [ruleOf(8), ruleOf(3, 0, 2), ruleOf(0, 12)];
  assertEquals(brief(run([spelled("so|no___")], rules), rules), ["> 0", "0-5 @8 words 2 rule 1"]);
  assertEquals(brief(run([spelled("so________")], rules), rules), [
    "> 0",
    "0-2 @10 words 1 rule 0",
  ]);
  assertEquals(brief(run([spelled("sososososososo")], rules), rules), [
    "> 0",
    "0-12 @12 words 0 rule 2",
    "> 12",
    "12-14 @14 words 0 rule flush",
  ]);
});

Deno.test("silence starts nothing and ends nothing", () => {
  assertEquals(run([spelled("_".repeat(5000))], ENDPOINT_RULES), []);
});

Deno.test("speech is what takes more probability from silence than the threshold", () => {
  const probabilities = [0.3, 0.1, 0.1, 0.5];
  const logits = new Float32Array(probabilities.map(Math.log));
  const emissions = emissionsFromLogits(logits, { vocabularySize: 4 });
  const eventsAt = (speechThreshold: number) => {
    const policy = policyOf([], { speechThreshold });
    return advanceEndpoint(startEndpoint(), { emissions, words: [] }, policy).events.length;
  };
  // Silence is the blank, 0.3, and the delimiter, 0.1.
  assertEquals([eventsAt(0.59), eventsAt(0.61)], [1, 0]);
});

Deno.test("a word that is committed late counts for its utterance only", () => {
  const policy = policyOf([ruleOf(5)]);
  const word = (startSample: number, endSample: number): Word => ({
    text: "so",
    startSample,
    endSample,
    confidence: 1,
  });
  const first = advanceEndpoint(startEndpoint(), { emissions: spelled("so_"), words: [] }, policy);
  assertEquals(first.state.utterance?.wordCount, 0);
  const rest = { ...spelled("__"), startFrame: 3 };
  const second = advanceEndpoint(first.state, { emissions: rest, words: [word(0, 20)] }, policy);
  assertEquals(second.state.utterance?.wordCount, 1);
  const flushed = flushEndpoint(second.state, policy);
  const next = { ...spelled("_a"), startFrame: 5 };
  const third = advanceEndpoint(flushed.state, { emissions: next, words: [word(0, 20)] }, policy);
  assertEquals(third.state.utterance, { startFrame: 6, endFrame: 7, wordCount: 0 });
});

Deno.test("events are the same for any chunking", () => {
  const path = fc.array(fc.constantFrom(..."__|abso"), { maxLength: 60 }).map((t) => t.join(""));
  const rule = fc.record({
    minTrailingSilenceMs: fc.integer({ min: PAUSE_FRAMES, max: 9 }).map((frames) => frames * 10),
    minUtteranceMs: fc.integer({ min: 0, max: 20 }).map((frames) => frames * 10),
    minWords: fc.nat(3),
  });
  fc.assert(
    fc.property(path, chunkLengths, fc.array(rule, { maxLength: 3 }), (text, lengths, rules) => {
      const whole = spelled(text);
      assertEquals(run(chunked(whole, lengths), rules), run([whole], rules));
    }),
    { numRuns: 300, seed: 16 },
  );
});

Deno.test("endpointing refuses numbers out of range and frames that do not follow", () => {
  assertThrows(() => policyOf([], { speechThreshold: 0 }), RangeError, "speechThreshold");
  assertThrows(
    () => policyOf([ruleOf(-1)]),
    RangeError,
    "minTrailingSilenceMs must be at least 0: -10",
  );
  const emissions = { ...spelled("a"), startFrame: 1 };
  assertThrows(
    () => advanceEndpoint(startEndpoint(), { emissions, words: [] }, policyOf([])),
    FrameGridError,
    "Cannot find utterances because of a gap",
  );
});
