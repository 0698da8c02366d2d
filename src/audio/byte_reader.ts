/**
 * Bytes in order, from wherever they come, with a look ahead.
 *
 * @module
 */

import { AudioError } from "../errors.ts";

/** Where encoded audio comes from: its bytes, a stream of them, or the path of a file. */
export type AudioSource = Uint8Array | ReadableStream<Uint8Array> | string | URL;

/** Most bytes handed out at once. */
const CHUNK_BYTE_LENGTH = 1 << 16;

/** Reads a source once, from start to end. Owns the file or the stream's lock until closed. */
export class ByteReader {
  readonly #stream: ReadableStreamDefaultReader<Uint8Array>;
  #ahead: Uint8Array = new Uint8Array(0);
  #position = 0;
  #failure: { error: unknown } | undefined;

  private constructor(stream: ReadableStream<Uint8Array>) {
    this.#stream = stream.getReader();
  }

  /** Opens a source. @param source The caller must not read a stream any more. */
  static async open(source: AudioSource): Promise<ByteReader> {
    if (source instanceof Uint8Array) {
      return new ByteReader(new Blob([source as BlobPart]).stream());
    }
    if (source instanceof ReadableStream) return new ByteReader(source);
    return new ByteReader((await Deno.open(source)).readable);
  }

  /** Bytes taken so far. */
  get position(): number {
    return this.#position;
  }

  /** What the source failed with, if it did. Decoders pass it on as it is. */
  get failure(): { error: unknown } | undefined {
    return this.#failure;
  }

  /** The next `byteLength` bytes without taking them; fewer only at the end. */
  async peek(byteLength: number): Promise<Uint8Array> {
    const parts = [this.#ahead];
    let have = this.#ahead.length;
    while (have < byteLength) {
      const value = await this.#read();
      if (value === undefined) break;
      parts.push(value);
      have += value.length;
    }
    if (parts.length > 1) this.#ahead = concat(parts, have);
    return this.#ahead.subarray(0, byteLength);
  }

  /** Takes `byteLength` bytes; fewer only at the end. */
  async take(byteLength: number): Promise<Uint8Array> {
    const bytes = await this.peek(byteLength);
    this.#drop(bytes.length);
    return bytes;
  }

  /** Takes what comes next, at most `limit` bytes. @returns `undefined` at the end. */
  async next(limit: number = CHUNK_BYTE_LENGTH): Promise<Uint8Array | undefined> {
    while (this.#ahead.length === 0) {
      const value = await this.#read();
      if (value === undefined) return undefined;
      this.#ahead = value;
    }
    const bytes = this.#ahead.subarray(0, Math.min(limit, CHUNK_BYTE_LENGTH));
    this.#drop(bytes.length);
    return bytes;
  }

  /** Passes over `byteLength` bytes, or to the end. */
  async skip(byteLength: number): Promise<void> {
    for (let left = byteLength; left > 0;) {
      const bytes = await this.next(left);
      if (bytes === undefined) return;
      left -= bytes.length;
    }
  }

  /** Gives the source back; a file is closed, a stream is cancelled. */
  async close(): Promise<void> {
    await this.#stream.cancel().catch(() => {}); // A source that already failed has said so.
  }

  async #read(): Promise<Uint8Array | undefined> {
    try {
      return (await this.#stream.read()).value;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  #drop(byteLength: number): void {
    this.#ahead = this.#ahead.subarray(byteLength);
    this.#position += byteLength;
  }
}

function concat(parts: readonly Uint8Array[], byteLength: number): Uint8Array {
  const whole = new Uint8Array(byteLength);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Waits for a library to read its way into a file, and gives its failure a reason.
 *
 * @param message For when the library fails on what it read.
 * @throws {AudioError} With the library's error as its cause.
 * @throws The source's own failure, as it is.
 */
export async function orDamaged<T>(
  opening: Promise<T>,
  reader: ByteReader,
  message: string,
): Promise<T> {
  try {
    return await opening;
  } catch (cause) {
    if (reader.failure !== undefined) throw reader.failure.error;
    throw cause instanceof AudioError ? cause : new AudioError(message, { cause });
  }
}
