/**
 * Which recording's transcript goes where.
 *
 * @module
 */
import { basename, extname, join } from "../std.ts";
import { STANDARD_INPUT } from "./audio_input.ts";
import { UsageError } from "./command.ts";
import { EXTENSIONS, type TranscriptFormat } from "./transcript_format.ts";

/** A recording and where its transcript goes. */
export interface TranscriptJob {
  /** The recording's path, or `-`. */
  readonly file: string;
  /** The file to write; undefined for standard output. */
  readonly outputPath: string | undefined;
}

/** What {@linkcode planOutputs} plans for. */
export interface OutputOptions {
  readonly format: TranscriptFormat;
  /** A file, or a folder: one that is there, or ends in a slash, or is for several recordings. */
  readonly output: string | undefined;
}

/**
 * Finds each transcript's place, and makes the folder for them.
 *
 * @throws {UsageError} If two would go to one place.
 */
export async function planOutputs(
  files: readonly string[],
  { format, output }: OutputOptions,
): Promise<TranscriptJob[]> {
  if (new Set(files).size < files.length) {
    throw new UsageError("Cannot transcribe a recording twice: give each file once");
  }
  if (output === undefined) {
    if (files.length > 1 && (format === "srt" || format === "vtt")) {
      throw new UsageError(
        `Cannot write the ${format} of ${files.length} files into one: give --output with a folder`,
      );
    }
    return files.map((file) => ({ file, outputPath: undefined }));
  }
  const isFolder = files.length > 1 || /[/\\]$/.test(output) ||
    await Deno.stat(output).then(({ isDirectory }) => isDirectory, () => false);
  if (!isFolder) return files.map((file) => ({ file, outputPath: output }));
  const jobs = files.map((file) => ({ file, outputPath: join(output, nameFor(file, format)) }));
  const places = Map.groupBy(jobs, ({ outputPath }) => outputPath);
  const shared = [...places].find(([, sharing]) => sharing.length > 1);
  if (shared !== undefined) {
    const [path, sharing] = shared;
    throw new UsageError(
      `Cannot write ${path} for each of ${sharing.map(({ file }) => file).join(", ")}: ` +
        "transcribe them into different folders",
    );
  }
  await Deno.mkdir(output, { recursive: true });
  return jobs;
}

function nameFor(file: string, format: TranscriptFormat): string {
  const name = file === STANDARD_INPUT ? "stdin" : basename(file, extname(file));
  return `${name}${EXTENSIONS[format]}`;
}
