// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * What each layer makes of a recording, and where it looks: the forward pass of `HubertModel` and
 * `Wav2Vec2BertModel` with `output_hidden_states` and `output_attentions`.
 *
 *     deno run -A examples/documentation/hidden_states.ts [MODEL] [RECORDING]
 *
 * @module
 */
import { loadModel, readSpeech } from "../../mod.ts";

const [source = "facebook/hubert-base-ls960", recording = "samples/harbour.wav"] = Deno.args;

await using model = await loadModel(source, { task: "base" });
const samples = await readSpeech(recording, { sampleRateHz: model.sampleRateHz });
const { lastHiddenState, hiddenStates, attentions } = await model.forward(
  model.prepare([samples]),
  { outputHiddenStates: true, outputAttentions: true },
);

const { data, shape } = lastHiddenState; // [1, T, H]
const mean = data.reduce((sum, value) => sum + Math.abs(value), 0) / data.length;
console.log("last hidden state", shape, "mean size", mean.toFixed(3));
console.log(hiddenStates!.length, "hidden states", hiddenStates![0]!.shape);
console.log(attentions!.length, "attentions", attentions![0]!.shape);
