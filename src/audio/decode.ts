/**
 * Audio files and streams of any common format to samples, block by block: memory
 * stays the same however long the recording is.
 *
 * WAV and AAC (M4A, MP4, ADTS) are read by our own code; FLAC, MP3, Ogg and
 * Matroska/WebM by libav.js, loaded when first met. The format is told by the first
 * bytes, never by the name.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import type { AudioBlock } from "./audio_block.ts";
import { type AudioSource, ByteReader } from "./byte_reader.ts";
import { mixDown } from "./pcm.ts";
import { MAX_RATE_HZ, MIN_RATE_HZ, Resampler } from "./resample.ts";
import { sniff, SNIFF_BYTE_LENGTH } from "./sniff.ts";

export type { AudioBlock, AudioSource };

/** Options of {@linkcode decodeAudio}. */
export interface DecodeAudioOptions {
  /** Ends the decoding; it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of {@linkcode decodeSpeech}. */
export interface DecodeSpeechOptions extends DecodeAudioOptions {
  /** Sample rate of the result, Hz, 4000 to 192000. @default {16000} */
  sampleRateHz?: number;
  /** The channel to take, from 0; by default the mean of all. */
  channel?: number;
}

/**
 * Decodes audio in blocks of at most a few seconds, at its own rate and channels.
 *
 * The source is closed at the end, on an error, and when the loop is left early.
 *
 * @param source Bytes, a stream of bytes (`Deno.stdin.readable`), or a file's path.
 * @returns Blocks that follow each other without gap.
 * @throws {AudioError} If it is not audio, is damaged at its start, holds no sample, or is in an
 * unsupported codec. What is wrong later ends or skips there: a cut file gives what is there.
 *
 * @example
 * ```ts
 * import { decodeAudio } from "./decode.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const wav = await Deno.readFile(new URL("../../samples/harbour.wav", import.meta.url));
 * for await (const { channels, sampleRateHz } of decodeAudio(wav)) {
 *   assertEquals([channels.length, sampleRateHz], [1, 16_000]);
 * }
 * ```
 */
export async function* decodeAudio(
  source: AudioSource,
  options: DecodeAudioOptions = {},
): AsyncGenerator<AudioBlock> {
  const { signal } = options;
  signal?.throwIfAborted();
  const reader = await ByteReader.open(source);
  const stop = () => void reader.close();
  signal?.addEventListener("abort", stop, { once: true });
  let isEmpty = true;
  try {
    for await (const block of decodeBytes(source, reader)) {
      signal?.throwIfAborted();
      isEmpty = false;
      yield block;
    }
    signal?.throwIfAborted();
    if (isEmpty) throw new AudioError("Cannot decode the audio as it holds no samples");
  } catch (error) {
    signal?.throwIfAborted(); // A read that the abort cut short fails in its own words.
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    await reader.close();
  }
}

/**
 * Decodes audio to one channel at the rate that speech models take.
 *
 * @param source Bytes, a stream of bytes, or a file's path.
 * @returns Blocks of samples that follow each other without gap. // [S]
 * @throws {AudioError} As {@linkcode decodeAudio}, or if the channel does not exist or the rate
 * is outside 4 to 192 kHz.
 */
export async function* decodeSpeech(
  source: AudioSource,
  options: DecodeSpeechOptions = {},
): AsyncGenerator<Float32Array> {
  const { sampleRateHz = 16_000, channel, signal } = options;
  let resampler: Resampler | undefined;
  for await (const block of decodeAudio(source, signal === undefined ? {} : { signal })) {
    if (resampler?.fromRateHz !== block.sampleRateHz) {
      if (resampler !== undefined) yield* nonEmpty(resampler.end());
      resampler = new Resampler(supportedRate(block.sampleRateHz), sampleRateHz);
    }
    yield* nonEmpty(resampler.push(pick(block, channel)));
  }
  if (resampler !== undefined) yield* nonEmpty(resampler.end());
}

/**
 * Decodes audio as {@linkcode decodeSpeech} does, all of it: 230 MB an hour at 16 kHz.
 *
 * @param source Bytes, a stream of bytes, or a file's path.
 * @returns The whole recording. // [S]
 */
export async function readSpeech(
  source: AudioSource,
  options: DecodeSpeechOptions = {},
): Promise<Float32Array> {
  const blocks: Float32Array[] = [];
  for await (const block of decodeSpeech(source, options)) blocks.push(block);
  const whole = new Float32Array(blocks.reduce((sum, block) => sum + block.length, 0));
  let at = 0;
  for (const block of blocks) {
    whole.set(block, at);
    at += block.length;
  }
  return whole;
}

async function* decodeBytes(
  source: AudioSource,
  reader: ByteReader,
): AsyncGenerator<AudioBlock> {
  const head = await reader.peek(SNIFF_BYTE_LENGTH);
  if (head.length === 0) throw new AudioError("Cannot decode the audio as the source is empty");
  const sniffed = sniff(head);
  if ("looksLike" in sniffed) {
    throw new AudioError(
      `Cannot decode the audio as it looks like ${sniffed.looksLike}: supported are WAV, FLAC, ` +
        `MP3, Ogg, WebM, Matroska, M4A and MP4`,
    );
  }
  const { format } = sniffed;
  if (format === "wav") {
    const { decodeWav } = await import("./wav.ts");
    return yield* decodeWav(reader);
  }
  if (format === "adts") {
    const { decodeAdts } = await import("./adts.ts");
    return yield* decodeAdts(reader);
  }
  if (format === "mp4") {
    const { decodeMp4 } = await import("./mp4.ts");
    return yield* decodeMp4(source, reader);
  }
  const { decodeWithLibav } = await import("./libav.ts");
  yield* decodeWithLibav(reader, format);
}

function pick({ channels }: AudioBlock, channel: number | undefined): Float32Array {
  if (channel === undefined) return mixDown(channels);
  const samples = channels[channel];
  if (samples === undefined) {
    throw new AudioError(
      `Cannot take channel ${channel} as the audio has ${channels.length}, counted from 0`,
    );
  }
  return samples;
}

function supportedRate(rateHz: number): number {
  if (rateHz >= MIN_RATE_HZ && rateHz <= MAX_RATE_HZ) return rateHz;
  throw new AudioError(
    `Cannot use the audio as its rate must be ${MIN_RATE_HZ} to ${MAX_RATE_HZ} Hz: ${rateHz}`,
  );
}

function* nonEmpty(samples: Float32Array): Generator<Float32Array> {
  if (samples.length > 0) yield samples;
}
