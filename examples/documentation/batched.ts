// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * Several recordings in one run, the shorter ones padded: a processor with `padding=True`, then
 * `batch_decode`.
 *
 *     deno run -A examples/documentation/batched.ts [MODEL] [RECORDING...]
 *
 * @module
 */
import { argmax, loadModel, readSpeech, rowsOf } from "../../mod.ts";

const [source = "facebook/hubert-large-ls960-ft", ...recordings] = Deno.args;
if (recordings.length === 0) recordings.push("samples/harbour.wav", "samples/balloons.flac");

await using model = await loadModel(source, { task: "ctc" });
const { sampleRateHz } = model;
const waveforms = await Promise.all(recordings.map((path) => readSpeech(path, { sampleRateHz })));
const inputs = model.prepare(waveforms, { padding: "longest" });

const { logits, frameCounts } = await model.forward(inputs); // [B, T, V]
const ids = rowsOf(argmax(logits)).map(({ data }, row) => data.subarray(0, frameCounts[row]));
for (const text of model.tokenizer.batchDecode(ids)) console.log(text);
