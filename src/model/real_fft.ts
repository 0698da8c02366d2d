/**
 * The door to fft.js, with types: it has none.
 *
 * @see {@link https://github.com/indutny/fft.js}
 * @module
 */
import FFT from "fft.js";

interface Fft {
  /** Fills the first half of `out`, real and imaginary parts in turn, of size 2 · length. */
  realTransform(out: Float64Array, input: Float64Array): void;
}

/** Power of a real signal at the frequencies 0 … length / 2. input: [length] → output: [length / 2 + 1] */
export type PowerSpectrum = (input: Float64Array, output: Float64Array) => void;

/** The power spectrum of signals of one length, a power of two. */
export function createPowerSpectrum(length: number): PowerSpectrum {
  const fft: Fft = new FFT(length);
  const complex = new Float64Array(2 * length);
  return (input, output) => {
    fft.realTransform(complex, input);
    for (let bin = 0; bin <= length / 2; bin++) {
      output[bin] = complex[2 * bin]! ** 2 + complex[2 * bin + 1]! ** 2;
    }
  };
}
