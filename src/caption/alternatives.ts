/**
 * The likeliest readings of several words together, from those of each.
 *
 * @module
 */
import type { Alternative, Word } from "./word.ts";

/**
 * The likeliest texts of an utterance, its words read independently of each other.
 *
 * @param words In order. One without alternatives is read as it is.
 * @param count Most texts to give.
 * @returns Likeliest first, all different.
 *
 * @example
 * ```ts
 * import { likeliestTexts } from "./alternatives.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const word = (text: string, other: string, startSample: number) => ({
 *   ...{ text, startSample, endSample: startSample + 320, confidence: 0.9 },
 *   alternatives: [{ text, confidence: 0.75 }, { text: other, confidence: 0.25 }],
 * });
 * const texts = likeliestTexts([word("so", "sew", 0), word("it", "is", 640)], 2);
 * assertEquals(texts[0], { text: "so it", confidence: 0.5625 });
 * assertEquals(texts.length, 2);
 * ```
 */
export function likeliestTexts(words: readonly Word[], count: number): Alternative[] {
  let texts: Alternative[] = [{ text: "", confidence: 1 }];
  for (const { text, confidence, alternatives = [{ text, confidence }] } of words) {
    // the best of all are made of the best before this word
    const longer = texts.flatMap((before) =>
      alternatives.map((word) => ({
        text: `${before.text} ${word.text}`.trim(),
        confidence: before.confidence * word.confidence,
      }))
    );
    texts = distinct(longer).slice(0, count);
  }
  return texts;
}

/** Equal texts as one, the likeliest first. */
export function distinct(alternatives: readonly Alternative[]): Alternative[] {
  const confidences = new Map<string, number>();
  for (const { text, confidence } of alternatives) {
    confidences.set(text, (confidences.get(text) ?? 0) + confidence);
  }
  return [...confidences]
    .map(([text, confidence]) => ({ text, confidence: Math.min(1, confidence) }))
    .sort((a, b) => b.confidence - a.confidence);
}
