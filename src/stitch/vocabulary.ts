/**
 * What the making of words needs to know of a tokenizer.
 *
 * @module
 */

/**
 * A vocabulary of characters divided by a delimiter (`|` in HuBERT's), or of sub-words
 * of which the first of a word begins with "▁" or a space.
 */
export interface Vocabulary {
  /** The id that stands for no token: `pad_token_id` of the config. */
  readonly blankId: number;
  /** The id that divides words, where there is one. */
  readonly wordDelimiterId?: number | undefined;
  /** Text of a token; empty for tokens that are not text (`<s>`), which are skipped. */
  tokenText(id: number): string;
}
