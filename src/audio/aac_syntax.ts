/**
 * The syntax of AAC-LC: what the bits of a packet say, before any arithmetic.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import type { BitReader } from "./aac_bits.ts";
import {
  LONG_BANDS,
  SCALE_FACTOR_BOOK,
  SHORT_BANDS,
  SPECTRAL_BOOKS,
  SPECTRAL_SHAPES,
} from "./aac_tables.ts";

/** Coefficients of a frame. */
export const FRAME_LENGTH = 1024;

/** How a frame is cut into windows. */
export const WindowSequence = {
  ONLY_LONG: 0,
  LONG_START: 1,
  EIGHT_SHORT: 2,
  LONG_STOP: 3,
} as const;

/** Codebook numbers that stand for something other than coefficients. */
export const Book = {
  ZERO: 0,
  ESCAPE: 11,
  NOISE: 13,
  INTENSITY_OPPOSITE: 14,
  INTENSITY: 15,
} as const;

/** Windows, groups and bands of a channel. */
export interface WindowLayout {
  /** One of {@linkcode WindowSequence}. */
  sequence: number;
  /** 0 sine, 1 Kaiser-Bessel. */
  shape: number;
  /** Bands that are coded. */
  maxBand: number;
  /** Windows in each group. */
  groups: number[];
  /** First coefficient of each band within a window, and its length. */
  bands: readonly number[];
}

/** A filter of temporal noise shaping. */
export interface TnsFilter {
  /** The window it is for. */
  window: number;
  /** Bands it spans, downwards from where the filter before ended. */
  bandCount: number;
  /** Whether it runs down the frequencies. */
  isBackward: boolean;
  /** Quantised reflection coefficients. */
  coefficients: number[];
  /** Bits of their resolution. */
  resolution: number;
}

/** One channel of a packet. */
export interface ChannelData {
  /** How the frame is cut. */
  layout: WindowLayout;
  /** Codebook of each band. // [group][band] */
  books: number[][];
  /** Scale factor, intensity position or noise energy of each band. // [group][band] */
  scales: number[][];
  /** Filters of temporal noise shaping, in order. */
  tns: TnsFilter[];
  /** Quantised coefficients, windows one after another. // [1024] */
  quantised: Int32Array;
}

/** One or two channels that belong together. */
export interface Element {
  /** The one, or left and right. */
  channels: ChannelData[];
  /** Bands coded as sum and difference, or with intensity reversed. // [group][band] */
  midSide?: boolean[][];
}

/** Reads all channels of a packet. */
export function readPacket(bits: BitReader, rateIndex: number): Element[] {
  const elements: Element[] = [];
  while (bits.left >= 3) {
    const id = bits.bits(3);
    if (id === 7) break;
    if (id === 0 || id === 3) {
      bits.skip(4);
      elements.push({ channels: [readChannel(bits, rateIndex)] });
    } else if (id === 1) {
      bits.skip(4);
      elements.push(readPair(bits, rateIndex));
    } else if (id === 4) {
      skipData(bits);
    } else if (id === 6) {
      skipFill(bits);
    } else if (id === 5) {
      readProgramConfig(bits);
    } else {
      throw new AudioError("Cannot decode AAC as it uses coupling channels");
    }
  }
  return elements;
}

/** Reads a program config element. @returns Its channel count. */
export function readProgramConfig(bits: BitReader): number {
  bits.skip(4 + 2 + 4);
  const [front, side, back] = [bits.bits(4), bits.bits(4), bits.bits(4)];
  const [lowFrequency, data, coupling] = [bits.bits(2), bits.bits(3), bits.bits(4)];
  for (const width of [4, 4, 3]) if (bits.flag()) bits.skip(width); // the mix-down fields
  let channelCount = lowFrequency;
  for (let i = 0; i < front + side + back; i++) {
    channelCount += bits.flag() ? 2 : 1;
    bits.skip(4);
  }
  bits.skip(4 * lowFrequency + 4 * data + 5 * coupling);
  bits.align();
  bits.skip(8 * bits.bits(8)); // a comment
  return channelCount;
}

function readPair(bits: BitReader, rateIndex: number): Element {
  if (!bits.flag()) {
    const channels = [readChannel(bits, rateIndex), readChannel(bits, rateIndex)];
    return { channels };
  }
  const layout = readLayout(bits, rateIndex);
  const mask = bits.bits(2);
  if (mask === 3) throw new AudioError("Cannot decode AAC as a stereo mask is damaged");
  const midSide = layout.groups.map(() =>
    Array.from({ length: layout.maxBand }, () => mask === 2 || (mask === 1 && bits.flag()))
  );
  const left = readChannel(bits, rateIndex, layout);
  const right = readChannel(bits, rateIndex, layout);
  return { channels: [left, right], midSide };
}

function readChannel(bits: BitReader, rateIndex: number, shared?: WindowLayout): ChannelData {
  const globalGain = bits.bits(8);
  const layout = shared ?? readLayout(bits, rateIndex);
  const books = readSections(bits, layout);
  const scales = readScales(bits, books, globalGain);
  const isShort = layout.sequence === WindowSequence.EIGHT_SHORT;
  const pulses = bits.flag() ? readPulses(bits, layout) : [];
  const tns = bits.flag() ? readTns(bits, isShort) : [];
  if (bits.flag()) throw new AudioError("Cannot decode AAC as it uses gain control (SSR)");
  const quantised = readSpectrum(bits, layout, books);
  for (const { at, amplitude } of pulses) {
    quantised[at]! += quantised[at]! > 0 ? amplitude : -amplitude;
  }
  return { layout, books, scales, tns, quantised };
}

function readLayout(bits: BitReader, rateIndex: number): WindowLayout {
  bits.skip(1);
  const sequence = bits.bits(2);
  const shape = bits.bit();
  const isShort = sequence === WindowSequence.EIGHT_SHORT;
  const bands = (isShort ? SHORT_BANDS : LONG_BANDS)[rateIndex]!;
  const maxBand = bits.bits(isShort ? 4 : 6);
  if (maxBand >= bands.length) {
    throw new AudioError(`Cannot decode AAC as a packet is damaged: ${maxBand} bands`);
  }
  const groups = [1];
  if (isShort) {
    for (let window = 1; window < 8; window++) {
      if (bits.flag()) groups[groups.length - 1]!++;
      else groups.push(1);
    }
  } else if (bits.flag()) {
    throw new AudioError("Cannot decode AAC as it uses prediction: only AAC-LC is supported");
  }
  return { sequence, shape, maxBand, groups, bands };
}

/** Codebooks, run-length coded. */
function readSections(bits: BitReader, { sequence, groups, maxBand }: WindowLayout): number[][] {
  const width = sequence === WindowSequence.EIGHT_SHORT ? 3 : 5;
  const escape = (1 << width) - 1;
  return groups.map(() => {
    const books: number[] = [];
    while (books.length < maxBand) {
      const book = bits.bits(4);
      let length = 0;
      let part = escape;
      while (part === escape) length += part = bits.bits(width);
      if (book === 12 || books.length + length > maxBand) {
        throw new AudioError("Cannot decode AAC as a section is damaged");
      }
      for (let i = 0; i < length; i++) books.push(book);
    }
    return books;
  });
}

/** Scale factors, intensity positions and noise energies, each coded as a difference. */
function readScales(bits: BitReader, books: number[][], globalGain: number): number[][] {
  const last = { scale: globalGain, position: 0, noise: globalGain - 90 };
  let isFirstNoise = true;
  return books.map((group) =>
    group.map((book) => {
      if (book === Book.ZERO) return 0;
      if (book === Book.INTENSITY || book === Book.INTENSITY_OPPOSITE) {
        return last.position += bits.symbol(SCALE_FACTOR_BOOK) - 60;
      }
      if (book !== Book.NOISE) return last.scale += bits.symbol(SCALE_FACTOR_BOOK) - 60;
      last.noise += isFirstNoise ? bits.bits(9) - 256 : bits.symbol(SCALE_FACTOR_BOOK) - 60;
      isFirstNoise = false;
      return last.noise;
    })
  );
}

function readPulses(
  bits: BitReader,
  { sequence, bands }: WindowLayout,
): { at: number; amplitude: number }[] {
  if (sequence === WindowSequence.EIGHT_SHORT) {
    throw new AudioError("Cannot decode AAC as a short window has pulses");
  }
  const count = bits.bits(2) + 1;
  let at = bands[bits.bits(6)] ?? FRAME_LENGTH;
  return Array.from({ length: count }, () => {
    at += bits.bits(5);
    const amplitude = bits.bits(4);
    if (at >= FRAME_LENGTH) throw new AudioError("Cannot decode AAC as a pulse is damaged");
    return { at, amplitude };
  });
}

function readTns(bits: BitReader, isShort: boolean): TnsFilter[] {
  const filters: TnsFilter[] = [];
  for (let window = 0; window < (isShort ? 8 : 1); window++) {
    const count = bits.bits(isShort ? 1 : 2);
    const resolution = count === 0 ? 0 : bits.bit() + 3;
    for (let i = 0; i < count; i++) {
      const bandCount = bits.bits(isShort ? 4 : 6);
      const order = bits.bits(isShort ? 3 : 5);
      const isBackward = order > 0 && bits.flag();
      const width = order === 0 ? 0 : resolution - bits.bit();
      const coefficients = Array.from({ length: order }, () => signed(bits.bits(width), width));
      filters.push({ window, bandCount, isBackward, coefficients, resolution });
    }
  }
  return filters;
}

/** Quantised coefficients: for each group and band, one window after another. */
function readSpectrum(bits: BitReader, layout: WindowLayout, books: number[][]): Int32Array {
  const quantised = new Int32Array(FRAME_LENGTH);
  let firstWindow = 0;
  layout.groups.forEach((windowCount, group) => {
    books[group]!.forEach((book, band) => {
      if (book === Book.ZERO || book > Book.ESCAPE) return;
      for (let window = firstWindow; window < firstWindow + windowCount; window++) {
        const from = 128 * window + layout.bands[band]!;
        const to = 128 * window + layout.bands[band + 1]!;
        for (let at = from; at < to;) at += readValues(bits, book, quantised, at);
      }
    });
    firstWindow += windowCount;
  });
  return quantised;
}

/** Reads one codeword's values to `into` from `at` on. @returns How many. */
function readValues(bits: BitReader, book: number, into: Int32Array, at: number): number {
  const { values, base, offset, isSigned } = SPECTRAL_SHAPES[book - 1]!;
  let symbol = bits.symbol(SPECTRAL_BOOKS[book - 1]!);
  for (let i = at + values - 1; i >= at; i--) {
    into[i] = symbol % base - offset;
    symbol = Math.floor(symbol / base);
  }
  if (isSigned) return values;
  for (let i = at; i < at + values; i++) {
    if (into[i] !== 0 && bits.flag()) into[i] = -into[i]!;
  }
  if (book !== Book.ESCAPE) return values;
  for (let i = at; i < at + values; i++) {
    if (Math.abs(into[i]!) === 16) into[i] = Math.sign(into[i]!) * readEscape(bits);
  }
  return values;
}

/** A value of 16 or more: ones that count its bits, then the bits. */
function readEscape(bits: BitReader): number {
  let width = 4;
  while (bits.flag()) width++;
  if (width > 12) throw new AudioError("Cannot decode AAC as a coefficient is damaged");
  return (1 << width) + bits.bits(width);
}

/** Data stream element: not audio. */
function skipData(bits: BitReader): void {
  bits.skip(4);
  const isAligned = bits.flag();
  const length = bits.bits(8);
  const byteLength = length === 255 ? length + bits.bits(8) : length;
  if (isAligned) bits.align();
  bits.skip(8 * byteLength);
}

/** Fill element: padding, or the high band of HE-AAC, which lies above what is used here. */
function skipFill(bits: BitReader): void {
  const length = bits.bits(4);
  bits.skip(8 * (length === 15 ? length + bits.bits(8) - 1 : length));
}

function signed(value: number, width: number): number {
  return value >= 1 << (width - 1) ? value - (1 << width) : value;
}
