/**
 * Audio that was sent and may have to be sent again.
 *
 * @module
 */

/** Keeps bytes by the position of their samples. */
export class UnacceptedAudio {
  readonly #bytesPerSample: number;
  #pieces: { readonly startSample: number; readonly bytes: Uint8Array<ArrayBuffer> }[] = [];
  #endSample = 0;
  #byteLength = 0;

  /** @param bytesPerSample Bytes of one sample of all channels. */
  constructor(bytesPerSample: number) {
    this.#bytesPerSample = bytesPerSample;
  }

  /** Bytes that are kept. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /**
   * Keeps a piece that follows.
   *
   * @throws {RangeError} If it does not hold whole samples.
   */
  push(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length % this.#bytesPerSample !== 0) {
      throw new RangeError(
        `Cannot send ${bytes.length} bytes as a sample has ${this.#bytesPerSample}`,
      );
    }
    this.#pieces.push({ startSample: this.#endSample, bytes });
    this.#endSample += bytes.length / this.#bytesPerSample;
    this.#byteLength += bytes.length;
  }

  /** Forgets all samples before one. */
  accept(sample: number): void {
    while (this.#pieces.length > 0) {
      const { startSample, bytes } = this.#pieces[0]!;
      const count = Math.min(bytes.length, (sample - startSample) * this.#bytesPerSample);
      if (count <= 0) return;
      this.#byteLength -= count;
      if (count < bytes.length) {
        this.#pieces[0] = { startSample: sample, bytes: bytes.subarray(count) };
        return;
      }
      this.#pieces.shift();
    }
  }

  /** What is kept, in order. */
  *pieces(): Generator<Uint8Array<ArrayBuffer>> {
    for (const { bytes } of this.#pieces) yield bytes;
  }
}
