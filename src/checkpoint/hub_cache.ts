/**
 * The cache folder of Python's `huggingface_hub`, which both sides read and write:
 *
 * ```
 * models--owner--name/
 *   blobs/<etag>                       contents, by name of content
 *   refs/<revision>                    the commit it was at when last asked
 *   snapshots/<commit>/<file>          links to blobs
 *   .no_exist/<commit>/<file>          files known not to be there
 * .locks/models--owner--name/<etag>.lock
 * ```
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { dirname, join } from "../std.ts";
import { checkFileName } from "./layout.ts";
import { delay } from "./retry.ts";

/** Pause between two looks at a lock that another process holds. */
const LOCK_POLL_MS = 100;

/** The part of the cache that holds one model. */
export class RepositoryCache {
  readonly #folder: string;
  readonly #lockFolder: string;
  readonly #useSymlinks: boolean;

  /**
   * The part of a cache that holds one model.
   *
   * @param cacheFolder The whole cache. @param id Owner and name.
   * @param options Whether snapshots may hold symbolic links.
   */
  constructor(cacheFolder: string, id: string, options: { useSymlinks: boolean }) {
    const name = `models--${id.replace("/", "--")}`;
    this.#folder = join(cacheFolder, name);
    this.#lockFolder = join(cacheFolder, ".locks", name);
    this.#useSymlinks = options.useSymlinks;
  }

  /** Folder of a commit's files. */
  snapshotFolder(commit: string): string {
    return join(this.#folder, "snapshots", commit);
  }

  /** Where a content lies. */
  blobPath(etag: string): string {
    return join(this.#folder, "blobs", etag);
  }

  /** Where a file of a commit lies. */
  filePath(commit: string, file: string): string {
    return join(this.snapshotFolder(commit), checkFileName(file, this.#folder));
  }

  /** Whether a file of a commit is there, with its content. */
  async has(commit: string, file: string): Promise<boolean> {
    return await exists(this.filePath(commit, file));
  }

  /** Notes that a commit has no such file. */
  async noteAbsent(commit: string, file: string): Promise<void> {
    const path = join(this.#folder, ".no_exist", commit, checkFileName(file, this.#folder));
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, new Uint8Array(0));
  }

  /** Whether a commit is known to have no such file. */
  async isAbsent(commit: string, file: string): Promise<boolean> {
    return await exists(join(this.#folder, ".no_exist", commit, checkFileName(file, this.#folder)));
  }

  /** The commit that a revision was at when last asked, or none. */
  async readRef(revision: string): Promise<string | undefined> {
    try {
      const text = await Deno.readTextFile(this.#refPath(revision));
      return /^[0-9a-f]{40}$/.test(text.trim()) ? text.trim() : undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  /** Notes the commit that a revision is at. */
  async writeRef(revision: string, commit: string): Promise<void> {
    const path = this.#refPath(revision);
    await Deno.mkdir(dirname(path), { recursive: true });
    await replaceFile(path, (temporary) => Deno.writeTextFile(temporary, commit));
  }

  #refPath(revision: string): string {
    return join(this.#folder, "refs", checkFileName(revision, this.#folder));
  }

  /**
   * Puts a content into a commit's snapshot: as a symbolic link, which can be
   * moved with the cache; else as a second name of the file; else as a copy.
   */
  async link(commit: string, file: string, etag: string): Promise<void> {
    const path = this.filePath(commit, file);
    const blob = this.blobPath(etag);
    const toRoot = "../".repeat(file.split("/").length + 1);
    await Deno.mkdir(dirname(path), { recursive: true });
    await replaceFile(path, async (temporary) => {
      const ways = [
        ...(this.#useSymlinks ? [() => Deno.symlink(`${toRoot}blobs/${etag}`, temporary)] : []),
        () => Deno.link(blob, temporary),
        () => Deno.copyFile(blob, temporary),
      ];
      for (const [i, way] of ways.entries()) {
        try {
          return await way();
        } catch (error) {
          if (i === ways.length - 1) throw error;
        }
      }
    });
  }

  /**
   * Waits until no other task or process fetches a content.
   *
   * @returns What to dispose when done.
   * @throws The signal's reason.
   */
  async lock(etag: string, signal: AbortSignal): Promise<Disposable> {
    await Deno.mkdir(this.#lockFolder, { recursive: true });
    const file = await Deno.open(join(this.#lockFolder, `${etag}.lock`), {
      write: true,
      create: true,
    });
    try {
      // Polled: a wait in the system could not be aborted.
      while (!await file.tryLock(true)) await delay(LOCK_POLL_MS, signal);
      return file;
    } catch (error) {
      file.close();
      throw error;
    }
  }
}

/** Writes a file aside and moves it into place, so that no reader sees half of it. */
async function replaceFile(path: string, write: (temporary: string) => Promise<void>) {
  const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}.tmp`;
  try {
    await write(temporary);
    await Deno.rename(temporary, path);
  } catch (cause) {
    await Deno.remove(temporary).catch(() => {});
    throw new CheckpointError(`Cannot write ${path} in the cache of models: is it writable?`, {
      path,
      cause,
    });
  }
}

/** Whether there is something at a path, and behind its links. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}
