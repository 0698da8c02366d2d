/**
 * The one clock: integer samples since stream start, at the model's rate.
 * Milliseconds and seconds are derived here and nowhere else.
 *
 * @module
 */

/** Samples in a span of milliseconds, rounded to the nearest sample. */
export function msToSamples(ms: number, sampleRateHz: number): number {
  return Math.round(ms * sampleRateHz / 1000);
}

/** Milliseconds that `samples` last. */
export function samplesToMs(samples: number, sampleRateHz: number): number {
  return samples * 1000 / sampleRateHz;
}

/** Seconds that `samples` last. */
export function samplesToSeconds(samples: number, sampleRateHz: number): number {
  return samples / sampleRateHz;
}
