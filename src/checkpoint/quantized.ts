/**
 * Weights that are quantised on disk, as transformers saves them with bitsandbytes, under the
 * names and shapes of the matrices they stand for.
 *
 * Eight bits: `x.weight` in signed bytes [N, K] and `x.SCB` [N], the largest magnitude of each row.
 * Four bits: `x.weight` with two codes a byte, and beside it `x.weight.quant_map` (what the codes
 * stand for), `x.weight.absmax` (a factor a block) and `x.weight.quant_state.bitsandbytes__nf4` or
 * `…__fp4` (the rest, in JSON). With double quantisation `absmax` is in codes too, of eight bits,
 * and has a `nested_quant_map` and a `nested_absmax` of its own.
 *
 * @module
 */
import { CheckpointError, UnsupportedConfigError } from "../errors.ts";
import { elementCount } from "../tensor.ts";
import { dequantizeBlocks, dequantizeRows, unpackNibbles } from "./dequantize.ts";
import { reasonOf, shown } from "./messages.ts";
import type { Packing, WeightDtype, WeightInfo, WeightStore } from "./weights.ts";

/** `bitsandbytes` is what older files mean that only say `load_in_8bit`. */
const METHOD = "bitsandbytes";
const SUPPORTED = `"${METHOD}" with 8 or 4 bits: ` +
  "take the model this one was quantised from, or quantise that one with BitsAndBytesConfig";

/**
 * Refuses weights that are quantised in a way this library does not read.
 *
 * @param config Contents of a `config.json`.
 * @throws {UnsupportedConfigError} Naming the method.
 */
export function checkQuantization(config: unknown, options: { path?: string } = {}): void {
  const { quantization_config: how } = (config ?? {}) as { quantization_config?: unknown };
  if (how === undefined || how === null) return;
  const { quant_method: method, load_in_8bit, load_in_4bit } = how as Record<string, unknown>;
  if (method === METHOD || (method === undefined && (load_in_8bit || load_in_4bit))) return;
  throw new UnsupportedConfigError("quantization_config.quant_method", method, SUPPORTED, options);
}

/** A matrix that lies in several tensors. */
interface PackedMatrix extends WeightInfo {
  readonly packing: Packing;
  /** Names of the tensors beside `x.weight` it is made of. */
  readonly parts: readonly string[];
  /** Its values, row-major. */
  read(): Promise<Float32Array>;
}

/**
 * Weights where each quantised matrix is one tensor of floats.
 *
 * @param store The tensors as they are on disk; closed with the result, and on failure.
 * @returns The same, of whole matrices; the store itself where nothing is quantised.
 * @throws {CheckpointError} If parts are missing or do not fit together.
 */
export async function dequantized(store: WeightStore): Promise<WeightStore> {
  try {
    const matrices = await packedMatrices(store);
    if (matrices.size === 0) return store;
    const tensors = new Map<string, WeightInfo>([...store.tensors, ...matrices]);
    for (const { parts } of matrices.values()) parts.forEach((name) => tensors.delete(name));
    return {
      tensors,
      read: (name) => matrices.get(name)?.read() ?? store.read(name),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

async function packedMatrices(store: WeightStore): Promise<Map<string, PackedMatrix>> {
  const matrices = new Map<string, PackedMatrix>();
  for (const [name, { dtype }] of store.tensors) {
    const matrix = /\.quant_state\.bitsandbytes__(nf4|fp4)$/.exec(name);
    if (matrix) {
      const weight = name.slice(0, matrix.index);
      const format = matrix[1] as "nf4" | "fp4";
      matrices.set(weight, await fourBits(store, weight, { stateName: name, format }));
    } else if (dtype === "I8" && name.endsWith(".weight")) {
      matrices.set(name, eightBits(store, name));
    }
  }
  return matrices;
}

function eightBits(store: WeightStore, name: string): PackedMatrix {
  const { shape } = store.tensors.get(name)!;
  const module = name.slice(0, -".weight".length);
  const [peaks, format] = [`${module}.SCB`, `${module}.weight_format`];
  if (shape.length !== 2) throw unfit(name, `[${shape}] is not a matrix`);
  expectTensor(store, peaks, { length: shape[0]!, dtypes: FLOATS });
  const hasFormat = store.tensors.has(format);
  return {
    dtype: "I8",
    shape,
    packing: { format: "int8", isDouble: false },
    parts: hasFormat ? [peaks, format] : [peaks],
    async read() {
      const [order] = hasFormat ? await store.read(format) : [ROW_MAJOR];
      if (order !== ROW_MAJOR) {
        throw unfit(
          name,
          `its order is that of a certain GPU (${format} is ${order}): save it with a newer bitsandbytes`,
        );
      }
      return dequantizeRows(await store.read(name), await store.read(peaks));
    },
  };
}

/** The one order of a matrix in eight bits that bitsandbytes still writes. */
const ROW_MAJOR = 0;

/** What a `quant_state` says. */
interface QuantState {
  readonly shape: readonly number[];
  readonly blockSize: number;
  /** Of double quantisation. */
  readonly nested: { readonly blockSize: number; readonly offset: number } | undefined;
}

async function fourBits(
  store: WeightStore,
  name: string,
  { stateName, format }: { stateName: string; format: "nf4" | "fp4" },
): Promise<PackedMatrix> {
  const { shape, blockSize, nested } = await readState(store, stateName);
  const codeCount = elementCount(shape);
  const blockCount = Math.ceil(codeCount / blockSize);
  const part = (suffix: string, length: number, dtypes: readonly WeightDtype[]) => {
    expectTensor(store, `${name}${suffix}`, { length, dtypes });
    return `${name}${suffix}`;
  };
  part("", Math.ceil(codeCount / 2), BYTES);
  const levels = part(".quant_map", 16, FLOATS);
  const scales = part(".absmax", blockCount, nested ? BYTES : FLOATS);
  const above = nested && {
    levels: part(".nested_quant_map", 256, FLOATS),
    scales: part(".nested_absmax", Math.ceil(blockCount / nested.blockSize), FLOATS),
  };
  const readScales = async () => {
    const factors = await store.read(scales);
    if (!above || !nested) return factors;
    return dequantizeBlocks(factors, {
      levels: await store.read(above.levels),
      scales: await store.read(above.scales),
      blockSize: nested.blockSize,
    }).map((factor) => factor + nested.offset);
  };
  return {
    dtype: "U8",
    shape,
    packing: { format, isDouble: nested !== undefined },
    parts: [stateName, levels, scales, ...(above ? Object.values(above) : [])],
    read: async () =>
      dequantizeBlocks(unpackNibbles(await store.read(name), codeCount), {
        levels: await store.read(levels),
        scales: await readScales(),
        blockSize,
      }),
  };
}

/** More than bitsandbytes writes by far. */
const MAX_STATE_BYTES = 4096;

async function readState(store: WeightStore, name: string): Promise<QuantState> {
  const { dtype, shape: [byteLength = 0] } = store.tensors.get(name)!;
  if (dtype !== "U8" || byteLength > MAX_STATE_BYTES) {
    throw unfit(name, `it is not JSON of at most ${MAX_STATE_BYTES} bytes`);
  }
  const text = new TextDecoder().decode(Uint8Array.from(await store.read(name)));
  let state: Record<string, unknown>;
  try {
    state = JSON.parse(text) ?? {};
  } catch (cause) {
    throw unfit(name, `it is not JSON: ${reasonOf(cause)}`);
  }
  const { shape, blocksize, nested_blocksize, nested_offset = 0 } = state;
  const isNested = nested_blocksize !== undefined;
  if (
    !Array.isArray(shape) || !shape.every(isCount) || !isCount(blocksize) ||
    (isNested && !isCount(nested_blocksize)) || typeof nested_offset !== "number"
  ) {
    throw unfit(name, `it does not say the shape and the size of blocks: ${shown(state)}`);
  }
  const nested = isNested
    ? { blockSize: nested_blocksize as number, offset: nested_offset }
    : undefined;
  return { shape, blockSize: blocksize, nested };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

const BYTES: readonly WeightDtype[] = ["U8"];
const FLOATS: readonly WeightDtype[] = ["F32", "F16", "BF16"];

function expectTensor(
  { tensors }: WeightStore,
  name: string,
  { length, dtypes }: { length: number; dtypes: readonly WeightDtype[] },
): void {
  const found = tensors.get(name);
  const expected = `${length} numbers of type ${dtypes.join(" or ")}`;
  if (!found) throw unfit(name, `it is not there; expected are ${expected}`);
  if (elementCount(found.shape) !== length || !dtypes.includes(found.dtype)) {
    throw unfit(name, `it is [${found.shape}] of type ${found.dtype}; expected are ${expected}`);
  }
}

function unfit(name: string, reason: string): CheckpointError {
  return new CheckpointError(
    `Cannot read the quantised weights as ${shown(name)} does not fit: ${reason}`,
  );
}
