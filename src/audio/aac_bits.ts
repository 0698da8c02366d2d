/**
 * Bits of an AAC packet, most significant first.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import type { Codebook } from "./aac_tables.ts";

/** Reads bits in order; reading beyond the end is damage. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  /**
   * Starts at the first bit.
   *
   * @param bytes The packet; not copied.
   */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bits left. */
  get left(): number {
    return this.#bytes.length * 8 - this.#position;
  }

  /** The next bit. */
  bit(): number {
    const byte = this.#bytes[this.#position >> 3];
    if (byte === undefined) throw new AudioError("Cannot decode AAC as a packet is cut short");
    return (byte >> (7 - (this.#position++ & 7))) & 1;
  }

  /** The next `count` bits as a number, at most 31. */
  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = (value << 1) | this.bit();
    return value;
  }

  /** The next bit as a condition. */
  flag(): boolean {
    return this.bit() === 1;
  }

  /** Passes over `count` bits. */
  skip(count: number): void {
    this.#position += count;
  }

  /** Goes on to the next whole byte. */
  align(): void {
    this.#position = (this.#position + 7) & ~7;
  }

  /** The symbol that the next codeword stands for. */
  symbol({ counts, symbols }: Codebook): number {
    let code = 0; // the bits so far, less the first codeword of this length
    let index = 0; // of the first symbol of this length
    for (const count of counts) {
      code = (code << 1) | this.bit();
      if (code < count) return symbols[index + code]!;
      code -= count;
      index += count;
    }
    throw new AudioError("Cannot decode AAC as a codeword is damaged"); // The codes are complete.
  }
}
