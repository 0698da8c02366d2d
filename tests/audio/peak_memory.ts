/**
 * A program: decodes a long recording and prints the seconds it held and how far
 * memory grew meanwhile. Run on its own, so that no other test's memory counts.
 *
 * @module
 */
import { decodeAudio } from "../../src/audio/decode.ts";
import { silentOpusFile } from "./ogg_file.ts";
import { wavFile } from "./wav_file.ts";

const [kind = "wav", seconds = "10"] = Deno.args;
const source = ReadableStream.from(
  kind === "opus" ? silentOpusFile(Number(seconds)) : longWavFile(Number(seconds)),
);
let sampleCount = 0;
let startBytes = 0;
let peakBytes = 0;
let rateHz = 0;
for await (const { channels, sampleRateHz } of decodeAudio(source)) {
  sampleCount += channels[0]!.length;
  rateHz = sampleRateHz;
  const { rss } = Deno.memoryUsage();
  startBytes ||= rss;
  peakBytes = Math.max(peakBytes, rss);
}
Deno.stdout.writeSync(
  new TextEncoder().encode(JSON.stringify({
    seconds: sampleCount / rateHz,
    growthMiB: (peakBytes - startBytes) / 2 ** 20,
  })),
);

/** A 16 kHz mono WAV file of zeros, its header first. */
function* longWavFile(seconds: number): Generator<Uint8Array> {
  const block = new Uint8Array(1 << 16);
  yield wavFile(new Uint8Array(0), { dataByteLength: seconds * 32000 });
  for (let left = seconds * 32000; left > 0; left -= block.length) {
    yield block.subarray(0, Math.min(left, block.length));
  }
}
