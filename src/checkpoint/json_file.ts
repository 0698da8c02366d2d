/**
 * JSON files of a checkpoint, read with a bound on their size.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { reasonOf } from "./messages.ts";
import { RangeFile } from "./range_file.ts";

/** Largest file read; vocabularies for CTC take a few kB, tokenizers a few MB. */
const MAX_JSON_BYTES = 64 << 20;

/**
 * Reads a JSON file.
 *
 * @returns Its value, which the caller has yet to check.
 * @throws {CheckpointError} If it is not there, too large, or not JSON.
 */
export async function readJsonFile(path: string): Promise<unknown> {
  await using file = await RangeFile.open(path);
  if (file.byteLength > MAX_JSON_BYTES) {
    throw new CheckpointError(
      `Cannot read ${path} because it takes ${file.byteLength} bytes, over ${MAX_JSON_BYTES}`,
      { path },
    );
  }
  const bytes = await file.read(0, file.byteLength);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CheckpointError(`Cannot read ${path} because it is not JSON: ${reasonOf(cause)}`, {
      path,
      cause,
    });
  }
}

/** Reads a JSON file, or nothing if there is none. */
export async function readOptionalJsonFile(path: string): Promise<unknown> {
  try {
    await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  return await readJsonFile(path);
}
