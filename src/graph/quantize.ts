/**
 * Weights in fewer bits: pure functions from f32 matrices to packed ones.
 *
 * @module
 */

/** A matrix in signed bytes, one scale a column. */
export interface Int8Matrix {
  /** [K, N], row-major. */
  readonly values: Int8Array;
  /** [N]; weight[k, n] ≈ values[k, n] · scales[n]. */
  readonly scales: Float32Array;
}

/**
 * Quantises each output column symmetrically to −127 … 127.
 *
 * @param weight [N, K] row-major, as PyTorch keeps a Linear's weight.
 * @returns The transposed matrix [K, N], as ONNX's MatMul takes it.
 */
export function quantizeInt8(weight: Float32Array, outSize: number, inSize: number): Int8Matrix {
  const values = new Int8Array(weight.length);
  const scales = new Float32Array(outSize);
  for (let n = 0; n < outSize; n++) {
    const row = weight.subarray(n * inSize, (n + 1) * inSize);
    let peak = 0;
    for (const value of row) peak = Math.max(peak, Math.abs(value));
    const scale = peak === 0 ? 1 : peak / 127;
    scales[n] = scale;
    for (let k = 0; k < inSize; k++) values[k * outSize + n] = Math.round(row[k]! / scale);
  }
  return { values, scales };
}

/** A matrix in blocks of 4 or 8 bits, as `com.microsoft.MatMulNBits` takes it. */
export interface BlockMatrix {
  /** [N, blockCount, blockSize · bits / 8]; the lower nibble comes first. */
  readonly packed: Uint8Array;
  /** [N · blockCount]; weight ≈ (q − 2^(bits−1)) · scale. */
  readonly scales: Float32Array;
  /** Blocks in a row. */
  readonly blockCount: number;
}

/**
 * Quantises blocks of `blockSize` inputs symmetrically around 2^(bits−1).
 * The scale keeps the sign of the block's largest weight, so that the extra
 * negative code is used (as ONNX Runtime's own quantiser does).
 *
 * @param weight [N, K] row-major.
 * @see {@link https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits}
 */
export function quantizeBlocks(
  weight: Float32Array,
  { outSize, inSize, bits, blockSize }: {
    outSize: number;
    inSize: number;
    bits: 4 | 8;
    blockSize: number;
  },
): BlockMatrix {
  const blockCount = Math.ceil(inSize / blockSize);
  const middle = 2 ** (bits - 1);
  const bytesPerBlock = blockSize * bits / 8;
  const packed = new Uint8Array(outSize * blockCount * bytesPerBlock);
  const scales = new Float32Array(outSize * blockCount);
  for (let n = 0; n < outSize; n++) {
    for (let block = 0; block < blockCount; block++) {
      const start = n * inSize + block * blockSize;
      const values = weight.subarray(start, Math.min(start + blockSize, (n + 1) * inSize));
      const scale = blockScale(values, middle);
      scales[n * blockCount + block] = scale;
      const target = (n * blockCount + block) * bytesPerBlock;
      for (let k = 0; k < blockSize; k++) {
        const level = Math.round((values[k] ?? 0) / scale) + middle;
        const code = Math.min(Math.max(level, 0), 2 * middle - 1);
        if (bits === 8) packed[target + k] = code;
        else packed[target + (k >> 1)]! |= k % 2 === 0 ? code : code << 4;
      }
    }
  }
  return { packed, scales, blockCount };
}

function blockScale(values: Float32Array, middle: number): number {
  let peak = 0;
  for (const value of values) if (Math.abs(value) > Math.abs(peak)) peak = value;
  return peak === 0 ? 1 : -peak / middle;
}
