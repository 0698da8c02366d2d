/**
 * Language models on disk: an ARPA file, or a folder as transformers' `Wav2Vec2ProcessorWithLM`
 * writes it.
 *
 * @module
 */
import { z } from "zod";
import { readOptionalJsonFile } from "./checkpoint/json_file.ts";
import {
  binaryLanguageModel,
  LANGUAGE_MODEL_FOLDER,
  type LanguageModelFiles,
  languageModelFilesOf,
} from "./checkpoint/layout.ts";
import { readArpa } from "./ctc/arpa.ts";
import type { LanguageModelWeights } from "./ctc/language_model.ts";
import type { NgramModel } from "./ctc/ngram.ts";
import { CheckpointError } from "./errors.ts";
import { basename, join } from "./std.ts";

/** A language model of words, for beam search. Shared by as many streams as there are. */
export interface LanguageModel {
  /** The n-grams. */
  readonly ngrams: NgramModel;
  /** What its opinion is worth, where its folder's `attrs.json` says so. */
  readonly weights: LanguageModelWeights;
}

/** As pyctcdecode writes it. */
const ATTRIBUTES = z.object({
  alpha: z.number().optional(),
  beta: z.number().optional(),
  unk_score_offset: z.number().optional(),
  score_boundary: z.boolean().optional(),
});

/**
 * Reads a language model.
 *
 * @param path An ARPA file, plain or gzipped; or a folder with one in it or in its `language_model/`, where `attrs.json` may say what it is worth.
 * @throws {CheckpointError} If there is none, or it is not ARPA's text format.
 *
 * @example
 * ```ts
 * import { loadLanguageModel } from "./language_model.ts";
 * import { fromFileUrl } from "./std.ts";
 * import { assertEquals } from "../tests/assert.ts";
 *
 * const path = fromFileUrl(new URL("../tests/golden/language_model/small.arpa", import.meta.url));
 * const { ngrams } = await loadLanguageModel(path);
 * assertEquals(ngrams.order, 3);
 * ```
 */
export async function loadLanguageModel(path: string): Promise<LanguageModel> {
  const isFolder = await Deno.stat(path).then((info) => info.isDirectory, () => false);
  if (!isFolder) return { ngrams: await readFile(path), weights: {} };
  const found = await modelIn(path) ?? await modelIn(join(path, LANGUAGE_MODEL_FOLDER));
  if (found !== undefined) return found;
  throw new CheckpointError(
    `Cannot find a language model in ${path}: give a file in ARPA's text format, plain or gzipped; KenLM's binary files are not read`,
    { path },
  );
}

/**
 * The language model of a checkpoint's folder, if it has one in ARPA's format.
 *
 * @param onNotice Told of one in a format that is not read.
 */
export async function languageModelOf(
  folder: string,
  onNotice: (notice: string) => void = () => {},
): Promise<LanguageModel | undefined> {
  const path = join(folder, LANGUAGE_MODEL_FOLDER);
  const { arpa, binary } = await filesIn(path);
  if (arpa === undefined && binary !== undefined) onNotice(binaryLanguageModel(folder, binary));
  return await modelIn(path);
}

/** Files of a folder, named as if it were a checkpoint's. */
async function filesIn(folder: string): Promise<LanguageModelFiles> {
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      names.push(`${LANGUAGE_MODEL_FOLDER}/${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return languageModelFilesOf(names);
}

async function modelIn(folder: string): Promise<LanguageModel | undefined> {
  const { arpa } = await filesIn(folder);
  if (arpa === undefined) return undefined;
  const path = join(folder, "attrs.json");
  const attributes = ATTRIBUTES.safeParse(await readOptionalJsonFile(path) ?? {});
  if (!attributes.success) {
    throw new CheckpointError(`Cannot use ${path}: ${z.prettifyError(attributes.error)}`, { path });
  }
  const { alpha, beta, unk_score_offset, score_boundary } = attributes.data;
  return {
    ngrams: await readFile(join(folder, basename(arpa))),
    weights: {
      ...(alpha === undefined ? {} : { weight: alpha }),
      ...(beta === undefined ? {} : { wordBonus: beta }),
      ...(unk_score_offset === undefined ? {} : { unknownScore: unk_score_offset }),
      ...(score_boundary === undefined ? {} : { isSentence: score_boundary }),
    },
  };
}

async function readFile(path: string): Promise<NgramModel> {
  try {
    const isPacked = await isGzip(path);
    const { readable } = await Deno.open(path);
    return await readArpa(
      isPacked ? readable.pipeThrough(new DecompressionStream("gzip")) : readable,
    );
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : `${cause}`;
    throw new CheckpointError(`Cannot read the language model ${path}: ${reason}`, { path, cause });
  }
}

async function isGzip(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const magic = new Uint8Array(2);
  await file.read(magic);
  return magic[0] === 0x1f && magic[1] === 0x8b;
}
