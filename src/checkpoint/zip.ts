/**
 * The directory of a zip file: where each entry's bytes lie, without reading them.
 *
 * This is the door to yauzl, which reads the directory at the end of the file
 * and nothing else (zip64 included), and checks sizes and names on the way. The
 * bytes come from our `RangeFile`: yauzl's own reader takes the offsets that a
 * damaged file names as they are, and one past 2^53 ends the process.
 *
 * @module
 */
import yauzl from "yauzl";
import { CheckpointError } from "../errors.ts";
import { reasonOf, shown } from "./messages.ts";
import type { RangeFile } from "./range_file.ts";

/** Entries accepted; the largest models have a few thousand tensors. */
const MAX_ENTRIES = 200_000;

/** An uncompressed entry. */
export interface ZipEntry {
  /** First byte of the content, in the file. */
  readonly startByte: number;
  /** Bytes of the content. */
  readonly byteLength: number;
  /** CRC-32 of the content; 0 when it was not computed. */
  readonly crc32: number;
}

/** The parts of yauzl in use: the package has no types of its own. */
interface YauzlFile {
  readonly entryCount: number;
  eachEntry(): AsyncIterable<YauzlEntry>;
  readLocalFileHeader(
    entry: YauzlEntry,
    options: { minimal: true },
    callback: (error: Error | null, header?: { fileDataStart: number }) => void,
  ): void;
}

interface YauzlEntry {
  readonly fileName: string;
  readonly compressionMethod: number;
  readonly compressedSize: number;
  readonly crc32: number;
  isEncrypted(): boolean;
}

/** What yauzl reads from: ranges within the file, or an error. */
class RangeReader extends yauzl.RandomAccessReader {
  readonly #file: RangeFile;

  constructor(file: RangeFile) {
    super();
    this.#file = file;
  }

  read(
    into: Uint8Array,
    offset: number,
    byteLength: number,
    startByte: number,
    callback: (error: unknown, byteCount?: number) => void,
  ) {
    this.#file.read(startByte, byteLength).then(
      (bytes) => {
        into.set(bytes, offset);
        callback(null, byteLength);
      },
      callback,
    );
  }
}

/**
 * Reads the directory of a zip file whose entries are stored uncompressed.
 *
 * @param file The file, which stays open.
 * @returns The entries by name.
 * @throws {CheckpointError} If the file is damaged, an entry is compressed or a name leads elsewhere.
 */
export async function readZipDirectory(file: RangeFile): Promise<Map<string, ZipEntry>> {
  try {
    return await readEntries(
      await yauzl.fromRandomAccessReaderPromise(new RangeReader(file), file.byteLength, {
        autoClose: false,
        strictFileNames: true,
      }),
    );
  } catch (cause) {
    const { path } = file;
    throw new CheckpointError(`Cannot read ${path} as zip because of: ${reasonOf(cause)}`, {
      path,
      cause,
    });
  }
}

async function readEntries(file: YauzlFile): Promise<Map<string, ZipEntry>> {
  if (file.entryCount > MAX_ENTRIES) {
    throw new RangeError(`${file.entryCount} entries where ${MAX_ENTRIES} are accepted`);
  }
  const entries = new Map<string, ZipEntry>();
  for await (const entry of file.eachEntry()) {
    const { fileName, compressionMethod, compressedSize, crc32 } = entry;
    if (compressionMethod !== 0 || entry.isEncrypted()) {
      throw new TypeError(`compressed or encrypted entry ${shown(fileName)}; PyTorch writes none`);
    }
    if (entries.has(fileName)) throw new TypeError(`second entry named ${shown(fileName)}`);
    const startByte = await dataStart(file, entry);
    entries.set(fileName, { startByte, byteLength: compressedSize, crc32 });
  }
  return entries;
}

/** Only the header before the content says how long it is itself. */
function dataStart(file: YauzlFile, entry: YauzlEntry): Promise<number> {
  return new Promise((resolve, reject) => {
    file.readLocalFileHeader(entry, { minimal: true }, (error, header) => {
      if (header) resolve(header.fileDataStart);
      else reject(error);
    });
  });
}
