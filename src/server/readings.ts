/**
 * What else may have been said, word by word, as the protocols of others have it.
 *
 * @module
 */
import type { Word } from "../caption/word.ts";

/** Most readings that a client may ask for. */
export const MAX_READINGS = 10;

/** Choices of some words in a row. */
interface Reading {
  readonly words: readonly Word[];
  readonly likelihood: number;
}

/**
 * Readings of words, what was committed first, then the likeliest others.
 *
 * @param words In order; one without alternatives is read as it is.
 * @param count Most readings to give, the first included; at least 1.
 * @returns All of different text. A word's confidence is that of its choice.
 */
export function readingsOf(words: readonly Word[], count: number): (readonly Word[])[] {
  if (count === 1) return [words];
  const said = textOf(words);
  let readings: Reading[] = [{ words: [], likelihood: 1 }];
  for (const word of words) {
    const { text, confidence, alternatives = [{ text, confidence }] } = word;
    const longer = readings.flatMap((before) =>
      alternatives.map((choice): Reading => ({
        words: [...before.words, ...wordsOf(choice.text, { ...word, ...choice })],
        likelihood: before.likelihood * choice.confidence,
      }))
    );
    longer.sort((a, b) => b.likelihood - a.likelihood);
    // one more than is wanted, as what was said may be among them
    const unlike = new Map(longer.toReversed().map((reading) => [textOf(reading.words), reading]));
    readings = longer.filter((reading) => unlike.get(textOf(reading.words)) === reading)
      .slice(0, count);
  }
  const others = readings.filter((reading) => textOf(reading.words) !== said);
  return [words, ...others.slice(0, count - 1).map((reading) => reading.words)];
}

/** The text of words. */
export function textOf(words: readonly Word[]): string {
  return words.map(({ text }) => text).join(" ");
}

/** A choice can be no word, or several: these share the time. */
function wordsOf(text: string, place: Word): Word[] {
  const texts = text.split(" ").filter(Boolean);
  const { startSample, endSample, confidence } = place;
  const share = (endSample - startSample) / texts.length;
  return texts.map((text, index) => ({
    ...{ text, confidence },
    startSample: Math.round(startSample + index * share),
    endSample: Math.round(startSample + (index + 1) * share),
  }));
}
