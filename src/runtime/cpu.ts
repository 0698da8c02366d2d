/**
 * The cpu backend: native code, the fastest where there is no GPU. Optional,
 * as it needs a platform onnxruntime is built for, and the right to load it.
 *
 * @module
 */
import type { BackendOptions } from "./backend.ts";
import { startWorkerBackend, type WorkerBackend } from "./worker_backend.ts";

/**
 * Opens the cpu backend.
 *
 * @throws {BackendError} If it is not installed or not allowed; says what would help.
 */
export function openCpu(options: BackendOptions = {}): Promise<WorkerBackend> {
  return startWorkerBackend({
    name: "cpu",
    createWorker: () =>
      new Worker(new URL("./cpu_worker.ts", import.meta.url), { type: "module", name: "cpu" }),
  }, options);
}
