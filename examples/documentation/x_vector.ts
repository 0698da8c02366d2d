// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * Whether two recordings are of one speaker: the forward pass of `Wav2Vec2BertForXVector`.
 *
 *     deno run -A examples/documentation/x_vector.ts MODEL [RECORDING] [RECORDING]
 *
 * @module
 */
import { cosineSimilarity, loadModel, readSpeech, rowsOf } from "../../mod.ts";

const [
  source = "./my-verifier",
  first = "samples/harbour.wav",
  second = "samples/balloons.flac",
] = Deno.args;

await using model = await loadModel(source, { task: "x-vector" });
const { sampleRateHz } = model;
const recordings = [
  await readSpeech(first, { sampleRateHz }),
  await readSpeech(second, { sampleRateHz }),
];
const { embeddings } = await model.forward(model.prepare(recordings)); // [2, E]

const [a, b] = rowsOf(embeddings);
const similarity = cosineSimilarity(a!.data, b!.data);
const threshold = 0.7; // the best one depends on the data
console.log(similarity < threshold ? "Two speakers" : "One speaker", similarity.toFixed(3));
