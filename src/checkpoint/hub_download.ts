/**
 * One content of the hub, into a file: resumed where an earlier try broke off,
 * and checked before it counts as there.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { CheckpointError } from "../errors.ts";
import { dirname } from "../std.ts";
import { exists, type RepositoryCache } from "./hub_cache.ts";
import type { ByteSink, HubClient, HubFile, HubReference } from "./hub_client.ts";

/** Largest content of unknown length that is accepted. */
const MAX_UNKNOWN_BYTES = 100_000_000;
const HASH_WINDOW_BYTES = 1 << 20;

/** How far the download of a file is. */
export interface DownloadProgress {
  /** Name of the file. */
  readonly file: string;
  /** Bytes that are there, those of earlier tries included. */
  readonly loadedBytes: number;
  /** Bytes in all; undefined where the hub does not say. */
  readonly totalBytes: number | undefined;
}

/** What {@linkcode downloadFile} works with. */
export interface DownloadContext {
  /** Asks the hub. */
  readonly client: HubClient;
  /** Where the files go. */
  readonly cache: RepositoryCache;
  /** Model and commit. */
  readonly reference: HubReference;
  /** Ends the download; what has come stays for the next one. */
  readonly signal: AbortSignal;
  /** Hears of every piece that comes. */
  readonly onProgress: (progress: DownloadProgress) => void;
}

/**
 * Puts a file of a commit into its snapshot, from the hub if it is not there.
 *
 * @throws {HubError} If the hub does not send it.
 * @throws {CheckpointError} If what comes is not what the hub announced.
 */
export async function downloadFile(file: string, context: DownloadContext): Promise<void> {
  const { client, cache, reference, signal } = context;
  if (await cache.has(reference.revision, file)) return;
  const content = await client.file(reference, file);
  const blobPath = cache.blobPath(content.etag);
  if (!await exists(blobPath)) {
    await Deno.mkdir(dirname(blobPath), { recursive: true });
    using _lock = await cache.lock(content.etag, signal);
    // Another process may have fetched it while this one waited.
    if (!await exists(blobPath)) await downloadBlob(file, content, context);
  }
  await cache.link(reference.revision, file, content.etag);
}

async function downloadBlob(file: string, content: HubFile, context: DownloadContext) {
  const { client, cache, reference } = context;
  const blobPath = cache.blobPath(content.etag);
  const partPath = `${blobPath}.incomplete`;
  for (;;) {
    let wasResumed;
    {
      using part = await PartialFile.open(partPath, file, { content, context });
      wasResumed = part.position > 0;
      if (part.position === 0 || part.isShort()) await client.fetch(reference, file, part);
    }
    if (await isIntact(partPath, content)) break;
    await Deno.remove(partPath);
    // The part from an earlier try may have been the bad one.
    if (!wasResumed) throw damaged(file, reference, content);
  }
  await Deno.rename(partPath, blobPath);
}

/** The file that a content grows in. */
class PartialFile implements ByteSink, Disposable {
  position: number;
  readonly #file: Deno.FsFile;
  readonly #name: string;
  readonly #content: HubFile;
  readonly #context: DownloadContext;

  private constructor(
    file: Deno.FsFile,
    position: number,
    about: { name: string; content: HubFile; context: DownloadContext },
  ) {
    this.#file = file;
    this.position = position;
    this.#name = about.name;
    this.#content = about.content;
    this.#context = about.context;
  }

  static async open(
    path: string,
    name: string,
    about: { content: HubFile; context: DownloadContext },
  ): Promise<PartialFile> {
    const file = await Deno.open(path, { write: true, create: true });
    try {
      const position = await file.seek(0, Deno.SeekMode.End);
      const part = new PartialFile(file, position, { name, ...about });
      if (position > part.#limit) await part.restart();
      part.#report();
      return part;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  get #limit(): number {
    return this.#content.byteLength ?? MAX_UNKNOWN_BYTES;
  }

  #report() {
    this.#context.onProgress({
      file: this.#name,
      loadedBytes: this.position,
      totalBytes: this.#content.byteLength,
    });
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.position + chunk.length > this.#limit) {
      await this.restart();
      throw damaged(this.#name, this.#context.reference, this.#content);
    }
    for (let written = 0; written < chunk.length;) {
      written += await this.#file.write(chunk.subarray(written));
    }
    this.position += chunk.length;
    this.#report();
  }

  async restart(): Promise<void> {
    await this.#file.truncate(0);
    await this.#file.seek(0, Deno.SeekMode.Start);
    this.position = 0;
  }

  isShort(): boolean {
    const { byteLength } = this.#content;
    return byteLength !== undefined && this.position < byteLength;
  }

  [Symbol.dispose]() {
    this.#file.close();
  }
}

/**
 * Whether a file is the content of its name: a SHA-256 for large files, the
 * hash of a git blob for small ones. Other names, of other servers, say nothing.
 */
async function isIntact(path: string, { etag, byteLength }: HubFile): Promise<boolean> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  if (byteLength !== undefined && size !== byteLength) return false;
  const isSha256 = /^[0-9a-f]{64}$/.test(etag);
  if (!isSha256 && !/^[0-9a-f]{40}$/.test(etag)) return true;
  const hash = createHash(isSha256 ? "sha256" : "sha1");
  if (!isSha256) hash.update(`blob ${size}\0`);
  const window = new Uint8Array(HASH_WINDOW_BYTES);
  for (let count; (count = await file.read(window)) !== null;) {
    hash.update(window.subarray(0, count));
  }
  return hash.digest("hex") === etag;
}

function damaged(file: string, { id }: HubReference, content: HubFile): CheckpointError {
  const { etag, byteLength = "an unknown number of" } = content;
  return new CheckpointError(
    `Cannot use ${file} of ${id} as what came is not what the hub announced, ` +
      `${byteLength} bytes with hash ${etag}: try again, or look for a proxy that changes downloads`,
    { path: file },
  );
}
