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
}
