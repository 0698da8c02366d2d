/**
 * Weights in several files, with an index that says which file holds what.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { dirname, join } from "../std.ts";
import { readJsonFile } from "./json_file.ts";
import { checkFileName } from "./layout.ts";
import { shown } from "./messages.ts";
import type { WeightInfo, WeightStore } from "./weights.ts";

/** Files accepted: each stays open. */
const MAX_SHARDS = 1000;

/**
 * Reads which file holds what.
 *
 * @param indexPath A `model.safetensors.index.json` or `pytorch_model.bin.index.json`.
 * @returns Names of files in the same folder, by names of tensors.
 * @throws {CheckpointError} If the index is damaged, or names a file elsewhere.
 */
export async function readShardIndex(indexPath: string): Promise<Map<string, string>> {
  const index = await readJsonFile(indexPath);
  const files = (index as { weight_map?: unknown } | null)?.weight_map;
  if (typeof files !== "object" || files === null || Array.isArray(files)) {
    throw damage(indexPath, "it has no weight_map");
  }
  const shards = new Map<string, string>();
  for (const [tensor, file] of Object.entries(files)) {
    if (typeof file !== "string" || !/\.(safetensors|bin)$/.test(file)) {
      throw damage(indexPath, `it gives no file of weights for ${shown(tensor)}: ${shown(file)}`);
    }
    shards.set(tensor, checkFileName(file, indexPath));
  }
  if (new Set(shards.values()).size > MAX_SHARDS) {
    throw damage(indexPath, `it names over ${MAX_SHARDS} files`);
  }
  return shards;
}

/**
 * Opens all files of an index as one.
 *
 * @param indexPath The index.
 * @param openFile Opens one file.
 * @throws {CheckpointError} If a file is missing, damaged, or lacks a tensor that the index says it has.
 */
export async function openShards(
  indexPath: string,
  openFile: (path: string) => Promise<WeightStore>,
): Promise<WeightStore> {
  const fileOf = await readShardIndex(indexPath);
  await using opening = new AsyncDisposableStack();
  const stores = new Map<string, WeightStore>();
  for (const file of new Set(fileOf.values())) {
    stores.set(file, opening.use(await openFile(join(dirname(indexPath), file))));
  }
  const tensors = new Map<string, WeightInfo>();
  for (const [tensor, file] of fileOf) {
    const info = stores.get(file)!.tensors.get(tensor);
    if (!info) throw damage(indexPath, `${file} has no tensor ${shown(tensor)}`);
    tensors.set(tensor, info);
  }
  const opened = opening.move();
  return {
    tensors,
    async read(name) {
      const file = fileOf.get(name);
      if (!file) throw damage(indexPath, `there is no tensor of that name: ${shown(name)}`);
      return await stores.get(file)!.read(name);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function damage(path: string, reason: string): CheckpointError {
  return new CheckpointError(`Cannot read the weights of ${path} because ${reason}`, { path });
}
