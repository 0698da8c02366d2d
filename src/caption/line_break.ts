/**
 * Text in lines of limited length, as subtitles show it.
 *
 * @module
 */

/**
 * Breaks words into as few lines as they need, of about equal length.
 *
 * A word longer than a line stands alone and sticks out.
 *
 * @param texts Words without spaces.
 * @param maxLineLength Most characters in a line.
 * @returns The lines, from top to bottom.
 *
 * @example
 * ```ts
 * import { breakLines } from "./line_break.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(breakLines("the boat left before sunrise".split(" "), 20), [
 *   "the boat left",
 *   "before sunrise",
 * ]);
 * ```
 */
export function breakLines(texts: readonly string[], maxLineLength: number): string[] {
  const lineCount = lineCountOf(texts, maxLineLength);
  // The narrowest width with as few lines makes the longest line as short as can be.
  let width = Math.ceil(textLength(texts.join(" ")) / Math.max(1, lineCount)) - 1;
  while (width < maxLineLength && lineCountOf(texts, width) > lineCount) width++;
  return fillFromBelow(texts, Math.min(width, maxLineLength));
}

/** Lines that words need. */
export function lineCountOf(texts: readonly string[], maxLineLength: number): number {
  return fillFromBelow(texts, maxLineLength).length;
}

/** Characters of a text, each counted once whatever it takes to store. */
export function textLength(text: string): number {
  let length = 0;
  for (const _ of text) length++;
  return length;
}

/** Fills the last line first, then the one above: what is left over makes the top line short. */
function fillFromBelow(texts: readonly string[], maxLineLength: number): string[] {
  const lines: string[] = [];
  for (const text of texts.toReversed()) {
    const line = lines.at(-1);
    if (line !== undefined && textLength(text) + 1 + textLength(line) <= maxLineLength) {
      lines[lines.length - 1] = `${text} ${line}`;
    } else {
      lines.push(text);
    }
  }
  return lines.reverse();
}
