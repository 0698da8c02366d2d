/**
 * What the files of a checkpoint are for, by their names.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";

/** Files of configuration and tokenizer; small, and read if they are there. */
export const CONFIG_FILES = [
  "config.json",
  "preprocessor_config.json",
  "processor_config.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
] as const;

/** Name of a configuration file. */
export type ConfigFile = typeof CONFIG_FILES[number];

/** Weight files, best first: safetensors say their size and cannot hold code. */
const WEIGHT_FILES = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
] as const;

/** Weights of other frameworks, which transformers once wrote. */
const FOREIGN_WEIGHT_FILES = ["tf_model.h5", "flax_model.msgpack", "model.ckpt.index"];

/** Name of a weight file, or of the index of several. */
export type WeightFile = typeof WEIGHT_FILES[number];

/** What a checkpoint offers to run. */
export interface CheckpointLayout {
  /** The weight file to use, or the index of several; undefined if there is none. */
  readonly weights: WeightFile | undefined;
  /** Graphs ready to run, `onnx/model*.onnx`. */
  readonly onnx: readonly string[];
  /** Adapter files by language, as in `adapter.deu.safetensors`. */
  readonly adapters: ReadonlyMap<string, string>;
}

/**
 * Finds the parts of a checkpoint.
 *
 * @param files Names of its files, relative to its folder, with `/` between.
 */
export function layoutOf(files: readonly string[]): CheckpointLayout {
  const adapters = new Map<string, string>();
  for (const extension of ["bin", "safetensors"]) { // the better one is set last
    for (const file of files) {
      const language = ADAPTER.exec(file);
      if (language?.[2] === extension) adapters.set(language[1]!, file);
    }
  }
  return {
    weights: WEIGHT_FILES.find((name) => files.includes(name)),
    onnx: files.filter((file) => /^onnx\/model[^/]*\.onnx$/.test(file)).sort(),
    adapters,
  };
}

const ADAPTER = /^adapter\.([A-Za-z0-9_-]+)\.(safetensors|bin)$/;

/** Why a checkpoint without weights cannot be used, and what to do. */
export function noWeights(files: readonly string[], place: string): CheckpointError {
  const foreign = FOREIGN_WEIGHT_FILES.filter((name) => files.includes(name));
  if (foreign.length === 0) {
    return new CheckpointError(
      `Cannot find weights in ${place}: accepted are ${WEIGHT_FILES.join(", ")}, ` +
        "and a graph as onnx/model.onnx",
      { path: place },
    );
  }
  return new CheckpointError(
    `Cannot use the weights in ${place} as they are of TensorFlow or Flax only: ` +
      `${foreign.join(", ")}. Accepted are ${WEIGHT_FILES.join(", ")}. ` +
      `Convert them once with transformers 4: AutoModel.from_pretrained(folder, ` +
      `${foreign[0] === "flax_model.msgpack" ? "from_flax" : "from_tf"}=True)` +
      ".save_pretrained(folder), with the class that config.json names for AutoModel",
    { path: place },
  );
}

/**
 * Checks the name of a file in a checkpoint: relative, and within its folder.
 * Names come from repositories and index files, which can be hostile.
 *
 * @throws {CheckpointError} If it leads elsewhere.
 */
export function checkFileName(name: string, place: string): string {
  const parts = name.split("/");
  // deno-lint-ignore no-control-regex
  const isPlain = !/[\\:\x00-\x1f]/.test(name) && name.length <= 512;
  if (!isPlain || parts.some((part) => part === "" || part === "." || part === "..")) {
    throw new CheckpointError(
      `Cannot use a file name of ${place} as it leads out of the folder: ${JSON.stringify(name)}`,
      { path: place },
    );
  }
  return name;
}

/** Folder of a checkpoint in which its language model is, as `Wav2Vec2ProcessorWithLM` writes it. */
export const LANGUAGE_MODEL_FOLDER = "language_model";

/** What a language model is read from. */
export interface LanguageModelFiles {
  /** The n-grams in ARPA's text format, plain or gzipped. */
  readonly arpa: string | undefined;
  /** What they are worth. */
  readonly attributes: string | undefined;
  /** N-grams in KenLM's binary format, which is not read. */
  readonly binary: string | undefined;
}

/** Finds the language model among the files of a checkpoint. */
export function languageModelFilesOf(files: readonly string[]): LanguageModelFiles {
  const inside = files.filter((name) => /^language_model\/[^/]+$/.test(name)).sort();
  const find = (pattern: RegExp) => inside.find((name) => pattern.test(name));
  return {
    arpa: find(/\.arpa(\.gz)?$/),
    attributes: find(/\/attrs\.json$/),
    binary: find(/\.(bin|binary|klm|kenlm|trie|probing)$/),
  };
}

/** Says that a language model is left aside, and what to do. */
export function binaryLanguageModel(place: string, name: string): string {
  return `${place} is decoded without its language model: ${name} is in KenLM's binary format, ` +
    "and only ARPA's text format is read. Name the .arpa it was made from as language model";
}
