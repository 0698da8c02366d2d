/**
 * MP4, M4A and QuickTime files with AAC, whole or fragmented.
 *
 * Read by our own code: the demuxer at hand (mediabunny 1.61.0) walks as many
 * samples as a damaged table states, and then does not come back.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import { AacDecoder, readAacConfig } from "./aac.ts";
import { FRAME_LENGTH } from "./aac_syntax.ts";
import { type AudioBlock, gather } from "./audio_block.ts";
import type { AudioSource, ByteReader } from "./byte_reader.ts";
import {
  type Mp4Sample,
  type Mp4Track,
  readBoxHeader,
  readMovie,
  samplesOfFragment,
  samplesOfTables,
} from "./mp4_boxes.ts";

/** Most bytes of an index that is read: weeks of audio. */
const MAX_INDEX_BYTE_LENGTH = 1 << 26;
/** Most bytes of a stream that are held when its index is at the end. */
const MAX_HELD_BYTE_LENGTH = 1 << 26;
/** Bytes read from a file at once. */
const READ_BYTE_LENGTH = 1 << 16;
/** Damaged packets in a row after which nothing more is expected: a few seconds. */
const MAX_CONCEALED = 100;

/**
 * Reads bytes at a position, fewer only where the file ends. The array is good until the next
 * call. Positions of a stream must not go back.
 */
type ReadAt = (position: number, byteLength: number) => Promise<Uint8Array>;

/**
 * Decodes the first audio track of a file, without encoder delay and padding.
 *
 * Damaged packets are silent: what comes after them stays in place.
 *
 * @param source What `reader` reads; a file is then read where needed.
 * @param reader At the first byte. The caller closes it.
 * @throws {AudioError} If the file is damaged from the start, has no audio, or a codec that is
 * not AAC-LC or HE-AAC, or is a long stream with its index at the end.
 */
export async function* decodeMp4(
  source: AudioSource,
  reader: ByteReader,
): AsyncGenerator<AudioBlock> {
  if (source instanceof Uint8Array) {
    yield* decodeBoxes((from, byteLength) =>
      Promise.resolve(source.subarray(from, from + byteLength))
    );
  } else if (source instanceof ReadableStream) {
    yield* decodeBoxes(await readerOfStream(reader));
  } else {
    using file = await Deno.open(source);
    yield* decodeBoxes(readerOfFile(file));
  }
}

/** What is carried from sample to sample. */
interface Playback {
  track: Mp4Track;
  decoder: AacDecoder;
  /** Time of the next sample; below 0 it is not to be heard. */
  ticks: number;
}

async function* decodeBoxes(readAt: ReadAt): AsyncGenerator<AudioBlock> {
  let playback: Playback | undefined;
  let fragment: Iterable<Mp4Sample> = [];
  for (let position = 0;;) {
    const head = await readAt(position, 16);
    const header = head.length < 8 ? undefined : readBoxHeader(head);
    // The header after a fragment's is read first: streams do not go back for it.
    if (playback !== undefined) yield* gather(decodeSamples(fragment, readAt, playback));
    if (header === undefined) break;
    const { type, headerByteLength, byteLength } = header;
    const body = {
      position: position + headerByteLength,
      byteLength: byteLength - headerByteLength,
    };
    fragment = [];
    if (type === "moov" && playback === undefined) {
      const track = readMovie(await readIndex(readAt, body));
      const decoder = new AacDecoder(readAacConfig(track.config));
      playback = { track, decoder, ticks: -track.skippedTicks };
      yield* gather(decodeSamples(samplesOfTables(track.tables), readAt, playback));
      if (!track.isFragmented) break;
    } else if (type === "moof" && playback !== undefined) {
      const moof = await readIndex(readAt, body);
      fragment = samplesOfFragment(moof, playback.track, { moofPosition: position });
    }
    if (byteLength < headerByteLength) break; // It goes to the end of the file, or is damaged.
    position += byteLength;
  }
  if (playback === undefined) throw new AudioError("Cannot decode MP4 as its index is missing");
  playback.decoder.assertDecoded();
}

async function* decodeSamples(
  samples: Iterable<Mp4Sample>,
  readAt: ReadAt,
  playback: Playback, // its ticks go on
): AsyncGenerator<AudioBlock> {
  const { decoder, track: { timescale } } = playback;
  const { sampleRateHz } = decoder.config;
  for (const { position, byteLength, duration } of samples) {
    const packet = byteLength > READ_BYTE_LENGTH
      ? new Uint8Array(0) // No packet is so long.
      : await readAt(position, byteLength);
    if (packet.length < byteLength && byteLength <= READ_BYTE_LENGTH) return; // The file is cut.
    const channels = decoder.decodeOrConceal(packet);
    if (decoder.concealedCount > MAX_CONCEALED) return;
    const from = Math.max(0, Math.round(-playback.ticks * sampleRateHz / timescale));
    const stated = Math.round(duration * sampleRateHz / timescale);
    const to = stated > 0 ? Math.min(stated, FRAME_LENGTH) : FRAME_LENGTH;
    playback.ticks += duration;
    if (channels.length === 0 || from >= to) continue;
    yield { channels: channels.map((samples) => samples.subarray(from, to)), sampleRateHz };
  }
}

async function readIndex(
  readAt: ReadAt,
  { position, byteLength }: { position: number; byteLength: number },
): Promise<Uint8Array> {
  if (byteLength < 0 || byteLength > MAX_INDEX_BYTE_LENGTH) {
    throw new AudioError(`Cannot decode MP4 as its index is damaged: ${byteLength} bytes`);
  }
  const bytes = await readAt(position, byteLength);
  if (bytes.length < byteLength) {
    throw new AudioError("Cannot decode MP4 as its index is cut short");
  }
  return bytes.slice();
}

function readerOfFile(file: Deno.FsFile): ReadAt {
  const window = new Uint8Array(READ_BYTE_LENGTH);
  let held = window.subarray(0, 0);
  let start = 0;
  return async (position, byteLength) => {
    if (position < start || position + byteLength > start + held.length) {
      const into = byteLength > window.length ? new Uint8Array(byteLength) : window;
      await file.seek(position, Deno.SeekMode.Start);
      let length = 0;
      for (
        let count: number | null = 0;
        count !== null && length < into.length;
        length += count ?? 0
      ) {
        count = await file.read(into.subarray(length));
      }
      [held, start] = [into.subarray(0, length), position];
    }
    return held.subarray(position - start, position - start + byteLength);
  };
}

/** Reads a stream forwards if its index comes first, else from memory. */
async function readerOfStream(reader: ByteReader): Promise<ReadAt> {
  for (let position = 0; position < MAX_HELD_BYTE_LENGTH;) {
    const head = (await reader.peek(position + 16)).subarray(position);
    if (head.length < 8) break;
    const { type, headerByteLength, byteLength } = readBoxHeader(head);
    if (type === "moov") return readForwards(reader);
    if (type === "mdat" || byteLength < headerByteLength) break;
    position += byteLength;
  }
  const held = await reader.peek(MAX_HELD_BYTE_LENGTH + 1);
  if (held.length > MAX_HELD_BYTE_LENGTH) {
    throw new AudioError(
      "Cannot decode a long MP4 from a stream as its index is at its end: give the file's path, " +
        "or move the index with ffmpeg -i IN -c copy -movflags +faststart OUT.mp4",
    );
  }
  return (from, byteLength) => Promise.resolve(held.subarray(from, from + byteLength));
}

function readForwards(reader: ByteReader): ReadAt {
  return async (position, byteLength) => {
    if (position < reader.position) {
      throw new AudioError(
        "Cannot decode the MP4 from a stream as its parts are out of order: give the file's path",
      );
    }
    await reader.skip(position - reader.position);
    return await reader.peek(byteLength);
  };
}
