/**
 * A recognised word.
 *
 * @module
 */

/** A word with its place in the stream. Words of one stream come in order and do not overlap. */
export interface Word {
  /** As decoded, without spaces around it. */
  text: string;
  /** First sample since stream start. */
  startSample: number;
  /** One past the last sample; above `startSample`. */
  endSample: number;
  /** How likely it is right, 0 to 1. */
  confidence: number;
  /**
   * What may have been said in its place, likeliest first, where `nBest` asks for it: by the
   * sound alone, without a language model, so that the word need not be the first.
   */
  alternatives?: readonly Alternative[];
}

/** A reading of what was said. */
export interface Alternative {
  /** The words. */
  readonly text: string;
  /** How likely it is among all readings, 0 to 1. */
  readonly confidence: number;
}
