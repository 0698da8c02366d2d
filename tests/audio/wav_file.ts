/**
 * WAV files of any shape, well-formed or not.
 *
 * @module
 */

/** What {@linkcode wavFile} writes; the defaults make a correct 16 kHz mono s16 file. */
export interface WavFileOptions {
  tag?: number;
  channelCount?: number;
  sampleRateHz?: number;
  bits?: number;
  /** Wraps the format in WAVE_FORMAT_EXTENSIBLE. */
  extensible?: boolean;
  /** Written to the data chunk instead of the true size. */
  dataByteLength?: number;
  /** Written to the RIFF header instead of the true size. */
  riffByteLength?: number;
  /** Makes it RF64 with this size in a ds64 chunk. */
  longByteLength?: bigint;
  /** Chunks between fmt and data, of odd length too. */
  extraChunks?: readonly { id: string; body: Uint8Array }[];
  /** Bytes after the data chunk. */
  trailer?: Uint8Array;
}

/** A whole file with `data` as its data chunk. */
export function wavFile(data: Uint8Array, options: WavFileOptions = {}): Uint8Array {
  const { longByteLength, trailer = new Uint8Array(0) } = options;
  const ds64 = longByteLength === undefined
    ? []
    : [chunk("ds64", concatBytes([u64(0n), u64(longByteLength), u64(0n), u32(0)]))];
  const extra = (options.extraChunks ?? []).map(({ id, body }) => chunk(id, body));
  const dataSize = options.dataByteLength ?? data.length;
  const body = concatBytes([
    latin1("WAVE"),
    ...ds64,
    chunk("fmt ", formatBody(options)),
    ...extra,
    latin1("data"),
    u32(dataSize),
    data,
    trailer,
  ]);
  const riffSize = options.riffByteLength ?? body.length;
  return concatBytes([latin1(longByteLength === undefined ? "RIFF" : "RF64"), u32(riffSize), body]);
}

/** Samples in [-1, 1] as s16le. */
export function s16le(samples: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(samples.length * 2));
  for (let i = 0; i < samples.length; i++) {
    view.setInt16(2 * i, Math.round(samples[i]! * 32767), true);
  }
  return new Uint8Array(view.buffer);
}

/** Several arrays in one. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function formatBody(options: WavFileOptions): Uint8Array {
  const { tag = 1, channelCount = 1, sampleRateHz = 16000, bits = 16, extensible = false } =
    options;
  const frame = channelCount * Math.ceil(bits / 8);
  const common = [
    u16(channelCount),
    u32(sampleRateHz),
    u32(sampleRateHz * frame),
    u16(frame),
    u16(bits),
  ];
  if (!extensible) return concatBytes([u16(tag), ...common]);
  const guid = Uint8Array.fromHex("000000001000800000aa00389b71");
  return concatBytes([u16(0xfffe), ...common, u16(22), u16(bits), u32(0), u16(tag), guid]);
}

function chunk(id: string, body: Uint8Array): Uint8Array {
  return concatBytes([latin1(id), u32(body.length), body, new Uint8Array(body.length % 2)]);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

function u16(value: number): Uint8Array {
  return new Uint8Array(new Uint16Array([value]).buffer);
}

function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}

function u64(value: bigint): Uint8Array {
  return new Uint8Array(new BigUint64Array([value]).buffer);
}
