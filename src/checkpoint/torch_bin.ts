/**
 * `pytorch_model.bin`: a state dict written by `torch.save`, as the zip file of
 * PyTorch 1.6 and later, or as the row of pickles from before.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import { CheckpointError } from "../errors.ts";
import { ELEMENT_BYTES, widen } from "./dtype.ts";
import { reasonOf, shown } from "./messages.ts";
import { PickleEndError, unpickle } from "./pickle.ts";
import { RangeFile } from "./range_file.ts";
import {
  gather,
  storageFrom,
  TORCH_GLOBALS,
  type TorchStorage,
  TorchTensor,
} from "./torch_tensor.ts";
import type { WeightStore } from "./weights.ts";
import { readZipDirectory, type ZipEntry } from "./zip.ts";

/** Largest pickle read; that of a thousand tensors takes 200 kB. */
const MAX_PICKLE_BYTES = 64 << 20;
/** First guess at the length of a pickle that does not say it. */
const PICKLE_WINDOW_BYTES = 1 << 16;
/** First value of a file in the old format. */
const LEGACY_MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_VERSION = 1001;

/** Where storages lie in the file, by their keys. */
type Storages = ReadonlyMap<string, ZipEntry>;

/**
 * Opens a state dict that `torch.save` wrote.
 *
 * @param path The file.
 * @returns Its tensors; close it after use.
 * @throws {CheckpointError} If the file is damaged, or holds more than tensors.
 */
export async function openTorchBin(path: string): Promise<WeightStore> {
  const file = await RangeFile.open(path);
  try {
    const head = await file.read(0, Math.min(4, file.byteLength));
    const isZip = head.length === 4 && head[0] === 0x50 && head[1] === 0x4b;
    return isZip ? await openZip(file) : await openLegacy(file);
  } catch (error) {
    await file.close();
    if (error instanceof CheckpointError) throw error;
    if (error instanceof TypeError || error instanceof RangeError) {
      throw damage(file, reasonOf(error), error);
    }
    throw error;
  }
}

class TorchStore implements WeightStore {
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  readonly #file: RangeFile;
  readonly #storages: Storages;

  constructor(file: RangeFile, state: unknown, storages: Storages) {
    this.#file = file;
    this.tensors = tensorsOf(file, state);
    this.#storages = storages;
    for (const [name, tensor] of this.tensors) this.#checkStorage(name, tensor.storage);
  }

  #checkStorage(name: string, { key, totalBytes }: TorchStorage) {
    const byteLength = this.#storages.get(key)?.byteLength ?? 0;
    if (byteLength < totalBytes) {
      throw damage(
        this.#file,
        `storage ${shown(key)} of tensor ${shown(name)} has ${byteLength} bytes ` +
          `where ${totalBytes} are said to be`,
      );
    }
  }

  async read(name: string): Promise<Float32Array> {
    const tensor = this.tensors.get(name);
    if (!tensor) {
      throw damage(this.#file, `there is no tensor of that name: ${shown(name)}`);
    }
    const entry = this.#storages.get(tensor.storage.key);
    if (!entry) return new Float32Array(0); // an empty storage need not be there
    const bytes = await this.#file.read(entry.startByte + tensor.startByte, tensor.byteLength);
    if (bytes.length === entry.byteLength) checkCrc(this.#file, bytes, entry);
    return gather(widen(bytes, tensor.dtype), tensor);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }
}

/** The entries of a state dict that are tensors. */
function tensorsOf(file: RangeFile, state: unknown): Map<string, TorchTensor> {
  if (!(state instanceof Map)) throw damage(file, "it holds something else than a state dict");
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of state) {
    if (typeof name === "string" && value instanceof TorchTensor) tensors.set(name, value);
  }
  if (tensors.size === 0 && state.size > 0) {
    const keys = [...state.keys()].filter((key) => typeof key === "string").slice(0, 5);
    throw damage(
      file,
      `it holds no tensors but ${shown(keys)}: of a training checkpoint, save the state dict ` +
        "of the model alone",
    );
  }
  return tensors;
}

async function openZip(file: RangeFile): Promise<WeightStore> {
  const entries = await readZipDirectory(file);
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) {
    throw damage(file, `one entry data.pkl is needed: there are ${pickles.length}`);
  }
  const prefix = pickles[0]!.slice(0, -"data.pkl".length);
  const byteOrder = entries.get(`${prefix}byteorder`);
  if (byteOrder && await readText(file, byteOrder) !== "little") {
    throw damage(file, "its byte order is not little-endian; save it again on such a machine");
  }
  const pickle = await readEntry(file, entries.get(pickles[0]!)!);
  const state = unpickleTensors(file, pickle).value;
  const storages = new Map<string, ZipEntry>();
  for (const [name, entry] of entries) {
    if (name.startsWith(`${prefix}data/`)) storages.set(name.slice(prefix.length + 5), entry);
  }
  return new TorchStore(file, state, storages);
}

async function readEntry(file: RangeFile, entry: ZipEntry): Promise<Uint8Array<ArrayBuffer>> {
  if (entry.byteLength > MAX_PICKLE_BYTES) {
    throw damage(file, `its pickle takes ${entry.byteLength} bytes, over ${MAX_PICKLE_BYTES}`);
  }
  const bytes = await file.read(entry.startByte, entry.byteLength);
  checkCrc(file, bytes, entry);
  return bytes;
}

async function readText(file: RangeFile, entry: ZipEntry): Promise<string> {
  return new TextDecoder().decode(await readEntry(file, entry));
}

/** PyTorch can be told to leave the checksum out; it writes 0 then. */
function checkCrc(file: RangeFile, bytes: Uint8Array, entry: ZipEntry) {
  if (entry.crc32 !== 0 && crc32(bytes) !== entry.crc32) {
    throw damage(file, `the checksum of the ${bytes.length} bytes at ${entry.startByte} is wrong`);
  }
}

/** @param storages Receives what the pickle refers to. */
function unpickleTensors(
  file: RangeFile,
  bytes: Uint8Array,
  storages = new Map<string, TorchStorage>(),
) {
  return unpickle(bytes, {
    path: file.path,
    globals: TORCH_GLOBALS,
    persistentLoad(id) {
      const storage = storageFrom(id);
      const other = storages.get(storage.key);
      if (other && other.totalBytes !== storage.totalBytes) {
        throw new TypeError(`it gives storage ${shown(storage.key)} two lengths`);
      }
      storages.set(storage.key, storage);
      return storage;
    },
  });
}

/** Pickles of: magic, version, system, state dict, storage keys; then each storage's length and bytes. */
async function openLegacy(file: RangeFile): Promise<WeightStore> {
  const reader = new PickleReader(file);
  const magic = await reader.next().catch(() => undefined);
  if (magic !== LEGACY_MAGIC) {
    throw damage(
      file,
      "it is neither a zip file nor an old-format file of torch.save: " +
        "load it in PyTorch and save the model as safetensors",
    );
  }
  const version = await reader.next();
  if (version !== LEGACY_VERSION) throw damage(file, `its format has version ${shown(version)}`);
  const system = await reader.next();
  if (!(system instanceof Map) || system.get("little_endian") !== true) {
    throw damage(file, "its byte order is not little-endian; save it again on such a machine");
  }
  const state = await reader.next();
  const referred = new Map(reader.storages);
  const keys = await reader.next();
  return new TorchStore(file, state, await locateStorages(reader, keys, referred));
}

async function locateStorages(
  { file, position }: PickleReader,
  keys: unknown,
  referred: ReadonlyMap<string, TorchStorage>,
): Promise<Storages> {
  if (!Array.isArray(keys)) throw damage(file, "it has no list of storages");
  const storages = new Map<string, ZipEntry>();
  for (const key of keys) {
    const storage = referred.get(key);
    if (!storage || storages.has(key)) throw damage(file, `it lists storage ${shown(key)} wrongly`);
    const { dtype, totalBytes } = storage;
    const count = new DataView((await file.read(position, 8)).buffer).getBigUint64(0, true);
    if (count * BigInt(dtype ? ELEMENT_BYTES[dtype] : 1) !== BigInt(totalBytes)) {
      throw damage(file, `storage ${shown(key)} has ${count} elements, or ${totalBytes} bytes`);
    }
    position += 8;
    if (position + totalBytes > file.byteLength) {
      throw damage(file, `storage ${shown(key)} ends after the file`);
    }
    storages.set(key, { startByte: position, byteLength: totalBytes, crc32: 0 });
    position += totalBytes;
  }
  return storages;
}

/** Reads pickles that follow each other and do not say their length. */
class PickleReader {
  readonly file: RangeFile;
  /** Where the next pickle starts. */
  position = 0;
  /** What the last pickle referred to, by key. */
  readonly storages = new Map<string, TorchStorage>();

  constructor(file: RangeFile) {
    this.file = file;
  }

  async next(): Promise<unknown> {
    const available = Math.min(this.file.byteLength - this.position, MAX_PICKLE_BYTES);
    for (let window = PICKLE_WINDOW_BYTES;; window *= 8) {
      const bytes = await this.file.read(this.position, Math.min(window, available));
      try {
        this.storages.clear();
        const { value, byteLength } = unpickleTensors(this.file, bytes, this.storages);
        this.position += byteLength;
        return value;
      } catch (error) {
        if (!(error instanceof PickleEndError) || window >= available) throw error;
      }
    }
  }
}

function damage(file: RangeFile, reason: string, cause?: unknown): CheckpointError {
  return new CheckpointError(`Cannot read ${file.path} because ${reason}`, {
    path: file.path,
    cause,
  });
}
