/**
 * What every decoder yields.
 *
 * @module
 */

/** A stretch of decoded audio; blocks follow each other without gap. */
export interface AudioBlock {
  /** One array for each channel, all of one length, at least one sample. // [C][S] */
  channels: Float32Array[];
  /** Samples of each channel per second. May change from block to block in joined files. */
  sampleRateHz: number;
}
