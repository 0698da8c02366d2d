/**
 * FLAC, MP3, Ogg (Opus, Vorbis, FLAC) and Matroska/WebM through libav.js, FFmpeg's
 * libraries as WebAssembly. It is loaded when the first such file is met.
 *
 * The "obsolete" variant is the one that adds MP3 and Vorbis to Opus and FLAC. One
 * library instead of one per codec: FFmpeg demuxes as well, drops encoder delay
 * and padding exactly (MP3, Opus, WebM), and has met every damaged file there is.
 * It has no AAC: where Matroska holds that, our own decoder takes the packets.
 *
 * @module
 */
import type LibAV from "@libav.js/variant-obsolete";
import { AudioError } from "../errors.ts";
import { type AudioBlock, gather } from "./audio_block.ts";
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
/**
 * A packet is decoded before the next one is asked for: who speaks live is not kept waiting for
 * more. It costs a third more computing than packets by the dozen.
 */
const READ_BYTE_LENGTH = 1;

/** An open file: where its audio packets come from, and what decodes them. */
interface Opened {
  demuxer: number;
  streamIndex: number;
  codec: Codec;
}

/** Decodes packets in order; `undefined` stands for the end. Damaged ones are passed over. */
interface Codec {
  decode(packets: readonly (LibAV.Packet | undefined)[]): Promise<Iterable<AudioBlock>>;
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
  const libav = await loadLibav();
  try {
    const { demuxer, streamIndex, codec } = await openFile(libav, reader, NAMES[format]);
    const packet = await libav.av_packet_alloc();
    for (let isLast = false; !isLast;) {
      const [status, packetsByStream] = await libav.ff_read_frame_multi(demuxer, packet, {
        limit: READ_BYTE_LENGTH,
      });
      // Anything but "more" is an end: damage that the demuxer cannot pass ends the file there.
      isLast = status !== -libav.EAGAIN;
      if (isLast && reader.failure !== undefined) throw reader.failure.error;
      const packets: (LibAV.Packet | undefined)[] = packetsByStream[streamIndex] ?? [];
      if (isLast) packets.push(undefined);
      yield* await codec.decode(packets);
    }
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    throw new AudioError(`Cannot decode ${NAMES[format]} as it is damaged`, { cause: error });
  } finally {
    libav.terminate(); // The instance goes, and all its memory with it.
  }
}

/** Connects the reader, finds the audio track and opens its codec. */
async function openFile(
  libav: LibAV.LibAV,
  reader: ByteReader,
  name: string,
): Promise<Opened> {
  const damaged = `Cannot decode ${name} as its header is damaged or cut short`;
  libav.onread = (device: string) => void feed(libav, device, reader);
  await libav.mkreaderdev(DEVICE);
  const opening = libav.ff_init_demuxer_file(DEVICE);
  const [demuxer, streams] = await orDamaged(opening, reader, damaged);
  const stream = streams.find(({ codec_type }) => codec_type === libav.AVMEDIA_TYPE_AUDIO);
  if (stream === undefined) {
    throw new AudioError(`Cannot decode ${name} as it holds no audio track`);
  }
  const codecName = await libav.avcodec_get_name(stream.codec_id);
  if (codecName !== "aac" && await libav.avcodec_find_decoder(stream.codec_id) === 0) {
    throw new AudioError(
      `Cannot decode ${name} as its codec is not supported: ${codecName}. ` +
        `Convert it, for example with ffmpeg -i IN -c:a flac OUT.flac`,
    );
  }
  const open = codecName === "aac" ? openAac : openCodec;
  const codec = await orDamaged(open(libav, stream), reader, damaged);
  return { demuxer, streamIndex: stream.index, codec };
}

/** Opens one of libav's own decoders. */
async function openCodec(libav: LibAV.LibAV, stream: LibAV.Stream): Promise<Codec> {
  const [, context, packet, frame] = await libav.ff_init_decoder(stream.codec_id, {
    codecpar: stream.codecpar,
    time_base: [stream.time_base_num, stream.time_base_den],
  });
  return {
    async decode(packets) {
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
      return toBlocks(libav, frames);
    },
  };
}

/** Opens our AAC decoder for packets that libav reads from Matroska. */
async function openAac(libav: LibAV.LibAV, stream: LibAV.Stream): Promise<Codec> {
  const { AacDecoder, readAacConfig } = await import("./aac.ts");
  const { extradata } = await libav.ff_copyout_codecpar(stream.codecpar);
  const decoder = new AacDecoder(readAacConfig(extradata ?? new Uint8Array(0)));
  const { sampleRateHz } = decoder.config;
  return {
    async decode(packets) {
      if (packets.at(-1) === undefined) decoder.assertDecoded();
      const blocks = packets.filter((packet) => packet !== undefined)
        .map(({ data }) => ({ channels: decoder.decodeOrConceal(data), sampleRateHz }))
        .filter(({ channels }) => channels.length > 0);
      return await Array.fromAsync(gather(blocks));
    },
  };
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
