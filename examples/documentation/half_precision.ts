// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * A model in half precision, on a GPU that computes it: `dtype=torch.float16`.
 *
 *     deno run -A examples/documentation/half_precision.ts [MODEL] [RECORDING] [BACKEND]
 *
 * @module
 */
import { type BackendChoice, loadModel, transcribe } from "../../mod.ts";

const [
  source = "facebook/hubert-large-ls960-ft",
  recording = "samples/harbour.wav",
  backend = "webgpu",
] = Deno.args;

await using model = await loadModel(source, {
  task: "ctc",
  dtype: "float16",
  backend: backend as BackendChoice,
});
const { text } = await transcribe(recording, { model });
console.log(text);
console.log(model.dtype, "on", model.selection.chosen);
