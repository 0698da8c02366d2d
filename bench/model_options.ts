/**
 * Which model is measured, where and how: options that most benchmarks share.
 *
 * @module
 */
import { type OptionSpec, UsageError } from "../src/cli/command.ts";
import { defaultModel } from "../src/default_model.ts";
import { type Dtype, DTYPES } from "../src/model/precision.ts";
import type { BackendName } from "../src/runtime/backend.ts";
import { choicesOf } from "./bench_command.ts";
import { type FullSize, fullSizeFolder } from "./checkpoint.ts";

/** Values of {@linkcode MODEL_OPTIONS}. */
export interface ModelValues {
  readonly model?: string;
  readonly shape?: FullSize;
  readonly backend?: string;
  readonly dtype?: string;
  readonly threads?: number;
  readonly workers?: number;
}

/** The model, and the systems to run it on. */
export const MODEL_OPTIONS: readonly OptionSpec[] = [
  {
    name: "model",
    short: "m",
    description: "folder of a checkpoint, or owner/name[@revision] on the hub",
    value: { kind: "text", name: "model" },
    default: "the one in models/",
  },
  {
    name: "backend",
    short: "b",
    description: "where to compute, some of cpu, wasm, webgpu",
    value: { kind: "text", name: "list" },
    default: "cpu",
  },
  {
    name: "dtype",
    short: "d",
    description: "how to compute, some of float32, float16, int8, int4",
    value: { kind: "text", name: "list" },
    default: "float32",
  },
  {
    name: "threads",
    description: "threads that compute, on cpu and wasm",
    value: { kind: "count", name: "count" },
    default: "all",
  },
];

/** Copies of the model in a server. */
export const WORKERS_OPTION: OptionSpec = {
  name: "workers",
  description: "copies of the model that run beside each other and share the threads",
  value: { kind: "count", name: "count" },
  default: "2 on processors if both take at most 1 GiB, else 1",
};

/** Values of {@linkcode DECODER_OPTIONS}. */
export interface DecoderValues {
  readonly decoder?: string;
  readonly languageModel?: string;
}

/** How letters become words. */
export const DECODER_OPTIONS: readonly OptionSpec[] = [
  {
    name: "decoder",
    description: "how letters become words, some of greedy, beam",
    value: { kind: "text", name: "list" },
    default: "beam with a language model, else greedy",
  },
  {
    name: "language-model",
    description: "file in ARPA's text format, plain or gzipped",
    value: { kind: "text", name: "path" },
    default: "the one in the checkpoint's language_model/, if any",
  },
];

/** Every decoder that the options name. */
export function decodersOf({ decoder = "auto" }: DecoderValues): ("auto" | "greedy" | "beam")[] {
  return choicesOf(decoder, { option: "decoder", choices: ["auto", "greedy", "beam"] as const });
}

/** A model of full size with random weights instead. */
export const SHAPE_OPTION: OptionSpec = {
  name: "shape",
  description:
    "instead of --model: the shape of hubert-base, the same with hubert-large's layer norms, hubert-large or w2v-BERT 2.0 with random weights, made by HUBCAP_PYTHON",
  value: { kind: "choice", name: "shape", choices: ["base", "base-layer", "large", "w2v-bert"] },
};

/** How often each case is measured. */
export const ROUNDS_OPTION: OptionSpec = {
  name: "rounds",
  description: "how often each case is measured",
  value: { kind: "count", name: "count" },
  default: "5",
};

/** A backend and a precision. */
export interface System {
  readonly backend: BackendName;
  readonly dtype: Dtype;
}

/** Every pair of a backend and a precision that the options name. */
export function systemsOf({ backend = "cpu", dtype = "float32" }: ModelValues): System[] {
  const backends = choicesOf(backend, {
    option: "backend",
    choices: ["cpu", "wasm", "webgpu"] as const,
  });
  const dtypes = choicesOf(dtype, { option: "dtype", choices: DTYPES });
  return backends.flatMap((name) => dtypes.map((each) => ({ backend: name, dtype: each })));
}

/** Threads that are asked for, as a backend takes them. */
export function threadOptions({ threads }: ModelValues): { threadCount?: number } {
  return threads === undefined ? {} : { threadCount: threads };
}

/** A model's source, and what was made for it. */
export interface ModelSource extends AsyncDisposable {
  readonly source: string;
}

/**
 * The model that the options name.
 *
 * @throws {UsageError} If none is named and none comes along.
 */
export async function modelSource({ model, shape }: ModelValues): Promise<ModelSource> {
  if (shape !== undefined) {
    const scratch = await Deno.makeTempDir({ prefix: "hubcap-bench-" });
    const dispose = () => Deno.remove(scratch, { recursive: true });
    try {
      return {
        source: await fullSizeFolder(scratch, shape),
        [Symbol.asyncDispose]: dispose,
      };
    } catch (error) {
      await dispose();
      throw error;
    }
  }
  const source = model ?? await defaultModel();
  if (source !== undefined) return { source, [Symbol.asyncDispose]: () => Promise.resolve() };
  throw new UsageError("Cannot measure without a model: give --model");
}
