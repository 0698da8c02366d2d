/**
 * A file that passes for a byte array and reads only the ranges it is asked for.
 *
 * @module
 */

/**
 * A file in the place of a `Uint8Array` of its content, for readers that ask
 * for `byteLength` and then for one `subarray` after the other. Memory holds
 * the largest range asked for, instead of the whole file.
 *
 * The result of `subarray` is valid until the next call of it.
 */
export class LazyFile extends Uint8Array<ArrayBuffer> {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #scratch = new Uint8Array(0);
  #failure: Error | undefined;

  /** @param path File to read from, until `close`. */
  constructor(path: string) {
    super(new ArrayBuffer(0));
    this.#path = path;
    this.#file = Deno.openSync(path);
    const { size } = this.#file.statSync();
    Object.defineProperty(this, "byteLength", { value: size });
  }

  /** Why a range could not be read, when one could not: the reader may swallow what `subarray` throws. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Reads a range. */
  override subarray(begin = 0, end: number = this.byteLength): Uint8Array<ArrayBuffer> {
    try {
      return this.#read(begin, end - begin);
    } catch (cause) {
      this.#failure = new Error(
        `Cannot read bytes ${begin} to ${end} of ${this.#path}: ${reasonOf(cause)}`,
        { cause },
      );
      throw this.#failure;
    }
  }

  #read(begin: number, byteLength: number): Uint8Array<ArrayBuffer> {
    if (this.#scratch.byteLength < byteLength) this.#scratch = new Uint8Array(byteLength);
    const range = this.#scratch.subarray(0, byteLength);
    this.#file.seekSync(begin, Deno.SeekMode.Start);
    for (let filled = 0; filled < byteLength;) {
      const count = this.#file.readSync(range.subarray(filled));
      if (count === null) throw new RangeError("the file ends before");
      filled += count;
    }
    return range;
  }

  /** Closes the file and frees the memory. */
  close(): void {
    this.#file.close();
    this.#scratch = new Uint8Array(0);
  }
}

/** An error's own words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Reads a file into one buffer of its size: `Deno.readFile` takes twice as much on the way. */
export async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  const bytes = new Uint8Array(size);
  let filled = 0;
  while (filled < size) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
