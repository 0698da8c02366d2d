/**
 * FLAC, MP3, Ogg (Opus, Vorbis, FLAC) and Matroska/WebM through libav.js, FFmpeg's
 * libraries as WebAssembly. It is loaded when the first such file is met.
 *
 * The "obsolete" variant is the one that adds MP3 and Vorbis to Opus and FLAC. One
 * library instead of one per codec: FFmpeg demuxes as well, drops encoder delay
 * and padding exactly (MP3, Opus, WebM), and has met every damaged file there is.
 *
 * @module
 */
import type LibAV from "@libav.js/variant-obsolete";
import { AudioError } from "../errors.ts";
import type { AudioBlock } from "./audio_block.ts";
import { type ByteReader, orDamaged } from "./byte_reader.ts";
import type { AudioFormat } from "./sniff.ts";

/** Containers decoded here. */
export type LibavFormat = Extract<AudioFormat, "flac" | "mp3" | "ogg" | "matroska">;

const NAMES: Record<LibavFormat, string> = {
  flac: "FLAC",
  mp3: "MP3",
  ogg: "Ogg",
  matroska: "Matroska or WebM",
};

/** The name the source has inside the instance. */
const DEVICE = "source";
/** Compressed bytes read before decoding them. */
const READ_BYTE_LENGTH = 1 << 14;
/** Packets decoded in one go: under 3 s of audio, so that memory and pauses stay small. */
const PACKETS_PER_BLOCK = 32;

/** An open demuxer and decoder. The pointers are into the instance's memory. */
interface Decoder {
  libav: LibAV.LibAV;
  demuxer: number;
  stream: LibAV.Stream;
  context: number;
  packet: number;
  frame: number;
}

/**
 * Decodes the first audio track of a file.
 *
 * Damaged packets are passed over.
 *
 * @param reader At the first byte of the file. The caller closes it.
 * @param format What the first bytes said, for messages.
 * @throws {AudioError} If the file is damaged from the start, has no audio, or an unsupported codec.
 */
export async function* decodeWithLibav(
  reader: ByteReader,
  format: LibavFormat,
): AsyncGenerator<AudioBlock> {
  const decoder = await openDecoder(reader, NAMES[format]);
  const { libav, demuxer, stream, context, packet, frame } = decoder;
  try {
    for (let isLast = false; !isLast;) {
      const [status, packetsByStream] = await libav.ff_read_frame_multi(demuxer, packet, {
        limit: READ_BYTE_LENGTH,
      });
      // Anything but "more" is an end: damage that the demuxer cannot pass ends the file there.
      isLast = status !== -libav.EAGAIN;
      const packets: (LibAV.Packet | undefined)[] = packetsByStream[stream.index] ?? [];
      if (isLast) packets.push(undefined);
      for (let i = 0; i < packets.length; i += PACKETS_PER_BLOCK) {
        yield* toBlocks(
          libav,
          await decodePackets(decoder, packets.slice(i, i + PACKETS_PER_BLOCK)),
        );
      }
    }
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    throw new AudioError(`Cannot decode ${NAMES[format]} as it is damaged`, { cause: error });
  } finally {
    await libav.ff_free_decoder(context, packet, frame);
    await libav.avformat_close_input_js(demuxer);
    libav.terminate();
  }
}

/** Frames of some packets; `undefined` stands for the end. What cannot be decoded is passed over. */
async function decodePackets(
  { libav, context, packet, frame }: Decoder,
  packets: readonly (LibAV.Packet | undefined)[],
): Promise<LibAV.Frame[]> {
  const frames: LibAV.Frame[] = [];
  for (const encoded of packets) {
    if (encoded !== undefined) await libav.ff_copyin_packet(packet, encoded);
    await libav.avcodec_send_packet(context, encoded === undefined ? 0 : packet);
    await libav.av_packet_unref(packet);
    while (await libav.avcodec_receive_frame(context, frame) === 0) {
      frames.push(await libav.ff_copyout_frame(frame));
      await libav.av_frame_unref(frame);
    }
  }
  return frames;
}

/** Connects the reader, finds the audio track and opens its codec. */
async function openDecoder(reader: ByteReader, name: string): Promise<Decoder> {
  const damaged = `Cannot decode ${name} as its header is damaged or cut short`;
  const libav = await loadLibav();
  try {
    libav.onread = (device: string) => void feed(libav, device, reader);
    await libav.mkreaderdev(DEVICE);
    const [demuxer, streams] = await orDamaged(
      libav.ff_init_demuxer_file(DEVICE),
      reader,
      damaged,
    );
    const stream = streams.find(({ codec_type }) => codec_type === libav.AVMEDIA_TYPE_AUDIO);
    if (stream === undefined) {
      throw new AudioError(`Cannot decode ${name} as it holds no audio track`);
    }
    if (await libav.avcodec_find_decoder(stream.codec_id) === 0) {
      const codec = await libav.avcodec_get_name(stream.codec_id);
      throw new AudioError(
        `Cannot decode ${name} as its codec is not supported: ${codec}. ` +
          `Convert it, for example with ffmpeg -i IN -c:a flac OUT.flac`,
      );
    }
    const [, context, packet, frame] = await orDamaged(
      libav.ff_init_decoder(stream.codec_id, {
        codecpar: stream.codecpar,
        time_base: [stream.time_base_num, stream.time_base_den],
      }),
      reader,
      damaged,
    );
    return { libav, demuxer, stream, context, packet, frame };
  } catch (error) {
    libav.terminate();
    throw error;
  }
}

/** A new instance that keeps silent: the library itself would write to the console. */
async function loadLibav(): Promise<LibAV.LibAV> {
  const { default: library } = await import("@libav.js/variant-obsolete");
  const { base, VER, CONFIG } = library as typeof library & Record<"VER" | "CONFIG", string>;
  const program = `${base}/libav-${VER}-${CONFIG}.wasm.mjs`;
  const { default: factory } = await import(program);
  const libav = await library.LibAV({
    noworker: true,
    nothreads: true,
    factory: (options: object) => factory({ ...options, printErr: () => {} }),
  });
  await libav.av_log_set_level(libav.AV_LOG_QUIET);
  return libav;
}

/** Answers one request of the demuxer for more bytes. */
async function feed(libav: LibAV.LibAV, device: string, reader: ByteReader): Promise<void> {
  try {
    await libav.ff_reader_dev_send(device, await reader.next() ?? null);
  } catch (error) {
    await libav.ff_reader_dev_send(device, null, { error });
  }
}

/** Frames as blocks: neighbours of one format joined. */
function* toBlocks(libav: LibAV.LibAV, frames: readonly LibAV.Frame[]): Generator<AudioBlock> {
  for (let i = 0; i < frames.length;) {
    const { sample_rate: sampleRateHz = 0 } = frames[i]!;
    const channelCount = libav.ff_channels(frames[i]!);
    let end = i + 1;
    while (
      end < frames.length && frames[end]!.sample_rate === sampleRateHz &&
      libav.ff_channels(frames[end]!) === channelCount
    ) end++;
    const run = frames.slice(i, end);
    const sampleCount = run.reduce((sum, { nb_samples = 0 }) => sum + nb_samples, 0);
    const channels = Array.from({ length: channelCount }, () => new Float32Array(sampleCount));
    let at = 0;
    for (const frame of run) {
      copyFrame(libav, frame, { channels, at });
      at += frame.nb_samples ?? 0;
    }
    if (sampleCount > 0) yield { channels, sampleRateHz };
    i = end;
  }
}

/** Copies a frame of any sample format, planar or interleaved, to `at` in each channel. */
function copyFrame(
  libav: LibAV.LibAV,
  frame: LibAV.Frame,
  into: { channels: Float32Array[]; at: number },
): void {
  const { format, nb_samples: sampleCount = 0, data } = frame;
  const [scale, offset] = scaleOf(libav, format);
  into.channels.forEach((channel, index) => {
    const isPlanar = Array.isArray(data);
    const samples: ArrayLike<number> = isPlanar ? data[index] : data;
    const step = isPlanar ? 1 : into.channels.length;
    for (let i = 0, from = isPlanar ? 0 : index; i < sampleCount; i++, from += step) {
      channel[into.at + i] = (samples[from]! - offset) * scale;
    }
  });
}

/** What takes a sample format to [-1, 1): subtract the offset, then multiply. */
function scaleOf(libav: LibAV.LibAV, format: number): [scale: number, offset: number] {
  switch (format) {
    case libav.AV_SAMPLE_FMT_U8:
    case libav.AV_SAMPLE_FMT_U8P:
      return [1 / 0x80, 0x80];
    case libav.AV_SAMPLE_FMT_S16:
    case libav.AV_SAMPLE_FMT_S16P:
      return [1 / 0x8000, 0];
    case libav.AV_SAMPLE_FMT_S32:
    case libav.AV_SAMPLE_FMT_S32P:
      return [1 / 0x80000000, 0];
    default:
      return [1, 0];
  }
}
