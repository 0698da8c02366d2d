// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * A recording of any length to text, in one call: `pipeline("automatic-speech-recognition")`.
 *
 *     deno run -A examples/documentation/pipeline.ts [MODEL] [RECORDING]
 *
 * @module
 */
import { transcribe } from "../../mod.ts";

const [model = "facebook/hubert-large-ls960-ft", recording = "samples/harbour.wav"] = Deno.args;

const { text } = await transcribe(recording, { model });
console.log(text);
