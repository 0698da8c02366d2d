/**
 * A checkpoint as a folder, as transformers writes it.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { join } from "../std.ts";
import { readOptionalJsonFile } from "./json_file.ts";
import {
  type CheckpointLayout,
  CONFIG_FILES,
  type ConfigFile,
  layoutOf,
  noWeights,
} from "./layout.ts";
import { dequantized } from "./quantized.ts";
import { openSafetensors } from "./safetensors.ts";
import { openShards } from "./shards.ts";
import { openTorchBin } from "./torch_bin.ts";
import type { WeightStore } from "./weights.ts";

/** A folder and what it holds. Nothing is open, so nothing is to be closed. */
export interface CheckpointFolder extends CheckpointLayout {
  /** The folder. */
  readonly path: string;
  /** Names of its files, those in `onnx/` included. */
  readonly files: readonly string[];
  /** Contents of its configuration files, unchecked, by name; those that are absent are not there. */
  readonly configs: ReadonlyMap<ConfigFile, unknown>;
}

/**
 * Lists a folder and reads its configuration files.
 *
 * @param path The folder.
 * @throws {CheckpointError} If there is no such folder, it has no `config.json`, or a file is not JSON.
 */
export async function openFolder(path: string): Promise<CheckpointFolder> {
  const files = await listFiles(path);
  if (!files.includes("config.json")) {
    throw new CheckpointError(
      `Cannot use ${path} as a checkpoint as it has no config.json: ` +
        "give the folder that save_pretrained wrote, or owner/name of a model on the hub",
      { path },
    );
  }
  const configs = new Map<ConfigFile, unknown>();
  for (const name of CONFIG_FILES) {
    const content = await readOptionalJsonFile(join(path, name));
    if (content !== undefined) configs.set(name, content);
  }
  return { path, files, configs, ...layoutOf(files) };
}

/**
 * Opens the weights of a folder: `model.safetensors`, else its shards, else
 * `pytorch_model.bin`, else its shards. Matrices that are quantised there come as floats.
 *
 * @param path The folder.
 * @returns Its tensors; close it after use.
 * @throws {CheckpointError} If there are none, a file is missing, or one is damaged.
 */
export async function openWeights(path: string): Promise<WeightStore> {
  const files = await listFiles(path);
  const { weights } = layoutOf(files);
  if (!weights) throw noWeights(files, path);
  const file = join(path, weights);
  return await dequantized(
    weights.endsWith(".index.json")
      ? await openShards(file, openWeightFile)
      : await openWeightFile(file),
  );
}

/**
 * Opens the adapter of a language.
 *
 * @param path The folder.
 * @param language As in the file's name, for example `deu`.
 * @throws {CheckpointError} If there is none, which lists those there are.
 */
export async function openAdapter(path: string, language: string): Promise<WeightStore> {
  const { adapters } = layoutOf(await listFiles(path));
  const file = adapters.get(language);
  if (file) return await dequantized(await openWeightFile(join(path, file)));
  const there = [...adapters.keys()].sort().join(", ") || "none";
  throw new CheckpointError(
    `Cannot find an adapter for language "${language}" in ${path}: there are ${there}`,
    { path },
  );
}

async function openWeightFile(path: string): Promise<WeightStore> {
  await refusePointer(path);
  return path.endsWith(".safetensors") ? await openSafetensors(path) : await openTorchBin(path);
}

/** A clone without Git LFS has a few lines of text in the place of each weight file. */
async function refusePointer(path: string) {
  const { size } = await Deno.stat(path).catch(() => ({ size: 0 }));
  if (size === 0 || size > 1024) return;
  const text = new TextDecoder().decode(await Deno.readFile(path));
  if (!text.startsWith("version https://git-lfs.github.com/")) return;
  throw new CheckpointError(
    `Cannot read ${path} because it is a Git LFS pointer: run "git lfs pull" in its folder`,
    { path },
  );
}

async function listFiles(path: string): Promise<string[]> {
  const files: string[] = [];
  try {
    for await (const entry of Deno.readDir(path)) {
      if (!entry.isDirectory) files.push(entry.name);
      else if (entry.name === "onnx") {
        for await (const { name } of Deno.readDir(join(path, "onnx"))) files.push(`onnx/${name}`);
      }
    }
  } catch (cause) {
    throw new CheckpointError(`Cannot list the checkpoint folder ${path}: is it there?`, {
      path,
      cause,
    });
  }
  return files.sort();
}
