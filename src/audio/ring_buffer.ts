/**
 * The recent past of one stream: memory that stays the same, positions that never reset.
 *
 * @module
 */

/** A read of samples that {@linkcode RingBuffer.forgetBefore} has given up. */
export class ForgottenSamplesError extends Error {
  /** The class's name, as `Error` has it. */
  override name = "ForgottenSamplesError";
  /** Where the read was to begin. */
  readonly startSample: number;
  /** First sample still held. */
  readonly validStartSample: number;
  /** One past the last sample held. */
  readonly validEndSample: number;

  /**
   * Says what is held.
   *
   * @param startSample Where the read was to begin.
   * @param valid What is held, `[start, end)`.
   */
  constructor(startSample: number, valid: { startSample: number; endSample: number }) {
    super(
      `Cannot read from sample ${startSample} as it is forgotten: held are ` +
        `[${valid.startSample}, ${valid.endSample})`,
    );
    this.startSample = startSample;
    this.validStartSample = valid.startSample;
    this.validEndSample = valid.endSample;
  }
}

/**
 * Samples of one channel, addressed by their absolute position since the stream's start.
 *
 * Nothing is overwritten behind the owner's back: what may go is said with
 * {@linkcode RingBuffer.forgetBefore}, and a push that does not fit is refused whole.
 *
 * @example
 * ```ts
 * import { RingBuffer } from "./ring_buffer.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const buffer = new RingBuffer(4);
 * buffer.push(new Float32Array([0, 1, 2]));
 * buffer.forgetBefore(2);
 * buffer.push(new Float32Array([3, 4]));
 * assertEquals(buffer.read(2, 5), new Float32Array([2, 3, 4]));
 * ```
 */
export class RingBuffer {
  readonly #samples: Float32Array;
  #startSample = 0;
  #endSample = 0;

  /**
   * Allocates the memory.
   *
   * @param capacitySamples Most samples held at once; allocated now, for good.
   * @throws {RangeError} If it is not a positive integer.
   */
  constructor(capacitySamples: number) {
    if (!Number.isSafeInteger(capacitySamples) || capacitySamples < 1) {
      throw new RangeError(
        `Cannot make a ring buffer as its capacity must be a positive integer: ${capacitySamples}`,
      );
    }
    this.#samples = new Float32Array(capacitySamples);
  }

  /** Most samples held at once. */
  get capacitySamples(): number {
    return this.#samples.length;
  }

  /** First sample held; equal to {@linkcode RingBuffer.endSample} when none is. */
  get startSample(): number {
    return this.#startSample;
  }

  /** One past the last sample pushed: the length of the stream so far. */
  get endSample(): number {
    return this.#endSample;
  }

  /** Samples that can be pushed before something must be forgotten. */
  get freeSamples(): number {
    return this.capacitySamples - (this.#endSample - this.#startSample);
  }

  /**
   * Appends samples to the stream.
   *
   * @param samples Any number; copied. // [S]
   * @throws {RangeError} If they do not fit; then none is taken.
   */
  push(samples: Float32Array): void {
    if (samples.length > this.freeSamples) {
      throw new RangeError(
        `Cannot push ${samples.length} samples as ${this.freeSamples} of ` +
          `${this.capacitySamples} are free: call forgetBefore() with the first sample still ` +
          `needed (held are [${this.#startSample}, ${this.#endSample})), or make a larger buffer`,
      );
    }
    const at = this.#endSample % this.capacitySamples;
    const head = Math.min(samples.length, this.capacitySamples - at);
    this.#samples.set(samples.subarray(0, head), at);
    this.#samples.set(samples.subarray(head), 0);
    this.#endSample += samples.length;
  }

  /**
   * Copies the samples of `[startSample, endSample)`.
   *
   * @returns A new array. // [endSample - startSample]
   * @throws {ForgottenSamplesError} If the first ones are forgotten.
   * @throws {RangeError} If the last ones have not come yet, or the span is not one.
   */
  read(startSample: number, endSample: number): Float32Array {
    if (
      !Number.isInteger(startSample) || !Number.isInteger(endSample) || startSample > endSample ||
      endSample > this.#endSample
    ) {
      throw new RangeError(
        `Cannot read samples [${startSample}, ${endSample}) as held are ` +
          `[${this.#startSample}, ${this.#endSample})`,
      );
    }
    if (startSample < this.#startSample) {
      throw new ForgottenSamplesError(startSample, this);
    }
    const copy = new Float32Array(endSample - startSample);
    const at = startSample % this.capacitySamples;
    const head = Math.min(copy.length, this.capacitySamples - at);
    copy.set(this.#samples.subarray(at, at + head));
    copy.set(this.#samples.subarray(0, copy.length - head), head);
    return copy;
  }

  /**
   * Gives up the samples before `sample`, so that as many can be pushed.
   *
   * @param sample First sample still needed, at most the end; earlier than the start is no change.
   * @throws {RangeError} If it lies beyond the end.
   */
  forgetBefore(sample: number): void {
    if (!Number.isInteger(sample) || sample > this.#endSample) {
      throw new RangeError(
        `Cannot forget before sample ${sample} as held are ` +
          `[${this.#startSample}, ${this.#endSample})`,
      );
    }
    this.#startSample = Math.max(this.#startSample, sample);
  }
}
