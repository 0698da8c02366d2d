// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * One model, many languages, each with an adapter, a head and a vocabulary of its own:
 * `from_pretrained(…, target_lang=…)`, then `set_target_lang` and `load_adapter`.
 *
 *     deno run -A examples/documentation/language_adapters.ts [MODEL] [RECORDING] [LANGUAGE...]
 *
 * @module
 */
import { argmax, loadModel, readSpeech } from "../../mod.ts";

const [source = "facebook/mms-1b-all", recording = "samples/harbour.wav", ...rest] = Deno.args;
const [first = "eng", ...others] = rest;

await using model = await loadModel(source, { task: "ctc", targetLang: first });
const samples = await readSpeech(recording, { sampleRateHz: model.sampleRateHz });
const inputs = model.prepare([samples]);
for (const language of [first, ...others]) {
  if (language !== first) await model.setTargetLang(language);
  const { logits } = await model.forward(inputs);
  console.log(`${language}: ${model.tokenizer.decode(argmax(logits).data)}`);
}
