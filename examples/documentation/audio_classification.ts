// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * The likeliest classes of a recording: `pipeline("audio-classification")`.
 *
 *     deno run -A examples/documentation/audio_classification.ts [MODEL] [RECORDING]
 *
 * @module
 */
import { labelScores, loadModel, readSpeech } from "../../mod.ts";

const [source = "superb/hubert-base-superb-ks", recording = "samples/harbour.wav"] = Deno.args;

await using model = await loadModel(source, { task: "sequence-classification" });
const samples = await readSpeech(recording, { sampleRateHz: model.sampleRateHz });
const { logits } = await model.forward(model.prepare([samples]));
const [scores] = labelScores(logits, model.config);
for (const { label, score } of scores!.slice(0, 5)) console.log(score.toFixed(3), label);
