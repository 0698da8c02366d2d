/**
 * When words were spoken: by forced alignment (CTC Viterbi) with the model itself, offline.
 *
 * @module
 */
import { alignTokens } from "../src/ctc/align.ts";
import type { Emissions } from "../src/ctc/emissions.ts";
import type { FrameGeometry } from "../src/geometry.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import { vocabularyOf } from "../src/model_vocabulary.ts";
import type { Vocabulary } from "../src/stitch/vocabulary.ts";
import { splitTokens } from "../src/stitch/words.ts";
import { samplesToMs } from "../src/units.ts";
import type { LoadedClip } from "./clips.ts";
import { emissionsOf } from "./windows.ts";
import { normalizeText } from "./word_errors.ts";

/** A word and where it lies in the recording. */
export interface SpokenWord {
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * The words of a recording and their times.
 *
 * @param model The model.
 * @param clip The recording; without a transcript its words are what the model hears offline.
 * @throws {RangeError} If no alignment is possible.
 */
export async function spokenWords(
  model: SpeechModel<"ctc">,
  { transcript, samples }: LoadedClip,
): Promise<SpokenWord[]> {
  const { geometry, sampleRateHz } = model;
  const vocabulary = vocabularyOf(model);
  const emissions = await emissionsOf(model, samples);
  const ids = transcript === undefined
    ? likeliestIds(emissions, vocabulary.blankId)
    : tokenIds(transcript, { vocabulary, vocabularySize: emissions.vocabularySize });
  return alignedWords(ids, emissions, { vocabulary, geometry, sampleRateHz });
}

/** Where the tokens of a text lie, as words. */
export function alignedWords(
  ids: readonly number[],
  emissions: Emissions,
  { vocabulary, geometry, sampleRateHz }: {
    vocabulary: Vocabulary;
    geometry: FrameGeometry;
    sampleRateHz: number;
  },
): SpokenWord[] {
  const { tokens } = alignTokens(ids, emissions, vocabulary);
  const rules = { vocabulary, strideSamples: geometry.strideSamples, pauseFrames: Infinity };
  const { words } = splitTokens([...tokens, endOf(vocabulary)], rules);
  return words.map(({ text, startSample, endSample }) => ({
    text,
    startMs: samplesToMs(startSample, sampleRateHz),
    endMs: samplesToMs(endSample, sampleRateHz),
  }));
}

/** A delimiter after the last word. */
function endOf({ wordDelimiterId }: Vocabulary) {
  return { id: wordDelimiterId ?? -1, startFrame: 0, endFrame: 0, probability: 1 };
}

/** Tokens of a text: characters that the vocabulary has, words divided by its delimiter. */
export function tokenIds(
  text: string,
  { vocabulary, vocabularySize }: { vocabulary: Vocabulary; vocabularySize: number },
): number[] {
  const { wordDelimiterId } = vocabulary;
  if (wordDelimiterId === undefined) {
    throw new RangeError(
      "Cannot align a transcript as the model's vocabulary has no word delimiter: leave the " +
        "transcript out of the manifest",
    );
  }
  const ids = new Map<string, number>();
  for (let id = 0; id < vocabularySize; id++) ids.set(vocabulary.tokenText(id).toLowerCase(), id);
  ids.set(" ", wordDelimiterId);
  const known = [...normalizeText(text)].filter((character) => ids.has(character)).join("");
  return [...known.replaceAll(/ +/g, " ").trim()].map((character) => ids.get(character)!);
}

/** The tokens of the likeliest path. */
function likeliestIds({ logProbs, frameCount, vocabularySize }: Emissions, blankId: number) {
  const path = Array.from({ length: frameCount }, (_, frame) => {
    const row = logProbs.subarray(frame * vocabularySize, (frame + 1) * vocabularySize);
    return row.reduce((best, value, id) => value > row[best]! ? id : best, 0);
  });
  return path.filter((id, frame) => id !== path[frame - 1] && id !== blankId);
}
