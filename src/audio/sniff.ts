/**
 * What a file is, by its first bytes. Names and extensions are not asked: they lie.
 *
 * @module
 */

/** Containers that {@linkcode decodeAudio} reads. */
export type AudioFormat = "wav" | "flac" | "mp3" | "ogg" | "matroska" | "mp4" | "adts";

/** What the first bytes say: a format to decode, or in words what else it is. */
export type Sniffed = { format: AudioFormat } | { looksLike: string };

/** Bytes that {@linkcode sniff} wants to see; it makes do with fewer. */
export const SNIFF_BYTE_LENGTH = 64;

interface Magic {
  at: number;
  /** Latin-1; `?` stands for any byte. */
  bytes: string;
  is: Sniffed;
}

const MAGICS: readonly Magic[] = [
  { at: 0, bytes: "RIFF????WAVE", is: { format: "wav" } },
  { at: 0, bytes: "RF64????WAVE", is: { format: "wav" } },
  { at: 0, bytes: "BW64????WAVE", is: { format: "wav" } },
  { at: 0, bytes: "fLaC", is: { format: "flac" } },
  { at: 0, bytes: "OggS", is: { format: "ogg" } },
  { at: 0, bytes: "\x1a\x45\xdf\xa3", is: { format: "matroska" } },
  { at: 4, bytes: "ftyp", is: { format: "mp4" } },
  { at: 4, bytes: "moov", is: { format: "mp4" } },
  { at: 0, bytes: "ID3", is: { format: "mp3" } },
  { at: 0, bytes: "RIFX", is: { looksLike: "big-endian WAV (RIFX)" } },
  { at: 0, bytes: "riff\x2e\x91\xcf\x11", is: { looksLike: "Wave64 audio" } },
  { at: 0, bytes: "FORM????AIF", is: { looksLike: "AIFF audio" } },
  { at: 0, bytes: "RIFF????AVI ", is: { looksLike: "an AVI video" } },
  { at: 0, bytes: "RIFF????WEBP", is: { looksLike: "a WebP image" } },
  { at: 0, bytes: "caff", is: { looksLike: "Core Audio (CAF)" } },
  { at: 0, bytes: ".snd", is: { looksLike: "Sun audio (AU)" } },
  { at: 0, bytes: "#!AMR", is: { looksLike: "AMR audio" } },
  { at: 0, bytes: "wvpk", is: { looksLike: "WavPack audio" } },
  { at: 0, bytes: "MAC ", is: { looksLike: "Monkey's Audio" } },
  { at: 0, bytes: "MThd", is: { looksLike: "a MIDI file" } },
  { at: 0, bytes: "\x30\x26\xb2\x75\x8e\x66\xcf\x11", is: { looksLike: "Windows Media (ASF)" } },
  { at: 0, bytes: "FLV\x01", is: { looksLike: "a Flash video" } },
  { at: 0, bytes: "\x00\x00\x01\xba", is: { looksLike: "an MPEG program stream" } },
  { at: 0, bytes: "\x0b\x77", is: { looksLike: "AC-3 audio" } },
  { at: 0, bytes: "\xff\xd8\xff", is: { looksLike: "a JPEG image" } },
  { at: 0, bytes: "\x89PNG", is: { looksLike: "a PNG image" } },
  { at: 0, bytes: "GIF8", is: { looksLike: "a GIF image" } },
  { at: 0, bytes: "%PDF", is: { looksLike: "a PDF document" } },
  { at: 0, bytes: "PK\x03\x04", is: { looksLike: "a zip archive" } },
  { at: 0, bytes: "\x1f\x8b", is: { looksLike: "a gzip archive" } },
  { at: 0, bytes: "7z\xbc\xaf\x27\x1c", is: { looksLike: "a 7z archive" } },
  { at: 0, bytes: "Rar!", is: { looksLike: "a RAR archive" } },
  { at: 0, bytes: "\x7fELF", is: { looksLike: "a program" } },
  { at: 0, bytes: "SQLite format 3", is: { looksLike: "a database" } },
];

/**
 * Names the format of a file.
 *
 * @param head The first bytes, {@linkcode SNIFF_BYTE_LENGTH} of them where there are so many.
 * @returns The format, or what it looks like instead.
 */
export function sniff(head: Uint8Array): Sniffed {
  const magic = MAGICS.find((magic) => matches(head, magic));
  if (magic !== undefined) return magic.is;
  if (isAdtsHeader(head)) return { format: "adts" };
  if (isMpegAudioHeader(head)) return { format: "mp3" };
  if (isText(head)) return { looksLike: looksLikeText(head) };
  return { looksLike: "no known format" };
}

function matches(head: Uint8Array, magic: Magic): boolean {
  return [...magic.bytes].every((char, i) =>
    char === "?" || head[magic.at + i] === char.charCodeAt(0)
  );
}

/** Sync word, layer 0: AAC in ADTS frames. */
function isAdtsHeader([a = 0, b = 0, c = 0]: Uint8Array): boolean {
  return a === 0xff && (b & 0xf6) === 0xf0 && ((c >> 2) & 0x0f) <= 12;
}

/** Sync word, then no reserved version, layer, bit rate or sampling rate. */
function isMpegAudioHeader([a = 0, b = 0, c = 0]: Uint8Array): boolean {
  return a === 0xff && (b & 0xe0) === 0xe0 && (b & 0x18) !== 0x08 && (b & 0x06) !== 0 &&
    (c & 0xf0) !== 0xf0 && (c & 0xf0) !== 0 && (c & 0x0c) !== 0x0c;
}

function isText(head: Uint8Array): boolean {
  const controls = head.filter((byte) => byte < 32 && ![9, 10, 13, 27].includes(byte));
  if (controls.length > 0) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return true;
  } catch {
    return false;
  }
}

function looksLikeText(head: Uint8Array): string {
  const text = new TextDecoder().decode(head).trimStart();
  if (/^<(!doctype html|html)/i.test(text)) return "a web page";
  if (text.startsWith("<")) return "XML text";
  if (/^[{[]/.test(text)) return "JSON text";
  return "text";
}
