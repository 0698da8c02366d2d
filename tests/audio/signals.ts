/**
 * Signals with known answers, and measures of how close a result comes.
 *
 * @module
 */

/** A sine of amplitude `amplitude`. // [S] */
export function sine(
  hz: number,
  rateHz: number,
  options: { sampleCount: number; amplitude?: number },
): Float32Array {
  const { sampleCount, amplitude = 1 } = options;
  const omega = 2 * Math.PI * hz / rateHz;
  return Float32Array.from({ length: sampleCount }, (_, i) => amplitude * Math.sin(omega * i));
}

/** Repeatable noise in [-1, 1). // [S] */
export function noise(sampleCount: number, seed = 1): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: sampleCount }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** All chunks in one array. // [S] */
export function concat(chunks: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** Mean power over the samples at least `margin` from either end. */
export function power(samples: Float32Array, margin = 0): number {
  const inner = samples.subarray(margin, samples.length - margin);
  return inner.reduce((sum, x) => sum + x * x, 0) / inner.length;
}

/** How far `actual` is below `expected`'s error, dB, leaving out `margin` samples at either end. */
export function signalToErrorDb(
  actual: Float32Array,
  expected: Float32Array,
  margin = 0,
): number {
  const error = expected.map((x, i) => x - (actual[i] ?? 0));
  return 10 * Math.log10(power(expected, margin) / power(error, margin));
}
