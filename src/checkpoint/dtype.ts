/**
 * The element types of checkpoints: their sizes, and their widening to 32-bit floats.
 *
 * @module
 */
import type { WeightDtype } from "./weights.ts";

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<WeightDtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/** Whether a word names an element type. */
export function isWeightDtype(word: unknown): word is WeightDtype {
  return typeof word === "string" && Object.hasOwn(ELEMENT_BYTES, word);
}

/**
 * Little-endian elements as 32-bit floats. For F32 the result shares memory with `bytes`.
 *
 * @param bytes Whole elements, at an offset of 0 in a buffer of their own.
 * @param dtype Their type.
 * @returns One float for each element; integers beyond 2^24 and F64 are rounded.
 */
export function widen(bytes: Uint8Array<ArrayBuffer>, dtype: WeightDtype): Float32Array {
  const { buffer } = bytes;
  switch (dtype) {
    case "F32":
      return new Float32Array(buffer);
    case "F16":
      return new Float32Array(new Float16Array(buffer));
    case "BF16":
      return widenBfloat16(new Uint16Array(buffer));
    case "F64":
      return new Float32Array(new Float64Array(buffer));
    case "I64":
      return widenBigInts(new BigInt64Array(buffer));
    case "U64":
      return widenBigInts(new BigUint64Array(buffer));
    case "I32":
      return new Float32Array(new Int32Array(buffer));
    case "U32":
      return new Float32Array(new Uint32Array(buffer));
    case "I16":
      return new Float32Array(new Int16Array(buffer));
    case "U16":
      return new Float32Array(new Uint16Array(buffer));
    case "I8":
      return new Float32Array(new Int8Array(buffer));
    case "U8":
      return new Float32Array(bytes);
    case "BOOL":
      return Float32Array.from(bytes, (byte) => byte === 0 ? 0 : 1);
    default:
      return dtype satisfies never;
  }
}

/** A bfloat16 is the upper half of a 32-bit float. */
function widenBfloat16(halves: Uint16Array): Float32Array {
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}

function widenBigInts(integers: BigInt64Array | BigUint64Array): Float32Array {
  const floats = new Float32Array(integers.length);
  for (let i = 0; i < integers.length; i++) floats[i] = Number(integers[i]);
  return floats;
}
