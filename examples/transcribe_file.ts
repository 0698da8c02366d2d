// deno-lint-ignore-file no-console -- a program, not the library
/**
 * Prints each word of a recording with the time it was said at.
 *
 *     deno run --allow-all examples/transcribe_file.ts RECORDING MODEL
 *
 * @module
 */
import { loadModel, transcribe } from "../mod.ts";

const [recording, source] = Deno.args;
if (recording === undefined || source === undefined) {
  console.error("Give a recording, and a model: a folder, or owner/name on the hub");
  Deno.exit(2);
}

await using model = await loadModel(source, { task: "ctc" });
const { words, seconds } = await transcribe(recording, {
  model,
  onProgress: ({ seconds }) => console.error(`${seconds.toFixed(1)} s`),
});
for (const { text, startSample, confidence } of words) {
  const start = (startSample / model.sampleRateHz).toFixed(2).padStart(8);
  console.log(`${start} s  ${text}  (${Math.round(confidence * 100)} %)`);
}
console.error(`${words.length} words in ${seconds.toFixed(1)} s on ${model.selection.reason}`);
