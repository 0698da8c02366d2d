// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * Who speaks in each frame, several at once if need be: the forward pass of
 * `Wav2Vec2BertForAudioFrameClassification`.
 *
 *     deno run -A examples/documentation/frame_classification.ts MODEL [RECORDING]
 *
 * @module
 */
import { frameProbabilities, loadModel, readSpeech, rowsOf } from "../../mod.ts";

const [source = "./my-diarizer", recording = "samples/harbour.wav"] = Deno.args;

await using model = await loadModel(source, { task: "frame-classification" });
const samples = await readSpeech(recording, { sampleRateHz: model.sampleRateHz });
const { logits } = await model.forward(model.prepare([samples])); // [1, T, speakers]

const [probabilities] = rowsOf(frameProbabilities(logits));
const frames = rowsOf(probabilities!).map(({ data }) => [...data].map((p) => p > 0.5 ? 1 : 0));
console.log("first frame", frames[0]!.join(" "));
for (const [speaker, name] of Object.entries(model.config.id2label)) {
  const spoken = frames.filter((frame) => frame[Number(speaker)] === 1);
  console.log(name, "in", spoken.length, "of", frames.length, "frames");
}
