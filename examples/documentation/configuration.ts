// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * A checkpoint's configuration, every field there is, those the file leaves out included:
 * `HubertConfig`, `Wav2Vec2BertConfig`. No weight is read.
 *
 *     deno run -A examples/documentation/configuration.ts [MODEL]
 *
 * @module
 */
import { loadModel } from "../../mod.ts";

const [source = "facebook/hubert-base-ls960"] = Deno.args;

await using model = await loadModel(source, { parts: [] });
for (const [field, value] of Object.entries(model.config)) {
  console.log(`${field}: ${JSON.stringify(value)}`);
}
