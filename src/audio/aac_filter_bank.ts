/**
 * Spectra back to samples: inverse MDCT, windows, overlap.
 *
 * @module
 */
import { FRAME_LENGTH, WindowSequence } from "./aac_syntax.ts";

const SHORT_LENGTH = 128;
/** Where the short windows begin in a frame. */
const SHORT_START = (FRAME_LENGTH - SHORT_LENGTH) / 2;

/** What a channel carries from frame to frame. */
export interface OverlapState {
  /** Second half of the frame before. // [1024] */
  overlap: Float64Array;
  /** Its window shape. */
  shape: number;
}

/** The state before the first frame. */
export function startOverlap(): OverlapState {
  return { overlap: new Float64Array(FRAME_LENGTH), shape: 0 };
}

/**
 * Turns a spectrum into the next samples.
 *
 * @param spectrum Coefficients; short windows one after another. // [1024]
 * @param layout How the frame is cut into windows.
 * @param state Of this channel; changed. // [1024]
 * @returns Samples at the scale of 16-bit audio. // [1024]
 */
export function synthesise(
  spectrum: Float64Array,
  layout: { sequence: number; shape: number },
  state: OverlapState,
): Float64Array {
  const { sequence, shape } = layout;
  const isShort = sequence === WindowSequence.EIGHT_SHORT;
  const frame = isShort
    ? shortWindows(spectrum, shape, state.shape)
    : longWindow(spectrum, layout, state.shape);
  const samples = frame.subarray(0, FRAME_LENGTH).map((x, i) => x + state.overlap[i]!);
  state.overlap = frame.slice(FRAME_LENGTH);
  state.shape = shape;
  return samples;
}

function longWindow(
  spectrum: Float64Array,
  { sequence, shape }: { sequence: number; shape: number },
  previousShape: number,
): Float64Array {
  const frame = inverseMdct(spectrum);
  const rise = sequence === WindowSequence.LONG_STOP
    ? lateRise(previousShape)
    : slope(FRAME_LENGTH, previousShape);
  const fall = sequence === WindowSequence.LONG_START
    ? lateRise(shape)
    : slope(FRAME_LENGTH, shape);
  for (let i = 0; i < FRAME_LENGTH; i++) {
    frame[i]! *= rise[i]!;
    frame[2 * FRAME_LENGTH - 1 - i]! *= fall[i]!;
  }
  return frame;
}

function shortWindows(spectrum: Float64Array, shape: number, previousShape: number): Float64Array {
  const frame = new Float64Array(2 * FRAME_LENGTH);
  const fall = slope(SHORT_LENGTH, shape);
  for (let window = 0; window < 8; window++) {
    const at = window * SHORT_LENGTH;
    const part = inverseMdct(spectrum.subarray(at, at + SHORT_LENGTH));
    const rise = window === 0 ? slope(SHORT_LENGTH, previousShape) : fall;
    for (let i = 0; i < SHORT_LENGTH; i++) {
      frame[SHORT_START + at + i]! += part[i]! * rise[i]!;
      const mirrored = 2 * SHORT_LENGTH - 1 - i;
      frame[SHORT_START + at + mirrored]! += part[mirrored]! * fall[i]!;
    }
  }
  return frame;
}

const slopes = new Map<string, Float64Array>();

/** The rising half of a window. // [length] */
function slope(length: number, shape: number): Float64Array {
  const key = `${length}/${shape}`;
  let made = slopes.get(key);
  if (made === undefined) {
    slopes.set(key, made = shape === 0 ? sineSlope(length) : kaiserSlope(length));
  }
  return made;
}

/** The rising half of a long window next to short ones: nothing, a short rise, then one. // [1024] */
function lateRise(shape: number): Float64Array {
  const rise = new Float64Array(FRAME_LENGTH).fill(1, SHORT_START + SHORT_LENGTH);
  rise.set(slope(SHORT_LENGTH, shape), SHORT_START);
  return rise;
}

function sineSlope(length: number): Float64Array {
  return Float64Array.from({ length }, (_, i) => Math.sin(Math.PI / (2 * length) * (i + 0.5)));
}

/** Kaiser-Bessel derived: alpha 4 for long windows, 6 for short ones. */
function kaiserSlope(length: number): Float64Array {
  const alpha = length === FRAME_LENGTH ? 4 : 6;
  const kernel = Float64Array.from(
    { length: length + 1 },
    (_, i) => besselI0(Math.PI * alpha * Math.sqrt(1 - (2 * i / length - 1) ** 2)),
  );
  const total = kernel.reduce((sum, x) => sum + x, 0);
  let sum = 0;
  return Float64Array.from({ length }, (_, i) => Math.sqrt((sum += kernel[i]!) / total));
}

function besselI0(x: number): number {
  let sum = 1;
  for (let k = 1, term = 1; term > sum * 1e-17; k++) sum += term *= (x / (2 * k)) ** 2;
  return sum;
}

/**
 * `x[n] = 2/N · Σ X[k] cos(2π/N · (n + 1/2 + N/4)(k + 1/2))` with `N` twice the coefficients.
 *
 * @param spectrum A power of two. // [M]
 * @returns // [2 M]
 */
export function inverseMdct(spectrum: Float64Array): Float64Array {
  const length = spectrum.length;
  const cosines = dct4(spectrum);
  const out = new Float64Array(2 * length);
  const half = length / 2;
  for (let n = 0; n < half; n++) {
    out[n] = cosines[n + half]! / length;
    out[length - 1 - n] = -out[n]!;
    out[length + n] = -cosines[half - 1 - n]! / length;
    out[2 * length - 1 - n] = out[length + n]!;
  }
  return out;
}

/** Angles and order of a transform, by its length. */
interface Plan {
  /** `exp(-iπ (n + 1/8) / M)`. // [M/2] */
  twiddles: { cos: Float64Array; sin: Float64Array };
  /** `exp(-2πi k / (M/2))`. // [M/4] */
  roots: { cos: Float64Array; sin: Float64Array };
  /** Index with its bits reversed. // [M/2] */
  reversed: Uint16Array;
}

const plans = new Map<number, Plan>();

function planFor(length: number): Plan {
  const known = plans.get(length);
  if (known !== undefined) return known;
  const half = length / 2;
  const turns = (count: number, angle: (n: number) => number) => ({
    cos: Float64Array.from({ length: count }, (_, n) => Math.cos(angle(n))),
    sin: Float64Array.from({ length: count }, (_, n) => Math.sin(angle(n))),
  });
  const reversed = new Uint16Array(half);
  for (let i = 1; i < half; i++) reversed[i] = (reversed[i >> 1]! >> 1) | (i & 1 ? half >> 1 : 0);
  const plan = {
    twiddles: turns(half, (n) => -Math.PI * (n + 1 / 8) / length),
    roots: turns(half / 2, (k) => -2 * Math.PI * k / half),
    reversed,
  };
  plans.set(length, plan);
  return plan;
}

/** Discrete cosine transform of type 4, by a complex FFT of half the length. // [M] -> [M] */
function dct4(input: Float64Array): Float64Array {
  const length = input.length;
  const half = length / 2;
  const { twiddles: { cos, sin }, roots, reversed } = planFor(length);
  const re = new Float64Array(half);
  const im = new Float64Array(half);
  for (let n = 0; n < half; n++) {
    const a = input[2 * n]!;
    const b = input[length - 1 - 2 * n]!;
    re[reversed[n]!] = a * cos[n]! - b * sin[n]!;
    im[reversed[n]!] = a * sin[n]! + b * cos[n]!;
  }
  fft(re, im, roots);
  const out = new Float64Array(length);
  for (let k = 0; k < half; k++) {
    out[2 * k] = re[k]! * cos[k]! - im[k]! * sin[k]!;
    out[length - 1 - 2 * k] = -(re[k]! * sin[k]! + im[k]! * cos[k]!);
  }
  return out;
}

/** Radix-2 complex FFT in place, of input in bit-reversed order. */
function fft(re: Float64Array, im: Float64Array, { cos, sin }: Plan["roots"]): void {
  const length = re.length;
  for (let half = 1; half < length; half *= 2) {
    const stride = length / (2 * half);
    for (let k = 0; k < half; k++) {
      const c = cos[k * stride]!;
      const s = sin[k * stride]!;
      for (let a = k; a < length; a += 2 * half) {
        const b = a + half;
        const x = re[b]! * c - im[b]! * s;
        const y = re[b]! * s + im[b]! * c;
        re[b] = re[a]! - x;
        im[b] = im[a]! - y;
        re[a]! += x;
        im[a]! += y;
      }
    }
  }
}
