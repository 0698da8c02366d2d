/**
 * The webgpu backend: the GPU that Deno's `navigator.gpu` offers first.
 *
 * @module
 */
import type { BackendOptions } from "./backend.ts";
import { startWorkerBackend, type WorkerBackend } from "./worker_backend.ts";

/**
 * Opens the webgpu backend.
 *
 * @throws {BackendError} If there is no adapter, or it cannot run here; says why.
 */
export function openWebgpu(options: BackendOptions = {}): Promise<WorkerBackend> {
  return startWorkerBackend({
    name: "webgpu",
    createWorker: () =>
      new Worker(new URL("./webgpu_worker.ts", import.meta.url), {
        type: "module",
        name: "webgpu",
      }),
  }, options);
}
