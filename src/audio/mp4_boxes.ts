/**
 * The boxes of an MP4 file that say where its audio packets lie.
 *
 * Tables stay as the bytes they are and are walked as samples are read: a count
 * that lies costs nothing.
 *
 * @see ISO/IEC 14496-12
 * @module
 */
import { AudioError } from "../errors.ts";

/** The audio track of a file. */
export interface Mp4Track {
  /** Its number, by which fragments name it. */
  id: number;
  /** Ticks a second of the track's times. */
  timescale: number;
  /** AudioSpecificConfig. */
  config: Uint8Array;
  /** Ticks at the start that are not to be heard: the encoder's delay. */
  skippedTicks: number;
  /** Sample tables; without samples in a fragmented file. */
  tables: Mp4Tables;
  /** Whether fragments follow. */
  isFragmented: boolean;
  /** Defaults for fragments, where a fragment does not say. */
  defaults: { duration: number; byteLength: number };
}

/** Bodies of the sample table boxes; empty where there is none. */
export interface Mp4Tables {
  /** stts: duration of each sample, in ticks. */
  durations: DataView;
  /** stsc: samples in each chunk. */
  chunks: DataView;
  /** stsz: bytes of each sample. */
  byteLengths: DataView;
  /** stco or co64: where each chunk begins. */
  offsets: DataView;
  /** Bytes of a chunk's offset, 4 or 8. */
  offsetWidth: number;
}

/** Where a packet lies, and how long it is to be heard. */
export interface Mp4Sample {
  /** Its first byte in the file. */
  position: number;
  /** Its bytes. */
  byteLength: number;
  /** How long it is to be heard, in ticks. */
  duration: number;
}

/** A box's type and extent. */
export interface BoxHeader {
  /** Four characters. */
  type: string;
  /** Bytes of the header, 8 or 16. */
  headerByteLength: number;
  /** Bytes with the header; 0 when it goes to the end of the file. */
  byteLength: number;
}

/** Codecs by sample entry, for the message that refuses them. */
const CODEC_NAMES: Record<string, string> = {
  "Opus": "Opus in MP4",
  "fLaC": "FLAC in MP4",
  "alac": "ALAC (Apple Lossless)",
  ".mp3": "MP3 in MP4",
  "ac-3": "AC-3",
  "ec-3": "E-AC-3",
  "enca": "encrypted audio",
  "samr": "AMR",
  "sowt": "PCM in QuickTime",
  "twos": "PCM in QuickTime",
  "lpcm": "PCM in QuickTime",
};

/** Reads a box's header from its first 8 or 16 bytes. */
export function readBoxHeader(head: Uint8Array): BoxHeader {
  const view = viewOf(head);
  const type = String.fromCharCode(...head.subarray(4, 8));
  const short = view.getUint32(0);
  if (short !== 1 || head.length < 16) return { type, headerByteLength: 8, byteLength: short };
  return { type, headerByteLength: 16, byteLength: Number(view.getBigUint64(8)) };
}

/**
 * Reads the index of a file.
 *
 * @param moov Body of the moov box.
 * @returns Its first audio track.
 * @throws {AudioError} If there is none, or its codec is not AAC.
 */
export function readMovie(moov: Uint8Array): Mp4Track {
  for (const trak of findAll(moov, "trak")) {
    const handler = find(trak, "mdia", "hdlr");
    if (handler !== undefined && latin1(handler.subarray(8, 12)) === "soun") {
      return readTrack(trak, moov);
    }
  }
  throw new AudioError("Cannot decode MP4 as it holds no audio track");
}

/** The samples of a file that is not fragmented, in order. */
export function* samplesOfTables(tables: Mp4Tables): Generator<Mp4Sample> {
  const { chunks, byteLengths, offsets, offsetWidth } = tables;
  const durations = runs(tables.durations);
  const fixed = u32(byteLengths, 4);
  const sampleCount = u32(byteLengths, 8);
  let sample = 0;
  let entry = 0;
  for (let chunk = 0; 8 + (chunk + 1) * offsetWidth <= offsets.byteLength; chunk++) {
    if (u32(chunks, 8 + 12 * (entry + 1)) === chunk + 1) entry++;
    const at = 8 + chunk * offsetWidth;
    let position = offsetWidth === 8 ? Number(offsets.getBigUint64(at)) : offsets.getUint32(at);
    const inChunk = u32(chunks, 8 + 12 * entry + 4);
    for (let i = 0; i < inChunk && sample < sampleCount; i++, sample++) {
      if (fixed === 0 && 12 + 4 * sample >= byteLengths.byteLength) return;
      const byteLength = fixed || u32(byteLengths, 12 + 4 * sample);
      yield { position, byteLength, duration: durations.next().value ?? 0 };
      position += byteLength;
    }
  }
}

/**
 * The samples of a fragment, in order.
 *
 * @param moof Body of the moof box.
 * @param track From {@linkcode readMovie}.
 * @param moofPosition Where the box begins in the file.
 */
export function* samplesOfFragment(
  moof: Uint8Array,
  track: Mp4Track,
  options: { moofPosition: number },
): Generator<Mp4Sample> {
  for (const traf of findAll(moof, "traf")) {
    const header = viewOf(find(traf, "tfhd") ?? new Uint8Array(0));
    if (u32(header, 4) !== track.id) continue;
    const flags = u32(header, 0) & 0xffffff;
    let at = 8;
    const field = (flag: number, width = 4) => flags & flag ? (at += width) - width : undefined;
    const baseAt = field(0x1, 8);
    field(0x2);
    const durationAt = field(0x8);
    const byteLengthAt = field(0x10);
    const defaults = {
      duration: durationAt === undefined ? track.defaults.duration : u32(header, durationAt),
      byteLength: byteLengthAt === undefined
        ? track.defaults.byteLength
        : u32(header, byteLengthAt),
    };
    const base = baseAt === undefined || baseAt + 8 > header.byteLength
      ? options.moofPosition
      : Number(header.getBigUint64(baseAt));
    let position = base;
    for (const run of findAll(traf, "trun")) {
      for (const sample of samplesOfRun(viewOf(run), { base, position, defaults })) {
        position = sample.position + sample.byteLength;
        yield sample;
      }
    }
  }
}

function* samplesOfRun(
  run: DataView,
  options: { base: number; position: number; defaults: { duration: number; byteLength: number } },
): Generator<Mp4Sample> {
  const flags = u32(run, 0) & 0xffffff;
  const sampleCount = u32(run, 4);
  let at = 8;
  let { position } = options;
  if (flags & 0x1 && at + 4 <= run.byteLength) position = options.base + run.getInt32(at);
  if (flags & 0x1) at += 4;
  if (flags & 0x4) at += 4;
  const width = [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag).length * 4;
  for (let i = 0; i < sampleCount && at + width <= run.byteLength; i++, at += width) {
    const duration = flags & 0x100 ? u32(run, at) : options.defaults.duration;
    const byteLength = flags & 0x200
      ? u32(run, at + (flags & 0x100 ? 4 : 0))
      : options.defaults.byteLength;
    yield { position, byteLength, duration };
    position += byteLength;
  }
}

function readTrack(trak: Uint8Array, moov: Uint8Array): Mp4Track {
  const body = (...path: string[]) => viewOf(find(trak, ...path) ?? new Uint8Array(0));
  const table = (type: string) => body("mdia", "minf", "stbl", type);
  const header = body("tkhd");
  const id = u32(header, isVersion1(header) ? 20 : 12);
  const media = body("mdia", "mdhd");
  const timescale = u32(media, isVersion1(media) ? 20 : 12);
  if (timescale === 0) throw new AudioError("Cannot decode MP4 as its header is damaged: 0 ticks");
  const long = table("co64");
  const extension = find(moov, "mvex");
  const defaults = findAll(extension ?? new Uint8Array(0), "trex").map(viewOf)
    .find((trex) => u32(trex, 4) === id);
  return {
    id,
    timescale,
    config: readSampleEntry(find(trak, "mdia", "minf", "stbl", "stsd") ?? new Uint8Array(0)),
    skippedTicks: readSkippedTicks(body("edts", "elst")),
    tables: {
      durations: table("stts"),
      chunks: table("stsc"),
      byteLengths: table("stsz"),
      offsets: long.byteLength > 0 ? long : table("stco"),
      offsetWidth: long.byteLength > 0 ? 8 : 4,
    },
    isFragmented: extension !== undefined,
    defaults: {
      duration: defaults === undefined ? 0 : u32(defaults, 12),
      byteLength: defaults === undefined ? 0 : u32(defaults, 16),
    },
  };
}

/** Where the first edit that shows something begins. */
function readSkippedTicks(edits: DataView): number {
  const isLong = isVersion1(edits);
  const width = isLong ? 20 : 12;
  for (let at = 8; at + width <= edits.byteLength; at += width) {
    const mediaTime = isLong ? Number(edits.getBigInt64(at + 8)) : edits.getInt32(at + 4);
    if (mediaTime >= 0) return mediaTime;
  }
  return 0;
}

/** The AudioSpecificConfig of an mp4a entry, also where QuickTime hides it. */
function readSampleEntry(stsd: Uint8Array): Uint8Array {
  const [entry] = boxesOf(stsd.subarray(8));
  if (entry === undefined) throw new AudioError("Cannot decode MP4 as its header is damaged");
  if (entry.type !== "mp4a") {
    throw unsupported(CODEC_NAMES[entry.type] ?? `codec "${entry.type}"`);
  }
  const quickTimeVersion = entry.body[9] ?? 0;
  const children = entry.body.subarray(28 + ([0, 16, 36][quickTimeVersion] ?? 0));
  const descriptor = find(children, "esds") ?? find(children, "wave", "esds");
  const config = descriptor && readDescriptors(descriptor.subarray(4));
  if (config === undefined) {
    throw new AudioError("Cannot decode MP4 as its codec header is missing");
  }
  return config;
}

/** Finds the decoder's own header in the nested descriptors of ISO/IEC 14496-1. */
function readDescriptors(bytes: Uint8Array): Uint8Array | undefined {
  for (let at = 0; at + 2 <= bytes.length;) {
    const tag = bytes[at++]!;
    let length = 0;
    let byte = 0x80;
    while (byte & 0x80 && at < bytes.length) length = length * 128 + ((byte = bytes[at++]!) & 0x7f);
    const body = bytes.subarray(at, at + length);
    if (tag === 5) return body;
    if (tag === 4 && ![0x40, 0x66, 0x67, 0x68].includes(body[0] ?? 0)) {
      throw unsupported([0x69, 0x6b].includes(body[0] ?? 0) ? "MP3 in MP4" : "not AAC");
    }
    const flags = body[2] ?? 0;
    const skipped = tag === 4
      ? 13
      : 3 + (flags & 0x80 ? 2 : 0) + (flags & 0x40 ? 1 + (body[3] ?? 0) : 0) +
        (flags & 0x20 ? 2 : 0);
    const found = tag === 3 || tag === 4 ? readDescriptors(body.subarray(skipped)) : undefined;
    if (found !== undefined) return found;
    at += length;
  }
  return undefined;
}

function unsupported(codec: string): AudioError {
  return new AudioError(
    `Cannot decode MP4 as its codec is not supported: ${codec}. Convert it, for example with ` +
      `ffmpeg -i IN -c:a flac OUT.flac`,
  );
}

/** The values of a table of counts and values, each as often as its count says. */
function* runs(table: DataView): Generator<number> {
  for (let at = 8; at + 8 <= table.byteLength; at += 8) {
    const value = u32(table, at + 4);
    for (let i = u32(table, at); i > 0; i--) yield value;
  }
}

function* boxesOf(bytes: Uint8Array): Generator<{ type: string; body: Uint8Array }> {
  for (let at = 0; at + 8 <= bytes.length;) {
    const { type, headerByteLength, byteLength } = readBoxHeader(bytes.subarray(at, at + 16));
    const end = byteLength === 0 ? bytes.length : at + byteLength;
    if (end < at + headerByteLength) return;
    yield { type, body: bytes.subarray(at + headerByteLength, end) };
    at = end;
  }
}

function findAll(bytes: Uint8Array, type: string): Uint8Array[] {
  return [...boxesOf(bytes)].filter((box) => box.type === type).map(({ body }) => body);
}

function find(bytes: Uint8Array, ...path: string[]): Uint8Array | undefined {
  let found: Uint8Array | undefined = bytes;
  for (const type of path) found = found && findAll(found, type)[0];
  return found;
}

function isVersion1(view: DataView): boolean {
  return view.byteLength > 0 && view.getUint8(0) === 1;
}

/** A 32-bit number; 0 beyond the end. */
function u32(view: DataView, at: number): number {
  return at + 4 <= view.byteLength ? view.getUint32(at) : 0;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
