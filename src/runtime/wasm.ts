/**
 * The wasm backend: works anywhere, several times slower than native code.
 *
 * @module
 */
import type { BackendOptions } from "./backend.ts";
import { startWorkerBackend, type WorkerBackend } from "./worker_backend.ts";

/**
 * Opens the wasm backend.
 *
 * @throws {BackendError} If it cannot run here; says why.
 */
export function openWasm(options: BackendOptions = {}): Promise<WorkerBackend> {
  return startWorkerBackend({
    name: "wasm",
    createWorker: () =>
      new Worker(new URL("./wasm_worker.ts", import.meta.url), { type: "module", name: "wasm" }),
    stopsGracefully: false,
  }, options);
}
