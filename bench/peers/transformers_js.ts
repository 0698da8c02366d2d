/**
 * transformers.js with the same checkpoint's ONNX, as `hubcap export` writes it: what a JavaScript
 * user would take instead. Install: `deno cache --no-lock npm:@huggingface/transformers@4.3.1`.
 *
 * Usage: `deno run -A --no-lock transformers_js.ts SPECIFIER FOLDER THREADS`
 *
 * @module
 */
import { basename, dirname } from "../../src/std.ts";
import { answerJobs, feedsOf, type TensorClass } from "./lines.ts";

/** The parts of the package in use. */
interface TransformersJs {
  readonly env: {
    version: string;
    allowRemoteModels: boolean;
    localModelPath: string;
    backends: { onnx: { wasm?: { numThreads?: number } } };
  };
  readonly AutoModelForCTC: {
    from_pretrained(name: string, options: object): Promise<(inputs: object) => Promise<Output>>;
  };
  readonly Tensor: TensorClass;
}

interface Output {
  readonly logits: { readonly data: Float32Array };
}

const [specifier, folder, threads] = Deno.args as [string, string, string];
const { env, AutoModelForCTC, Tensor }: TransformersJs = await import(specifier);
env.allowRemoteModels = false;
env.localModelPath = dirname(folder);
const numThreads = Number(threads);
const model = await AutoModelForCTC.from_pretrained(basename(folder), {
  dtype: "fp32",
  device: "cpu",
  session_options: { intraOpNumThreads: numThreads },
});
await answerJobs(
  { system: `transformers.js ${env.version}`, device: "cpu", threads: numThreads },
  async (data, shape) => {
    const { logits } = await model(feedsOf(Tensor, data, shape));
    return logits.data;
  },
);
