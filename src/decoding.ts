/**
 * How a model's emissions become text: the choice, and the decoder that is chosen.
 *
 * @module
 */
import { beamDecoder } from "./ctc/beam.ts";
import type { CtcDecoder } from "./ctc/decoder.ts";
import { greedyDecoder } from "./ctc/greedy.ts";
import { type LanguageModelWeights, languageScorer } from "./ctc/language_model.ts";
import type { FrameGeometry } from "./geometry.ts";
import type { LanguageModel } from "./language_model.ts";
import type { Spelling } from "./model_vocabulary.ts";
import { msToSamples } from "./units.ts";

/**
 * `greedy` takes the likeliest token of each frame: fastest. `beam` weighs whole texts: with the
 * model's language model if it has one, and as in the options if these are given instead.
 */
export type DecoderChoice = "greedy" | "beam" | BeamSearchOptions;

/** How wide beam search is, and what it heeds. */
export interface BeamSearchOptions {
  /** Most hypotheses kept after a frame. @default {100} */
  readonly beamWidth?: number;
  /** Tokens of a frame below this log-probability are not tried, except its likeliest. @default {-5} */
  readonly minTokenLogProb?: number;
  /** Hypotheses this far in log-probability behind the best one are dropped. @default {10} */
  readonly maxScoreGap?: number;
  /**
   * Time after a token at which only hypotheses are kept that agree with the best one on it: the
   * most that beam search adds to the delay of final words.
   *
   * @default {in streams 800, less where utterances end after less than 1200 ms of silence; Infinity in transcribe}
   */
  readonly settleMs?: number;
  /** What the language model is worth; `false` uses none. @default {what its folder says, else the defaults} */
  readonly languageModel?: LanguageModelOptions | false;
}

/** A language model in beam search. */
export interface LanguageModelOptions extends LanguageModelWeights {
  /** The language model. @default {the model's own} */
  readonly model?: LanguageModel;
}

/** What a decoder is made for. */
export interface DecodingContext {
  /** What emissions mean. */
  readonly spelling: Spelling;
  /** The model's frame grid. */
  readonly geometry: FrameGeometry;
  /** Samples a second. */
  readonly sampleRateHz: number;
  /** `settleMs` where the options do not say. */
  readonly settleMs: number;
}

/**
 * Makes a decoder.
 *
 * @param choice Which; by default `beam` where there is a language model, else `greedy`.
 * @param context What emissions mean, and how soon tokens must settle.
 * @throws {RangeError} If an option is out of range, or a language model is asked for and there is none.
 */
export function createDecoder(
  choice: DecoderChoice | undefined,
  { spelling, geometry, sampleRateHz, settleMs: usualSettleMs }: DecodingContext,
): CtcDecoder<unknown> {
  const { languageModel: own, vocabulary } = spelling;
  const { blankId, wordDelimiterId, tokenText } = vocabulary;
  const asked = choice ?? (own === undefined ? "greedy" : "beam");
  if (asked === "greedy") return greedyDecoder({ blankId });
  const { settleMs = usualSettleMs, languageModel, ...widths } = asked === "beam" ? {} : asked;
  const { model: used = own, ...weights } = languageModel || {};
  if (languageModel && used === undefined) {
    throw new RangeError(
      "Cannot decode with a language model as there is none: give one as languageModel.model, or load the model with one",
    );
  }
  const scorer = languageModel === false || used === undefined
    ? undefined
    : languageScorer(used.ngrams, { wordDelimiterId, tokenText }, { ...used.weights, ...weights });
  const settleAfterFrames = Math.ceil(msToSamples(settleMs, sampleRateHz) / geometry.strideSamples);
  return beamDecoder({
    beamWidth: 100,
    ...widths,
    ...{ blankId, delimiterId: wordDelimiterId, scorer },
    settleAfterFrames: Math.max(1, settleAfterFrames),
  }) as CtcDecoder<unknown>;
}
