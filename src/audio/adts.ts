/**
 * Bare AAC: a header before each packet, as radio streams and some recorders send it.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import { type AacConfig, AacDecoder, objectTypeName } from "./aac.ts";
import { BitReader } from "./aac_bits.ts";
import { SAMPLE_RATES_HZ } from "./aac_tables.ts";
import { type AudioBlock, gather } from "./audio_block.ts";
import type { ByteReader } from "./byte_reader.ts";

/** The fixed start of a header. */
const HEADER_BYTE_LENGTH = 7;
const LOW_COMPLEXITY = 2;

/** What a frame's header says. */
export interface AdtsHeader extends AacConfig {
  /** Bytes of the header itself. */
  headerByteLength: number;
  /** Bytes of header and packet. */
  byteLength: number;
}

/**
 * Decodes a file of ADTS frames. What lies between frames is passed over; a damaged packet is
 * silent.
 *
 * @param reader At the first byte. The caller closes it.
 * @throws {AudioError} If it holds no frame of AAC-LC.
 */
export async function* decodeAdts(reader: ByteReader): AsyncGenerator<AudioBlock> {
  yield* gather(decodeFrames(reader));
}

async function* decodeFrames(reader: ByteReader): AsyncGenerator<AudioBlock> {
  let decoder: AacDecoder | undefined;
  for (;;) {
    const head = await reader.peek(HEADER_BYTE_LENGTH);
    if (head.length < HEADER_BYTE_LENGTH) break;
    const header = readAdtsHeader(head);
    if (header === undefined) {
      await reader.skip(1);
      continue;
    }
    const frame = await reader.take(header.byteLength);
    if (decoder?.config.rateIndex !== header.rateIndex) decoder = new AacDecoder(header);
    const channels = decoder.decodeOrConceal(frame.subarray(header.headerByteLength));
    if (channels.length > 0) yield { channels, sampleRateHz: header.sampleRateHz };
  }
  if (decoder === undefined) throw new AudioError("Cannot decode AAC as no frame is whole");
  decoder.assertDecoded();
}

/**
 * Reads the header of a frame.
 *
 * @param head At least 7 bytes.
 * @returns The header, or `undefined` if there is none here.
 * @throws {AudioError} If it is of a kind other than AAC-LC.
 */
export function readAdtsHeader(head: Uint8Array): AdtsHeader | undefined {
  const bits = new BitReader(head);
  if (bits.bits(12) !== 0xfff) return undefined;
  bits.skip(1);
  const layer = bits.bits(2);
  const headerByteLength = bits.flag() ? 7 : 9; // with or without a checksum
  const objectType = bits.bits(2) + 1;
  const rateIndex = bits.bits(4);
  const sampleRateHz = SAMPLE_RATES_HZ[rateIndex];
  bits.skip(1 + 3 + 4);
  const byteLength = bits.bits(13);
  if (layer !== 0 || sampleRateHz === undefined || byteLength <= headerByteLength) return undefined;
  if (objectType !== LOW_COMPLEXITY) {
    throw new AudioError(
      `Cannot decode the audio as only AAC-LC and HE-AAC are supported: ${
        objectTypeName(objectType)
      }`,
    );
  }
  return { rateIndex, sampleRateHz, headerByteLength, byteLength };
}
