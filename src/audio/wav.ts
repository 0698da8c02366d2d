/**
 * WAV files, read in order and never whole: PCM of 8 to 32 bits, floats, µ-law
 * and A-law; WAVE_FORMAT_EXTENSIBLE; RF64 beyond 4 GB; streamed files whose
 * header does not know its length. A file cut short gives what is there.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import type { AudioBlock } from "./audio_block.ts";
import type { ByteReader } from "./byte_reader.ts";
import { type PcmEncoding, PcmReader } from "./pcm.ts";

/** The fields of a `fmt ` chunk that matter. */
interface WavFormat {
  encoding: PcmEncoding;
  channelCount: number;
  sampleRateHz: number;
}

interface Chunk {
  id: string;
  byteLength: number;
}

const PCM = 0x0001;
const FLOAT = 0x0003;
const ALAW = 0x0006;
const MULAW = 0x0007;
const EXTENSIBLE = 0xfffe;

/** Codecs that WAV files are met with, for the message that refuses them. */
const CODEC_NAMES: Record<number, string> = {
  0x0002: "Microsoft ADPCM",
  0x0011: "IMA ADPCM",
  0x0031: "GSM 6.10",
  0x0050: "MPEG layer 1 or 2",
  0x0055: "MP3",
  0x00ff: "AAC",
  0x0161: "Windows Media Audio",
  0x2000: "AC-3",
};

/** Bytes 2 to 15 of a sub-format GUID that stands for a format tag. */
const SUBFORMAT_SUFFIX = "000000001000800000aa00389b71";
const MAX_FORMAT_BYTE_LENGTH = 1 << 16;
const MAX_CHANNELS = 64;

/** Sizes that writers to a pipe leave in the header because they cannot go back. */
function isPlaceholderSize(byteLength: number): boolean {
  return byteLength >= 0xfffff000 || (byteLength >= 0x7ffff000 && byteLength <= 0x7fffffff);
}

/**
 * Decodes a WAV file.
 *
 * @param reader At the first byte of the file. The caller closes it.
 * @throws {AudioError} If the header is damaged, absurd, or names a codec other than PCM.
 */
export async function* decodeWav(reader: ByteReader): AsyncGenerator<AudioBlock> {
  const { format, byteLength } = await readHeader(reader);
  const { encoding, channelCount, sampleRateHz } = format;
  const pcm = new PcmReader(encoding, { channelCount });
  for (let left = byteLength; left > 0;) {
    const bytes = await reader.next(left);
    if (bytes === undefined) return;
    left -= bytes.length;
    const channels = pcm.push(bytes);
    if (channels[0]!.length > 0) yield { channels, sampleRateHz };
  }
}

/** Reads up to the first byte of audio. */
async function readHeader(
  reader: ByteReader,
): Promise<{ format: WavFormat; byteLength: number }> {
  const riffByteLength = view(await reader.take(12)).getUint32(4, true);
  let format: WavFormat | undefined;
  let longByteLength: number | undefined; // from RF64's ds64 chunk
  for (;;) {
    const chunk = await readChunk(reader);
    if (chunk === undefined) throw noAudio(format);
    if (chunk.id === "data") {
      if (format === undefined) {
        throw new AudioError("Cannot decode WAV as its audio comes before its fmt chunk");
      }
      if (chunk.byteLength === 0xffffffff && longByteLength) {
        return { format, byteLength: longByteLength };
      }
      // A stream's header may say 0; then the file's own length does not cover what follows.
      const isOpen = isPlaceholderSize(chunk.byteLength) ||
        (chunk.byteLength === 0 && riffByteLength + 8 <= reader.position);
      return { format, byteLength: isOpen ? Infinity : chunk.byteLength };
    }
    if (chunk.id === "fmt ") {
      format = parseFormat(await readBody(reader, chunk));
    } else if (chunk.id === "ds64") {
      const body = await readBody(reader, chunk);
      if (body.length >= 16) longByteLength = Number(view(body).getBigUint64(8, true));
    } else {
      await reader.skip(chunk.byteLength + chunk.byteLength % 2);
    }
  }
}

async function readChunk(reader: ByteReader): Promise<Chunk | undefined> {
  const head = await reader.take(8);
  if (head.length < 8) return undefined;
  return {
    id: String.fromCharCode(...head.subarray(0, 4)),
    byteLength: view(head).getUint32(4, true),
  };
}

async function readBody(reader: ByteReader, { id, byteLength }: Chunk): Promise<Uint8Array> {
  if (byteLength > MAX_FORMAT_BYTE_LENGTH) {
    throw new AudioError(`Cannot decode WAV as its ${id} chunk is damaged: ${byteLength} bytes`);
  }
  const body = await reader.take(byteLength);
  await reader.skip(byteLength % 2);
  return body;
}

function parseFormat(body: Uint8Array): WavFormat {
  if (body.length < 16) {
    throw new AudioError(`Cannot decode WAV as its fmt chunk is cut short: ${body.length} bytes`);
  }
  const fields = view(body);
  const channelCount = fields.getUint16(2, true);
  const sampleRateHz = fields.getUint32(4, true);
  const frameByteLength = fields.getUint16(12, true);
  const bits = fields.getUint16(14, true);
  if (channelCount < 1 || channelCount > MAX_CHANNELS) {
    throw new AudioError(`Cannot decode WAV as its header is absurd: ${channelCount} channels`);
  }
  if (sampleRateHz < 1 || sampleRateHz > 1_000_000) {
    throw new AudioError(`Cannot decode WAV as its header is absurd: ${sampleRateHz} Hz`);
  }
  const encoding = encodingOf(formatTag(body), bits);
  if (frameByteLength !== channelCount * Math.ceil(bits / 8)) {
    throw new AudioError(
      `Cannot decode WAV as its header contradicts itself: ${channelCount} channels of ${bits} ` +
        `bits in ${frameByteLength} bytes`,
    );
  }
  return { encoding, channelCount, sampleRateHz };
}

/** The format tag, or the one an extensible header's GUID stands for. */
function formatTag(body: Uint8Array): number {
  const tag = view(body).getUint16(0, true);
  if (tag !== EXTENSIBLE || body.length < 40) return tag;
  return body.subarray(26, 40).toHex() === SUBFORMAT_SUFFIX
    ? view(body).getUint16(24, true)
    : EXTENSIBLE;
}

function encodingOf(tag: number, bits: number): PcmEncoding {
  const byteLength = Math.ceil(bits / 8);
  const encoding = tag === PCM
    ? ([undefined, "u8", "s16le", "s24le", "s32le"] as const)[byteLength]
    : tag === FLOAT
    ? ({ 32: "f32le", 64: "f64le" } as const)[bits]
    : tag === MULAW && bits === 8
    ? "mulaw"
    : tag === ALAW && bits === 8
    ? "alaw"
    : undefined;
  if (encoding !== undefined) return encoding;
  const name = tag === PCM || tag === FLOAT || tag === MULAW || tag === ALAW
    ? `samples of ${bits} bits`
    : CODEC_NAMES[tag] ?? `codec 0x${tag.toString(16).padStart(4, "0")}`;
  throw new AudioError(
    `Cannot decode WAV as only PCM, float, µ-law and A-law are supported: ${name}. ` +
      `Convert it, for example with ffmpeg -i IN -c:a pcm_s16le OUT.wav`,
  );
}

function noAudio(format: WavFormat | undefined): AudioError {
  return new AudioError(
    `Cannot decode WAV as the file ends before its ${format === undefined ? "fmt" : "data"} chunk`,
  );
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
