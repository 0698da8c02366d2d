/**
 * Scaling of a waveform by what a stream has been so far, instead of by each
 * window: a sample is scaled once and for all, so what is computed from it can
 * be kept.
 *
 * @module
 */

/** What is assumed of a stream before it is heard: a second of quiet speech. */
const PRIOR_SAMPLE_COUNT = 16_000;
const PRIOR_VARIANCE = 0.03 ** 2;

/** Mean and variance of all samples of a stream so far. */
export class RunningNorm {
  #sampleCount = PRIOR_SAMPLE_COUNT;
  #sum = 0;
  #squareSum = PRIOR_SAMPLE_COUNT * PRIOR_VARIANCE;
  #endSample = 0;

  /** Takes in samples from `startSample` on; those heard before are passed over. // [S] */
  hear(samples: Float32Array, startSample: number): void {
    for (let i = Math.max(0, this.#endSample - startSample); i < samples.length; i++) {
      const sample = samples[i]!;
      this.#sum += sample;
      this.#squareSum += sample * sample;
      this.#sampleCount++;
    }
    this.#endSample = Math.max(this.#endSample, startSample + samples.length);
  }

  /** The samples, scaled to zero mean and unit variance as known so far. // [S] → [S] */
  apply(samples: Float32Array): Float32Array<ArrayBuffer> {
    const mean = this.#sum / this.#sampleCount;
    const variance = this.#squareSum / this.#sampleCount - mean * mean;
    const scale = 1 / Math.sqrt(variance + 1e-7);
    return Float32Array.from(samples, (sample) => (sample - mean) * scale);
  }
}
