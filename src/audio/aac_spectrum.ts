/**
 * Quantised values to spectra: scaling, noise, stereo, temporal noise shaping.
 *
 * @module
 */
import {
  Book,
  type ChannelData,
  type Element,
  FRAME_LENGTH,
  type TnsFilter,
  WindowSequence,
} from "./aac_syntax.ts";
import { TNS_MAX_BANDS_LONG, TNS_MAX_BANDS_SHORT } from "./aac_tables.ts";

const SHORT_LENGTH = 128;

/**
 * Computes the spectra of an element.
 *
 * @param element Its channels as read.
 * @param rateIndex Which tables apply.
 * @returns One spectrum for each channel. // [C][1024]
 */
export function dequantise(element: Element, rateIndex: number): Float64Array[] {
  const spectra = element.channels.map(scaleChannel);
  const [left, right] = spectra;
  if (left !== undefined && right !== undefined) joinStereo(element, left, right);
  element.channels.forEach((channel, i) => shapeNoise(channel, spectra[i]!, rateIndex));
  return spectra;
}

/** Calls back with the coefficients `[from, to)` of every band of every window. */
function forEachBand(
  { layout }: ChannelData,
  visit: (band: { group: number; band: number; from: number; to: number }) => void,
): void {
  let window = 0;
  layout.groups.forEach((windowCount, group) => {
    for (const end = window + windowCount; window < end; window++) {
      for (let band = 0; band < layout.maxBand; band++) {
        const from = SHORT_LENGTH * window + layout.bands[band]!;
        visit({ group, band, from, to: SHORT_LENGTH * window + layout.bands[band + 1]! });
      }
    }
  });
}

function scaleChannel(channel: ChannelData): Float64Array {
  const spectrum = new Float64Array(FRAME_LENGTH);
  let seed = 1;
  forEachBand(channel, ({ group, band, from, to }) => {
    const book = channel.books[group]![band]!;
    const scale = channel.scales[group]![band]!;
    if (book === Book.NOISE) {
      for (let i = from; i < to; i++) {
        seed = (Math.imul(seed, 1664525) + 1013904223) | 0;
        spectrum[i] = seed;
      }
      const noise = spectrum.subarray(from, to);
      const energy = noise.reduce((sum, x) => sum + x * x, 0);
      const gain = 2 ** (scale / 4) / Math.sqrt(energy);
      noise.forEach((x, i) => noise[i] = x * gain);
    } else if (book <= Book.ESCAPE) {
      const gain = 2 ** ((scale - 100) / 4);
      for (let i = from; i < to; i++) {
        const value = channel.quantised[i]!;
        spectrum[i] = Math.sign(value) * Math.abs(value) ** (4 / 3) * gain;
      }
    }
  });
  return spectrum;
}

/** Turns sum and difference, and intensity with a direction, into left and right, in place. */
function joinStereo(element: Element, left: Float64Array, right: Float64Array): void {
  const second = element.channels[1]!;
  forEachBand(second, ({ group, band, from, to }) => {
    const book = second.books[group]![band]!;
    const isMidSide = element.midSide?.[group]?.[band] ?? false;
    if (book === Book.INTENSITY || book === Book.INTENSITY_OPPOSITE) {
      const isOpposite = (book === Book.INTENSITY_OPPOSITE) !== isMidSide;
      const gain = (isOpposite ? -1 : 1) * 0.5 ** (second.scales[group]![band]! / 4);
      for (let i = from; i < to; i++) right[i] = left[i]! * gain;
    } else if (isMidSide && book !== Book.NOISE) {
      for (let i = from; i < to; i++) {
        [left[i], right[i]] = [left[i]! + right[i]!, left[i]! - right[i]!];
      }
    }
  });
}

/** Temporal noise shaping: an all-pole filter along the frequencies, in place. */
function shapeNoise({ layout, tns }: ChannelData, spectrum: Float64Array, rateIndex: number): void {
  const isShort = layout.sequence === WindowSequence.EIGHT_SHORT;
  const reach = (isShort ? TNS_MAX_BANDS_SHORT : TNS_MAX_BANDS_LONG)[rateIndex]!;
  const limit = Math.min(reach, layout.maxBand);
  let window = -1;
  let top = 0;
  for (const filter of tns) {
    if (filter.window !== window) [window, top] = [filter.window, layout.bands.length - 1];
    const bottom = Math.max(top - filter.bandCount, 0);
    const from = SHORT_LENGTH * window + layout.bands[Math.min(bottom, limit)]!;
    const to = SHORT_LENGTH * window + layout.bands[Math.min(top, limit)]!;
    filterSpan(spectrum.subarray(from, to), filter);
    top = bottom;
  }
}

function filterSpan(span: Float64Array, filter: TnsFilter): void {
  const weights = predictorOf(filter);
  const at = (n: number) => filter.isBackward ? span.length - 1 - n : n;
  for (let n = 0; n < span.length; n++) {
    let sum = span[at(n)]!;
    for (let i = 1; i <= Math.min(n, weights.length); i++) {
      sum -= weights[i - 1]! * span[at(n - i)]!;
    }
    span[at(n)] = sum;
  }
}

/** Quantised reflection coefficients to those of the filter. */
function predictorOf({ coefficients, resolution }: TnsFilter): number[] {
  const half = 2 ** (resolution - 1);
  let weights: number[] = [];
  for (const value of coefficients) {
    const steps = value >= 0 ? half - 0.5 : half + 0.5;
    const reflection = Math.sin(value * Math.PI / 2 / steps);
    const reversed = weights.toReversed();
    weights = [...weights.map((weight, i) => weight + reflection * reversed[i]!), reflection];
  }
  return weights;
}
