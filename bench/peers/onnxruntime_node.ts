/**
 * onnxruntime-node as one writes it first: the exported graph, whole recordings, default options.
 * The cpu backend has it installed already.
 *
 * Usage: `deno run -A onnxruntime_node.ts MODEL.onnx THREADS`
 *
 * @module
 */
import config from "../../deno.json" with { type: "json" };
import { answerJobs, feedsOf, type TensorClass } from "./lines.ts";

/** The parts of the package in use. */
interface OnnxRuntime {
  readonly env: { readonly versions: { readonly common: string } };
  readonly InferenceSession: {
    create(path: string, options: object): Promise<{
      run(feeds: object): Promise<{ readonly logits: { readonly data: Float32Array } }>;
    }>;
  };
  readonly Tensor: TensorClass;
}

const [path, threads] = Deno.args as [string, string];
// not by its name: the backend is the project's one door to it
const module = await import(config.imports["onnxruntime-node"]);
const { env, InferenceSession, Tensor }: OnnxRuntime = module.default ?? module;
const session = await InferenceSession.create(path, { intraOpNumThreads: Number(threads) });
await answerJobs(
  { system: `onnxruntime-node ${env.versions.common}`, device: "cpu", threads: Number(threads) },
  async (data, shape) => {
    const { logits } = await session.run(feedsOf(Tensor, data, shape));
    return logits.data;
  },
);
