// @ts-check
/**
 * Audio that was recorded and that the server may not have yet.
 *
 * @module
 */

/** Keeps samples until they are accepted; positions count from the session's first sample. */
export class AudioLog {
  /** @type {{ start: number, samples: Int16Array }[]} */
  #chunks = [];
  #end = 0;

  /** Samples recorded so far. */
  get endSample() {
    return this.#end;
  }

  /** The oldest sample held. */
  get startSample() {
    return this.#chunks[0]?.start ?? this.#end;
  }

  /** @param {Int16Array} samples Recorded after the others. */
  append(samples) {
    if (samples.length === 0) return;
    this.#chunks.push({ start: this.#end, samples });
    this.#end += samples.length;
  }

  /**
   * Forgets what lies before a sample.
   *
   * @param {number} sample
   */
  dropBefore(sample) {
    const kept = this.#chunks.findIndex(({ start, samples }) => start + samples.length > sample);
    this.#chunks.splice(0, kept < 0 ? this.#chunks.length : kept);
  }

  /**
   * A copy of what lies after a sample, at most so much; shorter at the end.
   *
   * @param {number} sample
   * @param {number} count
   */
  read(sample, count) {
    const length = Math.max(0, Math.min(count, this.#end - sample));
    const copy = new Int16Array(length);
    for (const { start, samples } of this.#chunks) {
      const from = Math.max(start, sample);
      const to = Math.min(start + samples.length, sample + length);
      if (from < to) copy.set(samples.subarray(from - start, to - start), from - sample);
    }
    return copy;
  }
}
