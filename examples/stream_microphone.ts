// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * Live captions from a microphone: one line that changes while a sentence is spoken
 * and stays once it has ended.
 *
 * ```sh
 * ffmpeg -f alsa -i default -ac 1 -ar 16000 -f s16le - | deno run -A examples/stream_microphone.ts MODEL
 * arecord -f S16_LE -r 16000 -c 1 -t raw | deno run -A examples/stream_microphone.ts MODEL
 * deno run -A examples/stream_microphone.ts MODEL speech.s16
 * ```
 *
 * @module
 */
import { CaptionEngine } from "../mod.ts";

/** Bytes of little-endian 16-bit samples to samples, an odd byte kept for the next chunk. */
function fromS16(): TransformStream<Uint8Array, Float32Array> {
  let odd = new Uint8Array(0);
  return new TransformStream({
    transform(chunk, controller) {
      const bytes = new Uint8Array(odd.length + chunk.length);
      bytes.set(odd);
      bytes.set(chunk, odd.length);
      const view = new DataView(bytes.buffer);
      const samples = new Float32Array(bytes.length >> 1);
      for (let i = 0; i < samples.length; i++) samples[i] = view.getInt16(2 * i, true) / 0x8000;
      odd = bytes.slice(2 * samples.length);
      controller.enqueue(samples);
    },
  });
}

const [model, path] = Deno.args;
if (model === undefined) {
  console.error("Give a model, and 16 kHz mono s16le as a file or on standard input");
  Deno.exit(2);
}
await using engine = await CaptionEngine.load(model);
await using stream = engine.open();
const microphone = path === undefined ? Deno.stdin : await Deno.open(path);
const listening = microphone.readable.pipeThrough(fromS16()).pipeTo(stream.writable);

const print = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
const clearLine = Deno.stdout.isTerminal() ? "\r\x1b[K" : "";
const sentence: string[] = [];
for await (const event of stream) {
  if (event.kind === "caption") {
    sentence.push(...event.committed.map(({ text }) => text));
    const guess = event.tentative.map(({ text }) => text);
    if (clearLine) print(clearLine + [...sentence, ...guess].join(" "));
  } else if (event.kind === "utteranceEnd" && sentence.length > 0) {
    print(`${clearLine}${sentence.splice(0).join(" ")}\n`);
  }
}
await listening;
