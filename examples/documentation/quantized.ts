// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * A model with the matrices of its layers in 8 or 4 bits: `BitsAndBytesConfig(load_in_8bit=True)` and
 * `load_in_4bit`. Checkpoints stay as they are; the weights are quantised on their way in.
 *
 *     deno run -A examples/documentation/quantized.ts [MODEL] [RECORDING] [int8|int4]
 *
 * @module
 */
import { describeModel, type Dtype, loadModel, readSpeech } from "../../mod.ts";

const [
  source = "facebook/hubert-large-ls960-ft",
  recording = "samples/harbour.wav",
  dtype = "int8",
] = Deno.args as [string?, string?, Dtype?];

await using model = await loadModel(source, { task: "ctc", dtype });
await using exact = await loadModel(source, { task: "ctc" });
const samples = await readSpeech(recording, { sampleRateHz: model.sampleRateHz });
const inputs = model.prepare([samples]);
const { data } = (await model.forward(inputs)).logits;
const { data: expected } = (await exact.forward(inputs)).logits;

const length = (values: Float32Array) => Math.hypot(...values);
const error = length(data.map((value, i) => value - expected[i]!)) / length(expected);
const { weightByteLengths } = await describeModel(source);
const size = weightByteLengths[dtype]! / weightByteLengths.float32!;
console.log(`${dtype}: ${percent(size)} of the memory, logits ${percent(error)} off`);

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
