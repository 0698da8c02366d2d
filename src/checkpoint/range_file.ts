/**
 * A file read by ranges.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { reasonOf } from "./messages.ts";

/** An open file of a checkpoint. Reads may overlap in time; they are done one after the other. */
export class RangeFile implements AsyncDisposable {
  /** Where the file lies. */
  readonly path: string;
  /** Bytes in the file when it was opened. */
  readonly byteLength: number;
  readonly #file: Deno.FsFile;
  #last: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(path: string, byteLength: number, file: Deno.FsFile) {
    this.path = path;
    this.byteLength = byteLength;
    this.#file = file;
  }

  /** Opens a file. @throws {CheckpointError} If there is no such file. */
  static async open(path: string): Promise<RangeFile> {
    let file;
    try {
      file = await Deno.open(path);
      const { size, isFile } = await file.stat();
      if (!isFile) throw new TypeError("it is not a file");
      return new RangeFile(path, size, file);
    } catch (cause) {
      file?.close();
      throw new CheckpointError(`Cannot open ${path} because of: ${reasonOf(cause)}`, {
        path,
        cause,
      });
    }
  }

  /**
   * Reads a range into a buffer of its own.
   *
   * @throws {CheckpointError} If the range is not within the file, or the file is closed.
   */
  read(startByte: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
    const turn = this.#last.then(() => this.#read(startByte, byteLength));
    this.#last = turn.catch(() => {}); // one failed read must not fail the next
    return turn;
  }

  async #read(startByte: number, byteLength: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#closed) throw this.#error("it is closed");
    const endByte = startByte + byteLength;
    if (!(startByte >= 0 && byteLength >= 0 && endByte <= this.byteLength)) {
      throw this.#error(`it ends at byte ${this.byteLength}: wanted ${startByte} to ${endByte}`);
    }
    const bytes = new Uint8Array(byteLength);
    await this.#file.seek(startByte, Deno.SeekMode.Start);
    for (let filled = 0; filled < byteLength;) {
      const count = await this.#file.read(bytes.subarray(filled));
      if (count === null) throw this.#error("it became shorter while it was read");
      filled += count;
    }
    return bytes;
  }

  #error(reason: string): CheckpointError {
    return new CheckpointError(`Cannot read ${this.path} because ${reason}`, { path: this.path });
  }

  /** Closes the file after the read under way. */
  close(): Promise<void> {
    return this.#closed ??= this.#last.then(() => this.#file.close());
  }

  /** Same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
