/**
 * Matrices back from few bits, as bitsandbytes packs them: pure functions to 32-bit floats.
 *
 * @module
 */

/**
 * Eight bits: a signed byte a weight, its 127 the largest magnitude of its row.
 *
 * @param values [N, K], −127 … 127; becomes the result.
 * @param peaks [N], the largest magnitude of each row.
 * @returns [N, K]; weight[n, k] = values[n, k] · peaks[n] / 127.
 */
export function dequantizeRows(values: Float32Array, peaks: Float32Array): Float32Array {
  const columnCount = values.length / peaks.length;
  for (let row = 0; row < peaks.length; row++) {
    const scale = peaks[row]! / 127;
    const end = (row + 1) * columnCount;
    for (let i = row * columnCount; i < end; i++) values[i]! *= scale;
  }
  return values;
}

/** What numbers of a few bits stand for, with a factor for each block of them. */
export interface BlockScales {
  /** What each code stands for. */
  readonly levels: Float32Array;
  /** A factor for each block. */
  readonly scales: Float32Array;
  /** Codes in a block; the last one may have fewer. */
  readonly blockSize: number;
}

/**
 * Numbers of a few bits each, one block after the other.
 *
 * @param codes One a weight.
 * @returns value[i] = levels[codes[i]] · scales[⌊i / blockSize⌋].
 */
export function dequantizeBlocks(
  codes: ArrayLike<number>,
  { levels, scales, blockSize }: BlockScales,
): Float32Array {
  const values = new Float32Array(codes.length);
  for (let block = 0; block < scales.length; block++) {
    const end = Math.min((block + 1) * blockSize, codes.length);
    for (let i = block * blockSize; i < end; i++) values[i] = levels[codes[i]!]! * scales[block]!;
  }
  return values;
}

/** Two codes of four bits to a byte, the upper ones first. */
export function unpackNibbles(bytes: ArrayLike<number>, codeCount: number): Uint8Array {
  const codes = new Uint8Array(codeCount);
  for (let i = 0; i < codeCount; i++) {
    const byte = bytes[i >> 1]!;
    codes[i] = i % 2 === 0 ? byte >> 4 : byte & 15;
  }
  return codes;
}
