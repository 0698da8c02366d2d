// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * The one class a recording belongs to, such as a keyword, and the loss against another: the forward
 * pass of `HubertForSequenceClassification` and `Wav2Vec2BertForSequenceClassification`.
 *
 *     deno run -A examples/documentation/sequence_classification.ts [MODEL] [RECORDING]
 *
 * @module
 */
import { argmax, loadModel, readSpeech } from "../../mod.ts";

const [source = "superb/hubert-base-superb-ks", recording = "samples/harbour.wav"] = Deno.args;

await using model = await loadModel(source, { task: "sequence-classification" });
const { id2label, label2id } = model.config;
const samples = await readSpeech(recording, { sampleRateHz: model.sampleRateHz });
const inputs = model.prepare([samples]);

const { logits } = await model.forward(inputs); // [1, L]
const [predicted] = argmax(logits).data;
console.log(id2label[predicted!]);

const target = id2label[0]!; // such as "down"
const labels = { data: Int32Array.of(label2id[target]!), shape: [1] };
const { loss } = await model.forward({ ...inputs, labels });
console.log("loss", loss!.toFixed(2));
