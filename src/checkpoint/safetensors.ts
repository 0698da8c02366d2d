/**
 * Safetensors files: an eight-byte header length, a JSON header, then the
 * tensors' bytes. The header is checked in full on opening; nothing else is
 * read until it is asked for.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { elementCount } from "../tensor.ts";
import { ELEMENT_BYTES, isWeightDtype, widen } from "./dtype.ts";
import { reasonOf, shown } from "./messages.ts";
import { RangeFile } from "./range_file.ts";
import type { WeightDtype, WeightInfo, WeightStore } from "./weights.ts";

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;
/** More dimensions than any tensor has. */
const MAX_DIMENSIONS = 16;

/** A tensor and its place in the file, absolute. */
interface Entry extends WeightInfo {
  readonly startByte: number;
  readonly endByte: number;
}

/**
 * Opens a safetensors file.
 *
 * @param path The file.
 * @returns Its tensors; close it after use.
 * @throws {CheckpointError} If there is no such file or its header is damaged.
 */
export async function openSafetensors(path: string): Promise<WeightStore> {
  const file = await RangeFile.open(path);
  try {
    return new SafetensorsStore(file, await readHeader(file));
  } catch (error) {
    await file.close();
    throw error;
  }
}

class SafetensorsStore implements WeightStore {
  readonly tensors: ReadonlyMap<string, Entry>;
  readonly #file: RangeFile;

  constructor(file: RangeFile, tensors: ReadonlyMap<string, Entry>) {
    this.#file = file;
    this.tensors = tensors;
  }

  async read(name: string): Promise<Float32Array> {
    const entry = this.tensors.get(name);
    if (!entry) {
      throw damage(this.#file, `there is no tensor of that name: ${shown(name)}`);
    }
    const { startByte, endByte, dtype } = entry;
    return widen(await this.#file.read(startByte, endByte - startByte), dtype);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }
}

async function readHeader(file: RangeFile): Promise<Map<string, Entry>> {
  if (file.byteLength < 8) {
    throw damage(file, `a header takes 8 bytes: the file has ${file.byteLength}`);
  }
  const prefix = await file.read(0, 8);
  const headerBytes = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  const limit = Math.min(MAX_HEADER_BYTES, file.byteLength - 8);
  if (headerBytes > limit) {
    throw damage(file, `the header can be of at most ${limit} bytes: it claims ${headerBytes}`);
  }
  const dataStart = 8 + headerBytes;
  const entries = new Map<string, Entry>();
  const header = parseHeader(file, await file.read(8, headerBytes));
  for (const [name, value] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    entries.set(name, parseEntry(file, name, value, dataStart));
  }
  checkCoverage(file, entries, dataStart);
  return entries;
}

function parseHeader(file: RangeFile, bytes: Uint8Array): object {
  let text, header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (cause) {
    throw damage(file, `its header is not JSON: ${reasonOf(cause)}`, cause);
  }
  if (!isRecord(header)) throw damage(file, "its header is not a JSON object");
  if (!Object.values(header).every(isRecord)) {
    throw damage(file, "its header has an entry that is not a JSON object");
  }
  const { __metadata__ = {} } = header;
  if (!Object.values(__metadata__ as object).every((value) => typeof value === "string")) {
    throw damage(file, "its metadata holds something else than strings");
  }
  refuseDuplicates(file, text);
  return header;
}

/** `JSON.parse` keeps the last of two equal names; a file that has two says two things. */
function refuseDuplicates(file: RangeFile, header: string) {
  const names = new Set<string>();
  let depth = 0;
  // The header is valid JSON and an object of objects: each string at depth 1 is a name.
  for (let i = 0; i < header.length; i++) {
    const character = header[i];
    if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    else if (character === '"') {
      const start = i;
      for (i++; header[i] !== '"'; i++) if (header[i] === "\\") i++;
      if (depth !== 1) continue;
      const name: string = JSON.parse(header.slice(start, i + 1));
      if (names.has(name)) throw damage(file, `tensor ${shown(name)} is there twice`);
      names.add(name);
    }
  }
}

function parseEntry(file: RangeFile, name: string, value: unknown, dataStart: number): Entry {
  const { dtype, shape, data_offsets } = value as Record<string, unknown>;
  const fail = (reason: string) => damage(file, `tensor ${shown(name)} ${reason}`);
  if (!isWeightDtype(dtype)) {
    const accepted = Object.keys(ELEMENT_BYTES).join(", ");
    throw fail(`is of type ${shown(dtype)}; accepted are ${accepted}`);
  }
  if (!isLengths(shape) || shape.length > MAX_DIMENSIONS) {
    throw fail(`has no valid shape: ${shown(shape)}`);
  }
  if (!isLengths(data_offsets) || data_offsets.length !== 2) {
    throw fail(`has no valid data_offsets: ${shown(data_offsets)}`);
  }
  const [start, end] = data_offsets as [number, number];
  const dataBytes = file.byteLength - dataStart;
  if (start > end || end > dataBytes) {
    throw fail(`does not lie within the ${dataBytes} bytes of data: ${start} to ${end}`);
  }
  const byteLength = elementCount(shape) * ELEMENT_BYTES[dtype as WeightDtype];
  if (byteLength !== end - start) {
    throw fail(`[${shape}] of ${dtype} takes ${byteLength} bytes: the file has ${end - start}`);
  }
  return { dtype, shape, startByte: dataStart + start, endByte: dataStart + end };
}

/** The format wants the data covered, once and in full. */
function checkCoverage(file: RangeFile, entries: Map<string, Entry>, dataStart: number) {
  const inOrder = [...entries].sort(([, a], [, b]) =>
    a.startByte - b.startByte || a.endByte - b.endByte
  );
  let covered = dataStart;
  for (const [name, { startByte, endByte }] of inOrder) {
    if (startByte !== covered) {
      const what = startByte < covered ? "overlaps the tensor before" : "leaves a hole before";
      throw damage(file, `tensor ${shown(name)} ${what}, at byte ${startByte}`);
    }
    covered = endByte;
  }
  if (covered !== file.byteLength) {
    throw damage(file, `its tensors end at byte ${covered} and the file at ${file.byteLength}`);
  }
}

function isLengths(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function damage(file: RangeFile, reason: string, cause?: unknown): CheckpointError {
  return new CheckpointError(`Cannot read ${file.path} as safetensors because ${reason}`, {
    path: file.path,
    cause,
  });
}
