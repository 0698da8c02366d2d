/**
 * Scaling of a waveform by what a stream has been so far, instead of by each
 * window: a sample is scaled once and for all, so what is computed from it can
 * be kept.
 *
 * @module
 */

/** Sums over all samples of a stream so far. A plain record. */
export interface RunningNorm {
  readonly sampleCount: number;
  readonly sum: number;
  readonly squareSum: number;
  /** One past the last sample heard. */
  readonly endSample: number;
}

/** What is assumed of a stream before it is heard: a second of quiet speech. */
export const RUNNING_NORM_START: RunningNorm = {
  sampleCount: 16_000,
  sum: 0,
  squareSum: 16_000 * 0.03 ** 2,
  endSample: 0,
};

/**
 * Takes in samples from `startSample` on; those heard before are passed over.
 *
 * @param norm What was heard before; not changed.
 * @param samples Samples of the stream. // [S]
 * @param startSample Where they lie.
 */
export function hearSamples(
  norm: RunningNorm,
  samples: Float32Array,
  startSample: number,
): RunningNorm {
  let { sum, squareSum, sampleCount } = norm;
  for (let i = Math.max(0, norm.endSample - startSample); i < samples.length; i++) {
    const sample = samples[i]!;
    sum += sample;
    squareSum += sample * sample;
    sampleCount++;
  }
  const endSample = Math.max(norm.endSample, startSample + samples.length);
  return { sum, squareSum, sampleCount, endSample };
}

/** Keeps the variance of silence away from 0; the value models were trained with. */
const VARIANCE_FLOOR = 1e-7;

/** The samples, scaled to zero mean and unit variance as known so far. // [S] → [S] */
export function applyNorm(norm: RunningNorm, samples: Float32Array): Float32Array<ArrayBuffer> {
  const mean = norm.sum / norm.sampleCount;
  const variance = Math.max(0, norm.squareSum / norm.sampleCount - mean * mean);
  const scale = 1 / Math.sqrt(variance + VARIANCE_FLOOR);
  return Float32Array.from(samples, (sample) => (sample - mean) * scale);
}
