// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * Two speakers, one model: each has a stream of their own, and windows of both run on
 * the device together. What they said is printed in the order they said it.
 *
 * ```sh
 * deno run -A examples/two_speakers.ts MODEL ada.wav bob.flac
 * ```
 *
 * @module
 */
import { CaptionEngine, type CaptionStream, decodeSpeech } from "../mod.ts";

interface Line {
  readonly speaker: string;
  readonly startSample: number;
  readonly text: string;
}

/** The utterances of a stream. */
async function* linesOf(speaker: string, stream: CaptionStream): AsyncGenerator<Line> {
  const words: string[] = [];
  for await (const event of stream) {
    if (event.kind === "caption") words.push(...event.committed.map(({ text }) => text));
    if (event.kind !== "utteranceEnd" || words.length === 0) continue;
    yield { speaker, startSample: event.startSample, text: words.splice(0).join(" ") };
  }
}

const [model, ...recordings] = Deno.args;
if (model === undefined || recordings.length === 0) {
  console.error("Give a model, and a recording of each speaker");
  Deno.exit(2);
}
await using engine = await CaptionEngine.load(model);
const { sampleRateHz } = engine.model;
const lines = await Promise.all(recordings.map(async (path) => {
  await using stream = engine.open({ id: path });
  const samples = ReadableStream.from(decodeSpeech(path, { sampleRateHz }));
  const speaking = samples.pipeTo(stream.writable);
  const said = await Array.fromAsync(linesOf(path, stream));
  await speaking;
  return said;
}));
for (
  const { speaker, startSample, text } of lines.flat().sort((a, b) => a.startSample - b.startSample)
) {
  console.log(`${(startSample / sampleRateHz).toFixed(2).padStart(7)} s  ${speaker}: ${text}`);
}
const { windowCount, runCount } = engine.stats;
console.error(`${windowCount} windows in ${runCount} runs`);
