/**
 * How many times an engine loads its model, and how processors are shared out.
 *
 * Two workers of half the threads do more than one of all: operators of a small model are too short
 * to be cut up, and while the words of one run are decoded the other goes on (`bench/README.md`).
 *
 * @module
 */
import type { ModelLoader } from "./device.ts";
import { loadModel, type LoadModelOptions } from "./load_model.ts";
import type { SpeechModel } from "./speech_model.ts";

/** Options of engines that load their model themselves. */
export interface WorkerOptions {
  /**
   * Copies of the model that run beside each other and share `threadCount`. Each takes the memory of
   * its weights.
   *
   * @default {1 on webgpu, with an open backend, or with a single thread; 2 elsewhere}
   */
  readonly workerCount?: number | undefined;
}

type Options = WorkerOptions & Omit<LoadModelOptions, "task" | "parts">;

/** Workers that an engine is to have. @param model The first one's. */
export function workerCountOf({ selection }: SpeechModel, options: Options): number {
  const { workerCount = selection.chosen === "webgpu" ? 1 : mostWorkers(options) } = options;
  return workerCount;
}

/**
 * What loads the model of each worker, the first one's first: it chooses the backend of all.
 *
 * @throws {RangeError} If `workerCount` is out of range.
 */
export function workerLoader(source: string, options: Options): ModelLoader {
  const { workerCount = mostWorkers(options), backend = "auto" } = options;
  const isOpen = typeof backend === "object";
  if (!(Number.isInteger(workerCount) && workerCount >= 1 && (workerCount === 1 || !isOpen))) {
    throw new RangeError(
      `Cannot start an engine as workerCount must be a whole number of at least 1, and 1 with an open backend: ${workerCount}`,
    );
  }
  const threadCount = Math.max(1, Math.floor(threadsOf(options) / workerCount));
  let chosen = backend;
  return async (signal, worker) => {
    const model = await loadModel(source, {
      ...options,
      ...{ signal, threadCount, task: "ctc" as const, parts: [] },
      backend: worker === 0 ? backend : chosen,
      ...(worker === 0 ? {} : { languageModel: false as const }), // the first one's decodes for all
    });
    if (!isOpen) chosen = model.selection.chosen;
    return model;
  };
}

/** Workers as far as they can be told before the backend is chosen. */
function mostWorkers({ backend, ...options }: Options): number {
  const isOne = typeof backend === "object" || backend === "webgpu";
  return isOne ? 1 : Math.min(2, threadsOf(options));
}

function threadsOf({ threadCount = navigator.hardwareConcurrency }: Options): number {
  return threadCount;
}
