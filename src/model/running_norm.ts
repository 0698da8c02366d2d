/**
 * Scaling of a waveform by what a stream has been so far, instead of by each
 * window: a sample is scaled once and for all, whatever windows it lies in, so
 * what is computed from it can be kept.
 *
 * The stream is cut into blocks from its start; a block is scaled by what came
 * before it, of the last ten seconds above all.
 *
 * @module
 */

/** Samples that are scaled alike: 20 ms at 16 kHz. */
const BLOCK_SAMPLES = 320;

/** So many samples weigh; older ones fade. 10 s at 16 kHz. */
const HORIZON_SAMPLES = 160_000;

/** Blocks whose scale is remembered: as many as the longest window has at least. */
const REMEMBERED_BLOCKS = 1500;

/** Keeps the variance of silence away from 0; the value models were trained with. */
const VARIANCE_FLOOR = 1e-7;

/** What a block is scaled by: less its mean, times its factor. */
interface BlockScale {
  readonly mean: number;
  readonly factor: number;
}

/** Sums over the samples of a stream so far, newer ones in full. */
interface Sums {
  readonly sampleCount: number;
  readonly sum: number;
  readonly squareSum: number;
}

/** How a stream is scaled. A plain record. */
export interface RunningNorm extends Sums {
  /** One past the last sample heard: the start of a block. */
  readonly endSample: number;
  /** Scales of the last blocks up to the one that starts at `endSample`, in order. */
  readonly scales: readonly BlockScale[];
}

/** What is assumed of a stream before it is heard: a quarter of a second of quiet speech. */
const PRIOR: Sums = { sampleCount: 4000, sum: 0, squareSum: 4000 * 0.03 ** 2 };

/** A stream that was not heard yet. */
export const RUNNING_NORM_START: RunningNorm = { ...PRIOR, endSample: 0, scales: [scaleOf(PRIOR)] };

/**
 * Takes in samples from `startSample` on that were not heard before. Samples that were passed over
 * are taken for what they follow.
 *
 * @param norm What was heard before; not changed.
 * @param samples Samples of the stream. // [S]
 * @param startSample Where they lie.
 */
export function hearRunning(
  norm: RunningNorm,
  samples: Float32Array,
  startSample: number,
): RunningNorm {
  let sums: Sums = norm;
  let { endSample } = norm;
  const scales = [...norm.scales];
  for (; endSample + BLOCK_SAMPLES <= startSample + samples.length; endSample += BLOCK_SAMPLES) {
    const at = endSample - startSample;
    if (at >= 0) sums = addBlock(sums, samples.subarray(at, at + BLOCK_SAMPLES));
    scales.push(scaleOf(sums));
  }
  const { sampleCount, sum, squareSum } = sums;
  return { sampleCount, sum, squareSum, endSample, scales: scales.slice(-REMEMBERED_BLOCKS) };
}

/**
 * Scales samples where they lie, each by what was heard before it.
 *
 * @param norm What was heard, these samples included.
 * @param samples Samples of the stream. // [S]
 * @param startSample Where they lie.
 */
export function scaleRunning(
  { scales, endSample }: RunningNorm,
  samples: Float32Array,
  startSample: number,
): void {
  const firstKnown = endSample / BLOCK_SAMPLES + 1 - scales.length;
  for (let at = 0; at < samples.length;) {
    const block = Math.floor((startSample + at) / BLOCK_SAMPLES);
    const { mean, factor } = scales[Math.max(0, block - firstKnown)]!;
    const end = Math.min(samples.length, (block + 1) * BLOCK_SAMPLES - startSample);
    for (; at < end; at++) samples[at] = (samples[at]! - mean) * factor;
  }
}

function addBlock({ sampleCount, sum, squareSum }: Sums, block: Float32Array): Sums {
  const kept = Math.min(1, (HORIZON_SAMPLES - block.length) / sampleCount);
  let [blockSum, blockSquareSum] = [0, 0];
  for (let i = 0; i < block.length; i++) { // for-of takes five times as long
    blockSum += block[i]!;
    blockSquareSum += block[i]! * block[i]!;
  }
  return {
    sampleCount: kept * sampleCount + block.length,
    sum: kept * sum + blockSum,
    squareSum: kept * squareSum + blockSquareSum,
  };
}

/** To zero mean and unit variance. */
function scaleOf({ sampleCount, sum, squareSum }: Sums): BlockScale {
  const mean = sum / sampleCount;
  const variance = Math.max(0, squareSum / sampleCount - mean * mean);
  return { mean, factor: 1 / Math.sqrt(variance + VARIANCE_FLOOR) };
}
