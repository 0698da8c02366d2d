// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * Every class that applies to a recording, where they do not exclude each other: a classifier with
 * `problem_type="multi_label_classification"`, its loss included.
 *
 *     deno run -A examples/documentation/multi_label_classification.ts MODEL [RECORDING]
 *
 * @module
 */
import { labelScores, loadModel, readSpeech } from "../../mod.ts";

const [source = "./my-classifier", recording = "samples/harbour.wav"] = Deno.args;

await using model = await loadModel(source, { task: "sequence-classification" });
const { id2label, label2id } = model.config;
const samples = await readSpeech(recording, { sampleRateHz: model.sampleRateHz });
const inputs = model.prepare([samples]);

const { logits } = await model.forward(inputs); // [1, L]
const [scores] = labelScores(logits, model.config);
const applying = scores!.filter(({ score }) => score > 0.5).map(({ label }) => label);
console.log(applying.join(", ") || "no class applies");

const flags = new Float32Array(Object.keys(id2label).length);
for (const label of applying) flags[label2id[label]!] = 1;
const labels = { data: flags, shape: [1, flags.length] };
const { loss } = await model.forward({ ...inputs, labels });
console.log("loss", loss!.toFixed(2));
