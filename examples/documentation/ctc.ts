// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * What was said, frame by frame, and how far that is from a transcript: the forward pass of
 * `HubertForCTC` and `Wav2Vec2BertForCTC`, its loss included.
 *
 *     deno run -A examples/documentation/ctc.ts [MODEL] [RECORDING] [TRANSCRIPT]
 *
 * @module
 */
import { argmax, loadModel, readSpeech } from "../../mod.ts";

const [
  source = "facebook/hubert-large-ls960-ft",
  recording = "samples/harbour.wav",
  transcript = "THE BOAT LEFT THE HARBOUR BEFORE SUNRISE",
] = Deno.args;

await using model = await loadModel(source, { task: "ctc" });
const samples = await readSpeech(recording, { sampleRateHz: model.sampleRateHz });
const inputs = model.prepare([samples]);

const { logits } = await model.forward(inputs); // [1, T, V]
console.log(model.tokenizer.decode(argmax(logits).data));

const tokens = Int32Array.from(model.tokenizer.encode(transcript));
const labels = { data: tokens, shape: [1, tokens.length] };
const { loss } = await model.forward({ ...inputs, labels });
console.log("loss", loss!.toFixed(2));
