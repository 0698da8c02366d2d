/**
 * Checkpoint files made in memory, sound or not, and where tests put them.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { join } from "../../src/std.ts";

/** A folder that goes away with its scope. */
export class TemporaryFolder implements AsyncDisposable {
  /** Where it is. */
  readonly path: string = Deno.makeTempDirSync();

  /** Writes a file into it and returns its path. */
  async write(name: string, content: Uint8Array | string | object): Promise<string> {
    const path = join(this.path, name);
    await Deno.mkdir(join(path, ".."), { recursive: true });
    if (content instanceof Uint8Array) await Deno.writeFile(path, content);
    else {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      await Deno.writeTextFile(path, text);
    }
    return path;
  }

  async [Symbol.asyncDispose]() {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Joins byte arrays. */
export function concat(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

const TEXT = new TextEncoder();

function littleEndian(value: number | bigint, byteLength: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes.subarray(0, byteLength);
}

/** A safetensors file of this header, as it is, and `dataBytes` bytes of data. */
export function safetensors(
  header: object | string,
  dataBytes: number,
  headerBytes?: number | bigint,
): Uint8Array {
  const text = TEXT.encode(typeof header === "string" ? header : JSON.stringify(header));
  const data = Uint8Array.from({ length: dataBytes }, (_, i) => i);
  return concat(littleEndian(headerBytes ?? text.length, 8), text, data);
}

/** A safetensors file of one-dimensional F32 tensors. */
export function safetensorsOf(tensors: Record<string, readonly number[]>): Uint8Array {
  const header: Record<string, object> = {};
  let position = 0;
  for (const [name, values] of Object.entries(tensors)) {
    const end = position + 4 * values.length;
    header[name] = { dtype: "F32", shape: [values.length], data_offsets: [position, end] };
    position = end;
  }
  const text = TEXT.encode(JSON.stringify(header));
  const data = new Float32Array(Object.values(tensors).flat());
  return concat(littleEndian(text.length, 8), text, new Uint8Array(data.buffer));
}

/** Instructions of a pickle, for tests to put together. */
export const op = {
  proto: [0x80, 2],
  stop: [0x2e],
  mark: [0x28],
  emptyTuple: [0x29],
  tuple: [0x74],
  tuple1: [0x85],
  tuple2: [0x86],
  emptyDict: [0x7d],
  emptyList: [0x5d],
  append: [0x61],
  appends: [0x65],
  setItem: [0x73],
  setItems: [0x75],
  reduce: [0x52],
  build: [0x62],
  persistentId: [0x51],
  stackGlobal: [0x93],
  none: [0x4e],
  int: (value: number): number[] => [0x4a, ...littleEndian(value >>> 0, 4)],
  long: (...bytes: number[]): number[] => [0x8a, bytes.length, ...bytes],
  text: (value: string): number[] => {
    const bytes = TEXT.encode(value);
    return [0x58, ...littleEndian(bytes.length, 4), ...bytes];
  },
  global: (module: string, name: string): number[] => [
    0x63,
    ...TEXT.encode(`${module}\n${name}\n`),
  ],
  put: (index: number): number[] => [0x71, index],
  get: (index: number): number[] => [0x68, index],
} as const;

/** What is said of a tensor. */
export interface TensorPickleOptions {
  elements?: number;
  offset?: number;
  shape?: number[];
  strides?: number[];
  /** The old format ends the description of a storage with its view, or none. */
  isLegacy?: boolean;
}

/** Pushes a float tensor in storage "0". */
export function tensorPickle(options: TensorPickleOptions = {}): number[] {
  const { elements = 4, offset = 0, shape = [4], strides = [1], isLegacy = false } = options;
  const ints = (values: number[]) => [...op.mark, ...values.flatMap(op.int), ...op.tuple];
  return [
    ...op.global("torch._utils", "_rebuild_tensor_v2"),
    ...op.mark,
    ...[...op.mark, ...op.text("storage"), ...op.global("torch", "FloatStorage")],
    ...[...op.text("0"), ...op.text("cpu"), ...op.int(elements)],
    ...[...(isLegacy ? op.none : []), ...op.tuple, ...op.persistentId],
    ...[...op.int(offset), ...ints(shape), ...ints(strides)],
    ...[...op.none, ...op.none, ...op.tuple, ...op.reduce],
  ];
}

/** A state dict `{ w: … }` around a tensor. */
export function statePickle(tensor: readonly number[]): Uint8Array {
  return concat(op.proto, op.emptyDict, op.text("w"), tensor, op.setItem, op.stop);
}

/** One entry of a zip file, with what it lies about. */
export interface ZipPart {
  name: string;
  data: Uint8Array;
  method?: number;
  compressedSize?: number;
  size?: number;
  crc?: number;
  offset?: number;
}

/** A zip file, as PyTorch writes it: nothing compressed. */
export function zip(parts: readonly ZipPart[]): Uint8Array {
  const body: number[] = [];
  const directory: number[] = [];
  for (const part of parts) {
    const name = TEXT.encode(part.name);
    const { data, method = 0, size = data.length, compressedSize = size } = part;
    const common = concat(
      ...[littleEndian(0x0800, 2), littleEndian(method, 2), littleEndian(0, 4)],
      ...[littleEndian(part.crc ?? crc32(data), 4), littleEndian(compressedSize, 4)],
      ...[littleEndian(size, 4), littleEndian(name.length, 2), littleEndian(0, 2)],
    );
    const offset = littleEndian(part.offset ?? body.length, 4);
    body.push(...concat(littleEndian(0x04034b50, 4), [20, 0], common, name, data));
    directory.push(
      ...concat(littleEndian(0x02014b50, 4), [20, 0, 20, 0], common, new Uint8Array(10)),
      ...concat(offset, name),
    );
  }
  const counts = concat(littleEndian(parts.length, 2), littleEndian(parts.length, 2));
  const extent = concat(littleEndian(directory.length, 4), littleEndian(body.length, 4));
  const end = concat(littleEndian(0x06054b50, 4), new Uint8Array(4), counts, extent, [0, 0]);
  return concat(body, directory, end);
}

/** A file of `torch.save` around a pickle, with one storage of four floats. */
export function torchZip(pickle: Uint8Array, changes: Partial<ZipPart> = {}): Uint8Array {
  const storage = new Uint8Array(new Float32Array([1, 2, 3, 4]).buffer);
  return zip([
    { name: "archive/data.pkl", data: pickle },
    { name: "archive/data/0", data: storage, ...changes },
  ]);
}
