/**
 * AAC-LC, the codec of M4A voice memos, meeting recordings and most video.
 *
 * Written here because the decoders on npm are under the GPL (FAAD2 builds) or left
 * alone since 2014; libav.js has none. HE-AAC is decoded as the AAC-LC inside it,
 * at half its rate: that reaches 11 kHz, beyond what speech models at 16 kHz hear.
 * Main, SSR, LTP, ELD and xHE-AAC are refused by name.
 *
 * @see ISO/IEC 14496-3, subpart 4
 * @module
 */
import { AudioError } from "../errors.ts";
import { BitReader } from "./aac_bits.ts";
import { type OverlapState, startOverlap, synthesise } from "./aac_filter_bank.ts";
import { dequantise } from "./aac_spectrum.ts";
import { FRAME_LENGTH, readPacket, readProgramConfig } from "./aac_syntax.ts";
import { SAMPLE_RATES_HZ } from "./aac_tables.ts";

/** What a stream's header says. */
export interface AacConfig {
  /** Which of the standard's tables apply. */
  rateIndex: number;
  /** Rate of the AAC-LC part, Hz. */
  sampleRateHz: number;
}

const LOW_COMPLEXITY = 2;
const SPECTRAL_BAND_REPLICATION = 5;
const PARAMETRIC_STEREO = 29;

/** Kinds of AAC by object type, for the message that refuses them. */
const OBJECT_TYPES: Record<number, string> = {
  1: "AAC Main",
  3: "AAC SSR",
  4: "AAC LTP",
  23: "AAC-LD",
  39: "AAC-ELD",
  42: "xHE-AAC",
};

/**
 * Decodes packets of one stream.
 *
 * Each packet gives 1024 samples of each channel, late by one packet as the format has it.
 */
export class AacDecoder {
  /** What the stream's header says. */
  readonly config: AacConfig;
  readonly #states: OverlapState[] = [];
  #channelCount = 0;
  #failure: AudioError | undefined;
  #concealedCount = 0;

  /**
   * Starts before the first packet.
   *
   * @param config From the stream's header.
   */
  constructor(config: AacConfig) {
    this.config = config;
  }

  /**
   * Decodes the next packet.
   *
   * @param packet One raw data block, without ADTS header.
   * @returns Samples in [-1, 1], one array for each channel. // [C][1024]
   * @throws {AudioError} If it is damaged or uses a tool beyond AAC-LC.
   */
  decode(packet: Uint8Array): Float32Array[] {
    const { rateIndex } = this.config;
    const elements = readPacket(new BitReader(packet), rateIndex);
    const spectra = elements.flatMap((element) => {
      const layouts = element.channels.map(({ layout }) => layout);
      return dequantise(element, rateIndex).map((spectrum, i) => ({
        spectrum,
        layout: layouts[i]!,
      }));
    });
    if (spectra.length === 0) throw new AudioError("Cannot decode AAC as a packet is empty");
    this.#channelCount = spectra.length;
    return spectra.map(({ spectrum, layout }, channel) => {
      const state = this.#states[channel] ??= startOverlap();
      return Float32Array.from(synthesise(spectrum, layout, state), (x) => x / 0x8000);
    });
  }

  /**
   * Decodes the next packet, or gives silence in its place, so that what follows stays in place.
   *
   * @returns As {@linkcode AacDecoder.decode}; no channel while none has been decoded.
   */
  decodeOrConceal(packet: Uint8Array): Float32Array[] {
    try {
      const channels = this.decode(packet);
      this.#concealedCount = 0;
      return channels;
    } catch (error) {
      if (!(error instanceof AudioError)) throw error;
      this.#failure ??= error;
      this.#concealedCount++;
      return Array.from({ length: this.#channelCount }, () => new Float32Array(FRAME_LENGTH));
    }
  }

  /** Packets in a row, up to now, that were concealed. */
  get concealedCount(): number {
    return this.#concealedCount;
  }

  /**
   * Says whether all was in vain.
   *
   * @throws {AudioError} The first failure, if no packet could be decoded.
   */
  assertDecoded(): void {
    if (this.#channelCount === 0 && this.#failure !== undefined) throw this.#failure;
  }
}

/**
 * Reads an AudioSpecificConfig, the header that MP4 and Matroska keep.
 *
 * @throws {AudioError} If it is damaged or of a kind other than AAC-LC and HE-AAC.
 */
export function readAacConfig(bytes: Uint8Array): AacConfig {
  const bits = new BitReader(bytes);
  let objectType = readObjectType(bits);
  const [rateIndex, sampleRateHz] = readRate(bits);
  const channels = bits.bits(4);
  if (objectType === SPECTRAL_BAND_REPLICATION || objectType === PARAMETRIC_STEREO) {
    readRate(bits);
    objectType = readObjectType(bits);
  }
  if (objectType !== LOW_COMPLEXITY) {
    throw new AudioError(
      `Cannot decode the audio as only AAC-LC and HE-AAC are supported: ` +
        objectTypeName(objectType),
    );
  }
  if (bits.flag()) throw new AudioError("Cannot decode AAC as its frames have 960 samples");
  if (bits.flag()) bits.skip(14);
  bits.skip(1);
  if (channels === 0 && readProgramConfig(bits) === 0) {
    throw new AudioError("Cannot decode AAC as its header is absurd: 0 channels");
  }
  return { rateIndex, sampleRateHz };
}

/** The name of a kind of AAC. */
export function objectTypeName(objectType: number): string {
  return OBJECT_TYPES[objectType] ?? `AAC of object type ${objectType}`;
}

function readObjectType(bits: BitReader): number {
  const objectType = bits.bits(5);
  return objectType === 31 ? 32 + bits.bits(6) : objectType;
}

/** @returns The index whose tables apply, and the rate. */
function readRate(bits: BitReader): [rateIndex: number, sampleRateHz: number] {
  const index = bits.bits(4);
  const sampleRateHz = index === 15 ? bits.bits(24) : SAMPLE_RATES_HZ[index] ?? 0;
  if (sampleRateHz === 0) throw new AudioError("Cannot decode AAC as its header is absurd: 0 Hz");
  if (index !== 15) return [index, sampleRateHz];
  const distance = (rateHz: number) => Math.abs(Math.log(rateHz / sampleRateHz));
  const nearest = SAMPLE_RATES_HZ.reduce(
    (best, rateHz, i) => distance(rateHz) < distance(SAMPLE_RATES_HZ[best]!) ? i : best,
    0,
  );
  return [nearest, sampleRateHz];
}
