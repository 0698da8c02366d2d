/**
 * Where speech starts and utterances end: a fold over committed frames, with rules as data.
 *
 * A frame is speech when the model gives less than half of its probability to silence:
 * to the blank and the word delimiter. An utterance goes from the first frame of speech
 * to the last one before any rule holds, as in Kaldi's and sherpa's endpointing.
 *
 * @module
 */
import { type Emissions, endFrameOf, requireNextFrame } from "../ctc/emissions.ts";
import type { FrameGeometry } from "../geometry.ts";
import { msToSamples } from "../units.ts";
import type { Alternative, Word } from "./word.ts";

/** An utterance ends when all of this holds. */
export interface EndpointRule {
  /** Silence since the last frame of speech, ms. */
  readonly minTrailingSilenceMs: number;
  /** Time since the first frame of speech, ms. */
  readonly minUtteranceMs: number;
  /**
   * Words committed in the utterance; 1 is Kaldi's "must contain non-silence". Where this
   * is above 0, `minTrailingSilenceMs` should be at least the pause that commits a word.
   */
  readonly minWords: number;
}

/** Long silence after anything, less after words, and a limit. The times are sherpa's. */
export const ENDPOINT_RULES: readonly EndpointRule[] = [
  { minTrailingSilenceMs: 2400, minUtteranceMs: 0, minWords: 0 },
  { minTrailingSilenceMs: 1200, minUtteranceMs: 0, minWords: 1 },
  { minTrailingSilenceMs: 0, minUtteranceMs: 20_000, minWords: 0 },
];

/** How utterances are found. */
export interface EndpointOptions {
  /** An utterance ends by the first of these that holds. @default {ENDPOINT_RULES} */
  rules?: readonly EndpointRule[];
  /** Least probability of anything but silence in a frame of speech, 0 to 1. @default {0.5} */
  speechThreshold?: number;
  /** Rate of the samples, Hz. @default {16000} */
  sampleRateHz?: number;
}

/** The same in frames. Made by {@linkcode endpointPolicy}. */
export interface EndpointPolicy {
  /** Ids that are silence. */
  readonly silenceIds: readonly number[];
  /** Samples from one frame to the next. */
  readonly strideSamples: number;
  /** Least probability of anything but silence in a frame of speech. */
  readonly speechThreshold: number;
  /** The rules, with their lengths in frames. */
  readonly rules: readonly {
    readonly rule: EndpointRule;
    readonly trailingSilenceFrames: number;
    readonly utteranceFrames: number;
  }[];
}

/** What is carried from chunk to chunk. A plain record. */
export interface EndpointState {
  /** The frame that must come next. */
  readonly nextFrame: number;
  /** The utterance that has not ended. */
  readonly utterance: OpenUtterance | undefined;
}

/** An utterance that has not ended. */
export interface OpenUtterance {
  /** Its first frame of speech. */
  readonly startFrame: number;
  /** One past its last frame of speech so far. */
  readonly endFrame: number;
  /** Words committed in it. */
  readonly wordCount: number;
}

/** Something that happened in the stream. */
export type EndpointEvent =
  | { readonly kind: "speechStart"; readonly startSample: number }
  | {
    readonly kind: "utteranceEnd";
    /** Where its speech starts. */
    readonly startSample: number;
    /** Where its speech ends. */
    readonly endSample: number;
    /** Where in the stream this was known. */
    readonly atSample: number;
    /** Words committed in it until then. */
    readonly wordCount: number;
    /** The rule that held; `undefined` at a flush. */
    readonly rule: EndpointRule | undefined;
    /** What may have been said in it, likeliest first, where a stream's `nBest` asks for it. */
    readonly alternatives?: readonly Alternative[];
  };

/**
 * Turns options into frames.
 *
 * @param vocabulary The ids that are silence.
 * @param geometry The frame grid.
 * @param options How utterances are found.
 * @throws {RangeError} If a number is out of range.
 */
export function endpointPolicy(
  vocabulary: { readonly blankId: number; readonly wordDelimiterId?: number | undefined },
  geometry: FrameGeometry,
  options: EndpointOptions = {},
): EndpointPolicy {
  const { rules = ENDPOINT_RULES, speechThreshold = 0.5, sampleRateHz = 16_000 } = options;
  const { blankId, wordDelimiterId } = vocabulary;
  if (!(speechThreshold > 0 && speechThreshold <= 1)) {
    throw new RangeError(
      `Cannot find utterances as speechThreshold must be above 0 and at most 1: ${speechThreshold}`,
    );
  }
  for (const rule of rules) {
    for (const [name, value] of Object.entries(rule)) {
      if (!(value >= 0)) {
        throw new RangeError(`Cannot find utterances as ${name} must be at least 0: ${value}`);
      }
    }
  }
  const framesIn = (ms: number) =>
    Math.ceil(msToSamples(ms, sampleRateHz) / geometry.strideSamples);
  return {
    silenceIds: wordDelimiterId === undefined ? [blankId] : [blankId, wordDelimiterId],
    strideSamples: geometry.strideSamples,
    speechThreshold,
    rules: rules.map((rule) => ({
      rule,
      trailingSilenceFrames: framesIn(rule.minTrailingSilenceMs),
      utteranceFrames: framesIn(rule.minUtteranceMs),
    })),
  };
}

/** The state before the first frame, which is `startFrame`. */
export function startEndpoint(options: { startFrame?: number } = {}): EndpointState {
  return { nextFrame: options.startFrame ?? 0, utterance: undefined };
}

/**
 * Takes in committed frames and the words committed with them.
 *
 * @param state State after the frames before; not changed.
 * @param step Frames that follow, and the words that became final with them.
 * @param policy How utterances are found.
 * @returns What happened, in order; the same for any chunking of the frames.
 * @throws {FrameGridError} If the frames do not follow.
 *
 * @example
 * ```ts
 * import { convGeometry } from "../geometry.ts";
 * import { emissionsFromLogits } from "../ctc/emissions.ts";
 * import { advanceEndpoint, endpointPolicy, startEndpoint } from "./endpoint.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const geometry = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);
 * const rule = { minTrailingSilenceMs: 40, minUtteranceMs: 0, minWords: 0 };
 * const policy = endpointPolicy({ blankId: 0 }, geometry, { rules: [rule] });
 * // Four frames over [blank, "a"]: a, then three of blank.
 * const logits = new Float32Array([0, 9, 9, 0, 9, 0, 9, 0]);
 * const emissions = emissionsFromLogits(logits, { vocabularySize: 2 });
 * const { events } = advanceEndpoint(startEndpoint(), { emissions, words: [] }, policy);
 * assertEquals(events, [
 *   { kind: "speechStart", startSample: 0 },
 *   { kind: "utteranceEnd", startSample: 0, endSample: 320, atSample: 960, wordCount: 0, rule },
 * ]);
 * ```
 */
export function advanceEndpoint(
  state: EndpointState,
  step: { readonly emissions: Emissions; readonly words: readonly Word[] },
  policy: EndpointPolicy,
): { state: EndpointState; events: EndpointEvent[] } {
  const { emissions, words } = step;
  const { strideSamples } = policy;
  requireNextFrame("find utterances", state.nextFrame, emissions);
  const events: EndpointEvent[] = [];
  let { nextFrame, utterance } = state;
  let wordsTaken = 0;
  const takeWords = () => {
    for (; (words[wordsTaken]?.endSample ?? Infinity) <= nextFrame * strideSamples; wordsTaken++) {
      if (utterance && words[wordsTaken]!.endSample > utterance.startFrame * strideSamples) {
        utterance = { ...utterance, wordCount: utterance.wordCount + 1 };
      }
    }
  };
  takeWords();
  while (nextFrame < endFrameOf(emissions)) {
    if (isSpeech(emissions, nextFrame, policy)) {
      if (utterance === undefined) {
        events.push({ kind: "speechStart", startSample: nextFrame * strideSamples });
        utterance = { startFrame: nextFrame, endFrame: nextFrame, wordCount: 0 };
      }
      utterance = { ...utterance, endFrame: nextFrame + 1 };
    }
    nextFrame++;
    takeWords();
    const rule = utterance && ruleThatHolds(utterance, nextFrame, policy);
    if (utterance === undefined || rule === undefined) continue;
    events.push(utteranceEnd({ nextFrame, utterance }, policy, rule));
    utterance = undefined;
  }
  return { state: { nextFrame, utterance }, events };
}

/** Ends the utterance, as at the end of the stream or a finalize. */
export function flushEndpoint(
  state: EndpointState,
  policy: EndpointPolicy,
): { state: EndpointState; events: EndpointEvent[] } {
  const { nextFrame, utterance } = state;
  return {
    state: { nextFrame, utterance: undefined },
    events: utterance === undefined ? [] : [utteranceEnd({ nextFrame, utterance }, policy)],
  };
}

function isSpeech(emissions: Emissions, frame: number, policy: EndpointPolicy): boolean {
  const row = (frame - emissions.startFrame) * emissions.vocabularySize;
  let silence = 0;
  for (const id of policy.silenceIds) silence += Math.exp(emissions.logProbs[row + id]!);
  return 1 - silence >= policy.speechThreshold;
}

function ruleThatHolds(
  utterance: OpenUtterance,
  nextFrame: number,
  policy: EndpointPolicy,
): EndpointRule | undefined {
  return policy.rules.find(({ rule, trailingSilenceFrames, utteranceFrames }) =>
    nextFrame - utterance.endFrame >= trailingSilenceFrames &&
    nextFrame - utterance.startFrame >= utteranceFrames &&
    utterance.wordCount >= rule.minWords
  )?.rule;
}

function utteranceEnd(
  at: { nextFrame: number; utterance: OpenUtterance },
  policy: EndpointPolicy,
  rule?: EndpointRule,
): EndpointEvent {
  const { nextFrame, utterance: { startFrame, endFrame, wordCount } } = at;
  const { strideSamples } = policy;
  return {
    kind: "utteranceEnd",
    startSample: startFrame * strideSamples,
    endSample: endFrame * strideSamples,
    atSample: nextFrame * strideSamples,
    wordCount,
    rule,
  };
}
