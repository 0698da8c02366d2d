/**
 * Sound to measure with: a network's speed does not depend on what is said.
 *
 * @module
 */
import type { Tensor } from "../src/tensor.ts";

const SAMPLE_RATE_HZ = 16_000;

/** A tone in noise, of about unit variance, the same every time. [B, S] */
export function makeWaveforms(
  batch: number,
  seconds: number,
): Tensor<Float32Array<ArrayBuffer>> {
  const sampleCount = Math.round(seconds * SAMPLE_RATE_HZ);
  let state = 1;
  const data = new Float32Array(batch * sampleCount).map((_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.sin(i * 0.05) + 2.4 * (state / 2 ** 32 - 0.5);
  });
  return { data, shape: [batch, sampleCount] };
}
