/**
 * Ogg Opus streams of any length, made page by page.
 *
 * @module
 */

/** Opus in mono, 60 ms of nothing: a SILK frame without data, which decoders conceal. */
const SILENT_PACKET = Uint8Array.of(0x18);
const PACKET_SAMPLES = 2880; // at 48 kHz
const PACKETS_PER_PAGE = 255;
const SERIAL = 0x1234;

/** An Ogg Opus file of silence, at least `seconds` long, in pages of 15.3 s. */
export function* silentOpusFile(seconds: number): Generator<Uint8Array> {
  const head = new Uint8Array(19);
  head.set(new TextEncoder().encode("OpusHead\x01\x01"));
  new DataView(head.buffer).setUint32(12, 48000, true);
  yield page([head], { granule: 0, sequence: 0, flags: 2 });
  const tags = new Uint8Array(16);
  tags.set(new TextEncoder().encode("OpusTags"));
  yield page([tags], { granule: 0, sequence: 1, flags: 0 });
  const packets = new Array<Uint8Array>(PACKETS_PER_PAGE).fill(SILENT_PACKET);
  const pageSamples = PACKET_SAMPLES * PACKETS_PER_PAGE;
  const pageCount = Math.ceil(seconds * 48000 / pageSamples);
  for (let i = 1; i <= pageCount; i++) {
    yield page(packets, {
      granule: i * pageSamples,
      sequence: i + 1,
      flags: i === pageCount ? 4 : 0,
    });
  }
}

/** A page of whole packets, each shorter than 255 bytes. */
function page(
  packets: readonly Uint8Array[],
  options: { granule: number; sequence: number; flags: number },
): Uint8Array {
  const body = packets.flatMap((packet) => [...packet]);
  const bytes = new Uint8Array(27 + packets.length + body.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode("OggS"));
  view.setUint8(5, options.flags);
  view.setBigUint64(6, BigInt(options.granule), true);
  view.setUint32(14, SERIAL, true);
  view.setUint32(18, options.sequence, true);
  view.setUint8(26, packets.length);
  packets.forEach((packet, i) => view.setUint8(27 + i, packet.length));
  bytes.set(body, 27 + packets.length);
  view.setUint32(22, checksum(bytes), true);
  return bytes;
}

/** CRC-32 with Ogg's polynomial, not reflected. */
function checksum(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  }
  return crc >>> 0;
}
