/**
 * How many times an engine loads its model, and how processors are shared out.
 *
 * Two workers of half the threads do more than one of all: operators of a small model are too short
 * to be cut up, and while the words of one run are decoded the other goes on (`bench/README.md`).
 * A second copy of a big model would take much memory that nobody asked for.
 *
 * @module
 */
import { describeModel } from "./describe_model.ts";
import type { ModelLoader } from "./device.ts";
import { loadModel, type LoadModelOptions } from "./load_model.ts";
import type { SpeechModel } from "./speech_model.ts";

/** Options of engines that load their model themselves. */
export interface WorkerOptions {
  /**
   * Copies of the model that run beside each other and share `threadCount`. Each takes the memory of
   * its weights. One that is lost for good leaves its work to the others.
   *
   * @default {2 on processors where the weights of both together take at most 1 GiB; 1 where they
   * take more, on webgpu, with an open backend, or with a single thread}
   */
  readonly workerCount?: number | undefined;
}

/** The workers of an engine to be. */
export interface Workers {
  /** Loads the model of each, the first one's first: it chooses the backend of all. */
  readonly load: ModelLoader;
  /** How many there are to be, as the first one's model is there. */
  readonly countWith: (first: SpeechModel) => number;
}

type Options = WorkerOptions & Omit<LoadModelOptions, "task" | "parts">;

/** Weights of all copies together, where nobody asked for copies. */
const MOST_WEIGHT_BYTES = 2 ** 30;

/**
 * Decides on the workers of an engine. Of the weights only the headers are read.
 *
 * @throws {RangeError} If `workerCount` is out of range.
 * @throws What `describeModel` does, if the size of the weights is to decide.
 */
export async function planWorkers(source: string, options: Options): Promise<Workers> {
  const { workerCount, backend = "auto" } = options;
  const isOpen = typeof backend === "object";
  requireWorkerCount(workerCount, isOpen);
  const count = workerCount ?? (isOpen ? 1 : await defaultCount(source, options));
  const threadCount = Math.max(1, Math.floor(threadsOf(options) / count));
  let chosen = backend;
  let { languageModel } = options;
  return {
    countWith: ({ selection }) => selection.chosen === "webgpu" ? workerCount ?? 1 : count,
    async load(signal, worker) {
      const model = await loadModel(source, {
        ...options,
        ...{ signal, threadCount, task: "ctc" as const, parts: [] },
        backend: worker === 0 ? backend : chosen,
        ...(languageModel === undefined ? {} : { languageModel }),
      });
      if (!isOpen) chosen = model.selection.chosen;
      languageModel = model.languageModel ?? false; // read once, by whoever is the first
      return model;
    },
  };
}

function requireWorkerCount(workerCount = 1, isOpen: boolean): void {
  if (Number.isInteger(workerCount) && workerCount >= 1 && (workerCount === 1 || !isOpen)) return;
  throw new RangeError(
    `Cannot start an engine as workerCount must be a whole number of at least 1, and 1 with an open backend: ${workerCount}`,
  );
}

/** Workers on processors, where nobody said. */
async function defaultCount(source: string, options: Options): Promise<number> {
  const { backend, dtype = "float32", ...others } = options;
  if (backend === "webgpu" || threadsOf(options) < 2) return 1;
  const { weightByteLengths } = await describeModel(source, { ...others, task: "ctc" });
  const byteLength = weightByteLengths[dtype] ?? 0; // a precision that is not there fails later
  return 2 * byteLength <= MOST_WEIGHT_BYTES ? 2 : 1;
}

function threadsOf({ threadCount = navigator.hardwareConcurrency }: Options): number {
  return threadCount;
}
