/**
 * Files that hold AAC (MP4, M4A, QuickTime, Matroska): demuxed by mediabunny,
 * decoded by our own AAC decoder. Mediabunny is loaded when the first such file is
 * met.
 *
 * @module
 */
import type { EncodedPacket, Input, InputAudioTrack, Source } from "mediabunny";
import { fromFileUrl } from "../std.ts";
import { AudioError } from "../errors.ts";
import { type AacConfig, AacDecoder, readAacConfig } from "./aac.ts";
import { FRAME_LENGTH } from "./aac_syntax.ts";
import { type AudioBlock, gather } from "./audio_block.ts";
import { type AudioSource, type ByteReader, orDamaged } from "./byte_reader.ts";

type Mediabunny = typeof import("mediabunny");

const DAMAGED = "Cannot decode the audio as its header is damaged or cut short";

/**
 * Decodes the first audio track of a file.
 *
 * Damaged packets are silent: what comes after them stays in place. Encoder delay and padding are
 * left out as far as the container tells them.
 *
 * @param source What `reader` reads; files and bytes are then read where needed.
 * @param reader At the first byte. The caller closes it.
 * @throws {AudioError} If the file is damaged from the start, has no audio, or a codec that is
 * not AAC-LC or HE-AAC.
 */
export async function* decodeAacFile(
  source: AudioSource,
  reader: ByteReader,
): AsyncGenerator<AudioBlock> {
  const mediabunny = await import("mediabunny");
  mediabunny.Logging.level = mediabunny.LogLevel.Silent; // It would write to the console.
  const input = new mediabunny.Input({
    formats: mediabunny.ALL_FORMATS,
    source: toInputSource(mediabunny, source, reader),
  });
  try {
    const { track, config } = await openTrack(input, reader);
    const packets = new mediabunny.EncodedPacketSink(track).packets();
    yield* gather(decodePackets(untilDamage(packets, reader), new AacDecoder(config)));
  } finally {
    input.dispose();
  }
}

/** The source as mediabunny reads it; a stream must have its index in front, or be under 32 MiB. */
function toInputSource(
  { BufferSource, FilePathSource, ReadableStreamSource }: Mediabunny,
  source: AudioSource,
  reader: ByteReader,
): Source {
  if (source instanceof Uint8Array) return new BufferSource(source);
  if (source instanceof ReadableStream) {
    const rest = new ReadableStream<Uint8Array>({
      async pull(controller) {
        const bytes = await reader.next();
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      },
    }, { highWaterMark: 0 });
    return new ReadableStreamSource(rest, { handleUnhandledError: () => {} });
  }
  return new FilePathSource(source instanceof URL ? fromFileUrl(source) : source);
}

/** Finds the audio track and reads its codec's header. */
async function openTrack(
  input: Input,
  reader: ByteReader,
): Promise<{ track: InputAudioTrack; config: AacConfig }> {
  const open = async () => {
    const track = await input.getPrimaryAudioTrack();
    return { track, codec: await track?.getCodec(), config: await track?.getDecoderConfig() };
  };
  const { track, codec, config } = await orDamaged(open(), reader, DAMAGED);
  if (!track) throw new AudioError("Cannot decode the audio as the file holds no audio track");
  if (codec !== "aac") {
    throw new AudioError(
      `Cannot decode the audio as its codec is not supported: ${codec ?? "unknown"}. ` +
        `Convert it, for example with ffmpeg -i IN -c:a flac OUT.flac`,
    );
  }
  if (!config?.description) throw new AudioError(DAMAGED);
  return { track, config: readAacConfig(toBytes(config.description)) };
}

/** The packets, up to damage that the demuxer cannot pass. */
async function* untilDamage(
  packets: AsyncIterable<EncodedPacket>,
  reader: ByteReader,
): AsyncGenerator<EncodedPacket> {
  let isFirst = true;
  try {
    for await (const packet of packets) {
      isFirst = false;
      yield packet;
    }
  } catch (cause) {
    if (reader.failure !== undefined) throw reader.failure.error;
    if (!isFirst) return;
    throw new AudioError(
      "Cannot decode the audio as its packets cannot be reached. If this is a long MP4 from a " +
        "stream, its index is at its end: give the file's path, or move the index with " +
        "ffmpeg -i IN -c copy -movflags +faststart OUT.mp4",
      { cause },
    );
  }
}

/** Decodes packets one by one, each to a block, without encoder delay and padding. */
async function* decodePackets(
  packets: AsyncIterable<EncodedPacket>,
  decoder: AacDecoder,
): AsyncGenerator<AudioBlock> {
  const { sampleRateHz } = decoder.config;
  for await (const { data, timestamp, duration } of packets) {
    const channels = decoder.decodeOrConceal(data);
    const from = Math.max(0, Math.round(-timestamp * sampleRateHz));
    const to = lengthOf(duration * sampleRateHz, sampleRateHz);
    if (channels.length === 0 || from >= to) continue;
    yield { channels: channels.map((samples) => samples.subarray(from, to)), sampleRateHz };
  }
  decoder.assertDecoded();
}

/** Samples of a packet: fewer than a frame only where it is cut, not where a clock is coarse. */
function lengthOf(stated: number, sampleRateHz: number): number {
  const coarseness = sampleRateHz / 900; // Matroska counts milliseconds
  return stated > 0 && stated < FRAME_LENGTH - coarseness ? Math.round(stated) : FRAME_LENGTH;
}

function toBytes(source: AllowSharedBufferSource): Uint8Array {
  return ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
}
