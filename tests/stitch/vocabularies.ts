/**
 * Small vocabularies for the tests.
 *
 * @module
 */
import type { Vocabulary } from "../../src/stitch/vocabulary.ts";

/** Characters and a delimiter, in HuBERT's order: `<pad>` is the blank, `<s>` is no text. */
export const CHARACTERS = ["<pad>", "<s>", "|", "a", "b", "l", "n", "o", "s"];

/** A vocabulary of {@linkcode CHARACTERS}. */
export const characters: Vocabulary = {
  blankId: 0,
  wordDelimiterId: 2,
  tokenText: (id) => id < 2 ? "" : CHARACTERS[id]!,
};

/** Sub-words; the blank comes last. */
export const PIECES = ["<unk>", "▁", "▁ba", "▁so", "ll", "oon", "▁s", "s", "<pad>"];

/** A vocabulary of {@linkcode PIECES}. */
export const pieces: Vocabulary = {
  blankId: 8,
  tokenText: (id) => id === 0 || id === 8 ? "" : PIECES[id]!,
};
