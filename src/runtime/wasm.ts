/**
 * The wasm backend: works anywhere, several times slower than native code.
 *
 * With more than one thread, what it took of memory stays with the process
 * after it is disposed: its threads wait inside WebAssembly, and Deno 2.9.6
 * ends no worker that waits so (https://github.com/denoland/deno/pull/35657).
 * Where backends come and go, one thread gives everything back.
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
  }, options);
}
