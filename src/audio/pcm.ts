/**
 * Raw PCM bytes, as sockets and files carry them, to samples.
 *
 * @module
 */
import { AudioError } from "../errors.ts";

/** How one sample is written. All are little-endian. */
export type PcmEncoding =
  | "u8"
  | "s16le"
  | "s24le"
  | "s32le"
  | "f32le"
  | "f64le"
  | "mulaw"
  | "alaw";

/** Reads the sample at a byte offset. */
type ReadSample = (view: DataView, offset: number) => number;

interface Layout {
  byteLength: number;
  read: ReadSample;
}

const LAYOUTS: Record<PcmEncoding, Layout> = {
  u8: { byteLength: 1, read: (view, at) => (view.getUint8(at) - 128) / 128 },
  s16le: { byteLength: 2, read: (view, at) => view.getInt16(at, true) / 0x8000 },
  s24le: {
    byteLength: 3,
    read: (view, at) => (view.getInt8(at + 2) * 0x10000 + view.getUint16(at, true)) / 0x800000,
  },
  s32le: { byteLength: 4, read: (view, at) => view.getInt32(at, true) / 0x80000000 },
  f32le: { byteLength: 4, read: (view, at) => view.getFloat32(at, true) },
  f64le: { byteLength: 8, read: (view, at) => view.getFloat64(at, true) },
  mulaw: tableLayout(expandMulaw),
  alaw: tableLayout(expandAlaw),
};

const MAX_CHANNELS = 64;

/**
 * Writes samples as 16-bit integers; what lies outside [-1, 1) is clipped. // [S]
 *
 * @example
 * ```ts
 * import { s16leBytes } from "./pcm.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(s16leBytes(new Float32Array([0.5, 2])), new Uint8Array([0, 0x40, 0xff, 0x7f]));
 * ```
 */
export function s16leBytes(samples: Float32Array): Uint8Array {
  const view = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((sample, index) => {
    const scaled = Math.round(0x8000 * sample);
    view.setInt16(2 * index, Math.max(-0x8000, Math.min(0x7fff, scaled)), true);
  });
  return new Uint8Array(view.buffer);
}

/** Options of {@linkcode PcmReader}. */
export interface PcmReaderOptions {
  /** Channels, interleaved sample by sample. 1 to 64. @default {1} */
  channelCount?: number;
}

/**
 * Turns PCM bytes into samples, whatever way the bytes are cut.
 *
 * Integers map to [-1, 1); floats stay as they are.
 *
 * @example
 * ```ts
 * import { PcmReader } from "./pcm.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const reader = new PcmReader("s16le");
 * assertEquals(reader.push(new Uint8Array([0, 0x40, 0]))[0], new Float32Array([0.5]));
 * assertEquals(reader.push(new Uint8Array([0x80]))[0], new Float32Array([-1]));
 * ```
 */
export class PcmReader {
  /** How one sample is written. */
  readonly encoding: PcmEncoding;
  /** Channels, interleaved sample by sample. */
  readonly channelCount: number;
  readonly #layout: Layout;
  /** The start of a frame (one sample of each channel) that has not fully come yet. */
  readonly #carry: Uint8Array;
  #carryLength = 0;
  #sampleCount = 0;

  /**
   * Starts before the first byte.
   *
   * @param encoding How one sample is written.
   * @throws {RangeError} If the encoding is unknown or the channel count is not 1 to 64.
   */
  constructor(encoding: PcmEncoding, options: PcmReaderOptions = {}) {
    const { channelCount = 1 } = options;
    if (!Object.hasOwn(LAYOUTS, encoding)) {
      const known = Object.keys(LAYOUTS).join(", ");
      throw new RangeError(`Cannot read PCM as the encoding is not one of ${known}: ${encoding}`);
    }
    if (!Number.isInteger(channelCount) || channelCount < 1 || channelCount > MAX_CHANNELS) {
      throw new RangeError(
        `Cannot read PCM as the channel count must be 1 to ${MAX_CHANNELS}: ${channelCount}`,
      );
    }
    this.encoding = encoding;
    this.channelCount = channelCount;
    this.#layout = LAYOUTS[encoding];
    this.#carry = new Uint8Array(this.#layout.byteLength * channelCount);
  }

  /** Samples of each channel returned so far. */
  get sampleCount(): number {
    return this.#sampleCount;
  }

  /** Bytes held back because they do not fill a sample of every channel; lost if none follow. */
  get pendingByteLength(): number {
    return this.#carryLength;
  }

  /**
   * Takes the next bytes and returns the samples they complete.
   *
   * @param bytes Any number of bytes; copied.
   * @returns One array for each channel, all of one length, possibly empty. // [C][S]
   * @throws {AudioError} If a sample is not a finite number.
   */
  push(bytes: Uint8Array): Float32Array[] {
    const frameByteLength = this.#carry.length;
    const frameCount = Math.floor((this.#carryLength + bytes.length) / frameByteLength);
    const channels = Array.from(
      { length: this.channelCount },
      () => new Float32Array(frameCount),
    );
    let taken = 0;
    if (this.#carryLength > 0) {
      taken = Math.min(frameByteLength - this.#carryLength, bytes.length);
      this.#carry.set(bytes.subarray(0, taken), this.#carryLength);
      this.#carryLength += taken;
      if (this.#carryLength < frameByteLength) return channels;
      this.#read(this.#carry, channels, { from: 0, to: 1 });
    }
    const done = taken > 0 ? 1 : 0;
    this.#read(bytes.subarray(taken), channels, { from: done, to: frameCount });
    const rest = bytes.subarray(taken + (frameCount - done) * frameByteLength);
    this.#carry.set(rest);
    this.#carryLength = rest.length;
    this.#sampleCount += frameCount;
    return channels;
  }

  /** Fills `channels` in `[from, to)` with the frames that `bytes` starts with. */
  #read(bytes: Uint8Array, channels: Float32Array[], span: { from: number; to: number }): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { byteLength, read } = this.#layout;
    const frameByteLength = this.#carry.length;
    channels.forEach((channel, index) => {
      let offset = index * byteLength;
      for (let i = span.from; i < span.to; i++, offset += frameByteLength) {
        channel[i] = read(view, offset);
        if (!Number.isFinite(channel[i])) this.#refuse(index, i, channel[i]!);
      }
    });
  }

  #refuse(channel: number, index: number, value: number): never {
    throw new AudioError(
      `Cannot use PCM as sample ${this.#sampleCount + index} of channel ${channel} is not a ` +
        `finite number: ${value}. Check that the sender means ${this.encoding}`,
    );
  }
}

/**
 * Averages channels into one.
 *
 * @param channels At least one, of equal length. // [C][S]
 * @returns The mean; the only channel itself when there is one. // [S]
 */
export function mixDown(channels: readonly Float32Array[]): Float32Array {
  const [first] = channels;
  if (first === undefined) throw new RangeError("Cannot mix down as there is no channel");
  if (channels.length === 1) return first;
  const mono = new Float32Array(first.length);
  for (let i = 0; i < mono.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels.length; c++) sum += channels[c]![i]!;
    mono[i] = sum / channels.length;
  }
  return mono;
}

/** A layout of one byte that stands for one of 256 values. */
function tableLayout(expand: (code: number) => number): Layout {
  const table = Float32Array.from({ length: 256 }, (_, code) => expand(code) / 0x8000);
  return { byteLength: 1, read: (view, at) => table[view.getUint8(at)]! };
}

/** ITU-T G.711 µ-law to 16-bit linear. */
function expandMulaw(code: number): number {
  const inverted = ~code & 0xff;
  const magnitude = ((((inverted & 0x0f) << 3) + 0x84) << ((inverted & 0x70) >> 4)) - 0x84;
  return inverted & 0x80 ? -magnitude : magnitude;
}

/** ITU-T G.711 A-law to 16-bit linear. */
function expandAlaw(code: number): number {
  const toggled = code ^ 0x55;
  const segment = (toggled & 0x70) >> 4;
  const step = ((toggled & 0x0f) << 4) + 8;
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1);
  return toggled & 0x80 ? magnitude : -magnitude;
}
