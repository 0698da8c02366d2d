/**
 * A file or standard input as audio, and how much of it has been read.
 *
 * @module
 */
import { sniff, SNIFF_BYTE_LENGTH } from "../audio/sniff.ts";
import type { AudioSource } from "../audio/decode.ts";
import { AudioError } from "../errors.ts";
import type { Terminal } from "./terminal.ts";

/** Name of standard input among files. */
export const STANDARD_INPUT = "-";

/** Audio that is about to be read. */
export interface AudioInput {
  /** The audio. */
  readonly source: AudioSource;
  /** How much of it has been read, 0 to 1; undefined where its length is unknown. */
  fractionRead(): number | undefined;
}

/** Formats whose readers jump about in the file. */
const SEEKING_FORMATS: readonly string[] = ["mp4", "matroska"];

/**
 * Opens a file, or standard input.
 *
 * @param path The file, or {@linkcode STANDARD_INPUT}.
 * @throws {AudioError} If there is no such file, or it is a folder.
 */
export async function openAudioInput(path: string, terminal: Terminal): Promise<AudioInput> {
  const unknown = () => undefined;
  if (path === STANDARD_INPUT) return { source: terminal.input(), fractionRead: unknown };
  const { isDirectory, isFile, size } = await statFile(path);
  if (isDirectory) throw new AudioError("Cannot read it as it is a folder");
  if (!isFile || SEEKING_FORMATS.includes(await formatOf(path))) {
    return { source: path, fractionRead: unknown };
  }
  let readBytes = 0;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      readBytes += chunk.length;
      controller.enqueue(chunk);
    },
  });
  const file = await Deno.open(path);
  return {
    source: file.readable.pipeThrough(counter),
    fractionRead: () => size === 0 ? undefined : readBytes / size,
  };
}

async function statFile(path: string): Promise<Deno.FileInfo> {
  try {
    return await Deno.stat(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) {
      throw new AudioError("Cannot read it as there is no such file", { cause });
    }
    throw cause;
  }
}

async function formatOf(path: string): Promise<string> {
  using file = await Deno.open(path);
  const head = new Uint8Array(SNIFF_BYTE_LENGTH);
  const length = await file.read(head) ?? 0;
  const sniffed = sniff(head.subarray(0, length));
  return "format" in sniffed ? sniffed.format : "unknown";
}
