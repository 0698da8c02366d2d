/**
 * Recordings to measure with: a folder with a manifest, or the project's own samples.
 *
 * @module
 */
import { readSpeech } from "../src/audio/decode.ts";
import { type OptionSpec, UsageError } from "../src/cli/command.ts";
import { fromFileUrl, join } from "../src/std.ts";

/** A recording. */
export interface Clip {
  /** Its file's name. */
  readonly name: string;
  /** Its file. */
  readonly path: string;
  /** What is said in it, where that is known. */
  readonly transcript: string | undefined;
}

/** A recording, read. */
export interface LoadedClip extends Clip {
  /** At the rate asked for. [S] */
  readonly samples: Float32Array;
}

/** Values of {@linkcode CLIP_OPTIONS}. */
export interface ClipValues {
  readonly clips?: string;
  readonly only?: string;
  readonly maxSeconds?: number;
  readonly limit?: number;
}

/** Which recordings. */
export const CLIP_OPTIONS: readonly OptionSpec[] = [
  {
    name: "clips",
    short: "c",
    description:
      "folder of recordings with manifest.tsv: a head line, and columns file, transcript",
    value: { kind: "text", name: "folder" },
    default: "samples/, three sentences",
  },
  {
    name: "only",
    description: "recordings whose file's name holds this regular expression",
    value: { kind: "text", name: "pattern" },
  },
  {
    name: "max-seconds",
    description: "leave out recordings longer than this",
    value: { kind: "count", name: "count" },
  },
  {
    name: "limit",
    description: "at most so many recordings, spread over the folder",
    value: { kind: "count", name: "count" },
  },
];

const SAMPLES_FOLDER = fromFileUrl(new URL("../samples", import.meta.url));

/**
 * Lists the recordings that the options name.
 *
 * @throws {UsageError} If there are none, or the manifest is not one.
 */
export async function listClips({ clips, only, limit }: ClipValues): Promise<Clip[]> {
  const folder = clips ?? SAMPLES_FOLDER;
  const all = await readManifest(folder);
  const pattern = only === undefined ? undefined : new RegExp(only);
  const found = all.filter(({ name }) => pattern?.test(name) ?? true);
  if (found.length === 0) {
    throw new UsageError(`Cannot measure as no recording of ${folder} is named like ${only}`);
  }
  if (limit === undefined || limit >= found.length) return found;
  return Array.from({ length: limit }, (_, i) => found[Math.floor(i * found.length / limit)]!);
}

async function readManifest(folder: string): Promise<Clip[]> {
  const path = join(folder, "manifest.tsv");
  const text = await Deno.readTextFile(path).catch((error) => {
    throw new UsageError(
      `Cannot read ${path}: ${error.message}. It must be a table with tabs between its columns ` +
        `file and transcript`,
    );
  });
  const [head, ...rows] = text.trim().split(/\r?\n/).map((line) => line.split("\t"));
  const column = (name: string) => head!.indexOf(name);
  if (column("file") < 0) {
    throw new UsageError(
      `Cannot use ${path} as its first line must name a column "file": ${head!.join(", ")}`,
    );
  }
  return rows.map((row) => {
    const name = row[column("file")]!;
    return { name, path: join(folder, name), transcript: row[column("transcript")] };
  });
}

/** Reads the recordings that the options name. */
export async function loadClips(
  values: ClipValues,
  { sampleRateHz }: { sampleRateHz: number },
): Promise<LoadedClip[]> {
  const { maxSeconds = Infinity } = values;
  const loaded: LoadedClip[] = [];
  for (const clip of await listClips(values)) {
    const samples = await readSpeech(clip.path, { sampleRateHz });
    if (samples.length <= maxSeconds * sampleRateHz) loaded.push({ ...clip, samples });
  }
  if (loaded.length > 0) return loaded;
  throw new UsageError(`Cannot measure as every recording is longer than ${maxSeconds} s`);
}
