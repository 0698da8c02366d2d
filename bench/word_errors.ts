/**
 * Word and character error rates.
 *
 * @module
 */
import type { Count } from "./statistics.ts";

/**
 * A transcript as it is scored: lower-case letters, digits and apostrophes, words divided by single
 * spaces. Nothing is spelled out: a manifest with "1862" asks for those digits.
 */
export function normalizeText(text: string): string {
  return text.normalize("NFKC").toLowerCase()
    .replaceAll(/[’‘ʼ]/g, "'")
    .replaceAll(/[^\p{L}\p{M}\p{N}']+/gu, " ")
    .replaceAll(/(?<![\p{L}\p{N}])'+|'+(?![\p{L}\p{N}])/gu, "")
    .replaceAll(/ +/g, " ").trim();
}

/** How one sequence becomes another with the fewest changes (Levenshtein). */
export function editDistance(from: readonly string[], to: readonly string[]): number {
  let row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (const [i, left] of from.entries()) {
    const next = [i + 1];
    for (const [j, right] of to.entries()) {
      next.push(
        Math.min(row[j]! + (left === right ? 0 : 1), row[j + 1]! + 1, next[j]! + 1),
      );
    }
    row = next;
  }
  return row[to.length]!;
}

/** Wrong words, and words said. */
export function wordErrors(said: string, heard: string): Count {
  const [truth, words] = [said, heard].map((text) =>
    normalizeText(text).split(" ").filter(Boolean)
  ) as [string[], string[]];
  return [editDistance(truth, words), truth.length];
}

/** Wrong characters, spaces among them, and characters said. */
export function characterErrors(said: string, heard: string): Count {
  const [truth, letters] = [said, heard].map((text) => [...normalizeText(text)]) as [
    string[],
    string[],
  ];
  return [editDistance(truth, letters), truth.length];
}
