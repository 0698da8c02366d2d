/**
 * The golden cases: checkpoints, inputs, and what transformers makes of them.
 * `tests/golden/README.md` says what each tensor is.
 *
 * @module
 */
import { fromFileUrl, join } from "../src/std.ts";
import { elementCount } from "../src/tensor.ts";

/** One case of `cases.json`. */
export interface GoldenCase {
  readonly name: string;
  /** Folder of the checkpoint, inside the folder of all cases. */
  readonly checkpoint: string;
  /** Class that computed the outputs, e.g. `HubertForCTC`. */
  readonly class_name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Samples of each row before padding, of cases that take samples. */
  readonly sample_counts?: readonly number[];
  /** Frames of each row: of its own samples with `attention_mask`, of the padded ones without. */
  readonly frame_counts: readonly number[];
  readonly options?: { readonly target_lang?: string };
  /** The transcripts, where the checkpoint has a vocabulary. */
  readonly text?: readonly string[];
}

/** A tensor of a golden file; numbers whatever their type on disk. */
export interface GoldenTensor {
  readonly data: Float32Array | Int32Array | Uint8Array;
  readonly shape: readonly number[];
}

/** The tensors of a case by their names. */
export interface GoldenTensors {
  readonly inputs: Readonly<Record<string, GoldenTensor>>;
  readonly expected: Readonly<Record<string, GoldenTensor>>;
}

/** Where the committed cases lie. */
export const GOLDEN_FOLDER: string = fromFileUrl(new URL("golden", import.meta.url));

/** Every case of a folder, in the order they were made. */
export function goldenCases(folder: string = GOLDEN_FOLDER): GoldenCase[] {
  return JSON.parse(Deno.readTextFileSync(join(folder, "cases.json")));
}

/** The tensors of one case. */
export function goldenTensors({ name }: GoldenCase, folder: string = GOLDEN_FOLDER): GoldenTensors {
  return {
    inputs: readGoldenTensors(join(folder, name, "inputs.safetensors")),
    expected: readGoldenTensors(join(folder, name, "expected.safetensors")),
  };
}

const ARRAYS = { F32: Float32Array, I32: Int32Array, U8: Uint8Array } as const;

interface TensorHeader {
  readonly dtype: keyof typeof ARRAYS;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

/** Reads a safetensors file of ours: trusted, and of three element types. */
export function readGoldenTensors(path: string): Record<string, GoldenTensor> {
  const bytes = Deno.readFileSync(path);
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header: Record<string, TensorHeader> = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)),
  );
  delete header.__metadata__;
  return Object.fromEntries(
    Object.entries(header).map(([name, { dtype, shape, data_offsets: [start, end] }]) => {
      const base = 8 + headerLength;
      return [name, {
        data: new ARRAYS[dtype](bytes.slice(base + start, base + end).buffer),
        shape,
      }];
    }),
  );
}

/** The largest difference between two lists of numbers, and where it is. */
export function worstDifference(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): { difference: number; index: number } {
  let worst = { difference: 0, index: 0 };
  for (let index = 0; index < expected.length; index++) {
    const [a, b] = [actual[index]!, expected[index]!];
    const difference = Object.is(a, b) || a === b ? 0 : Math.abs(a - b);
    if (Number.isNaN(difference)) return { difference: NaN, index };
    if (difference > worst.difference) worst = { difference, index };
  }
  return worst;
}

/**
 * Fails unless two tensors have the same shape and no element differs by more
 * than `atol`. Says where the worst difference is.
 */
export function assertAllClose(
  actual: { readonly data: ArrayLike<number>; readonly shape: readonly number[] },
  expected: { readonly data: ArrayLike<number>; readonly shape: readonly number[] },
  { atol, name = "tensor" }: { atol: number; name?: string },
): void {
  if (
    actual.shape.join() !== expected.shape.join() ||
    actual.data.length !== elementCount(expected.shape)
  ) {
    throw new Error(`${name} has shape [${actual.shape}], expected [${expected.shape}]`);
  }
  const { difference, index } = worstDifference(actual.data, expected.data);
  if (difference <= atol) return;
  const position = unravel(index, expected.shape);
  throw new Error(
    `${name} differs by ${difference} at [${position}], more than ${atol}: ` +
      `is ${actual.data[index]}, expected ${expected.data[index]}`,
  );
}

function unravel(index: number, shape: readonly number[]): number[] {
  return shape.toReversed().map((length) => {
    const position = index % length;
    index = Math.floor(index / length);
    return position;
  }).toReversed();
}
