/**
 * What onnxruntime needs to run in Deno that it should not need. Each entry
 * says its cause and when it can go. Checked with Deno 2.9.6 and onnxruntime
 * 1.30.0.
 *
 * @module
 */
import type { OrtWebEnv } from "./ort.ts";
import { readWhole } from "./lazy_file.ts";
import { fromFileUrl } from "../std.ts";

/**
 * Takes `location` away from a worker, before onnxruntime-web is imported.
 *
 * Cause: onnxruntime-web takes a global `location` for the sign of a browser
 * and resolves addresses against `location.origin`, which is `"null"` for a
 * `file:` worker: `Invalid URL … base 'null'`. Deno's main thread has none.
 *
 * Link: https://github.com/microsoft/onnxruntime/issues/22309
 *
 * Delete when: a worker that imports `onnxruntime-web/wasm` creates a session without it.
 */
export function hideLocation(): void {
  delete (globalThis as { location?: unknown }).location;
}

/**
 * Sets up a web build for more than one thread.
 *
 * Cause: with several threads onnxruntime-web copies its own script to a
 * `blob:` address and imports that, which Deno refuses
 * (`ERR_UNSUPPORTED_ESM_URL_SCHEME`). A relative `wasmPaths` leads to a plain
 * relative import, next to the bundle; the binary then has to be handed over,
 * as a relative address cannot be fetched.
 *
 * Links: https://github.com/microsoft/onnxruntime/issues/16800,
 * https://github.com/microsoft/onnxruntime/issues/18933
 *
 * Delete when: two threads start in Deno with `numThreads = 2` alone.
 */
export async function enableThreads(
  env: OrtWebEnv,
  wasmUrl: URL,
  threadCount: number,
): Promise<void> {
  env.wasm.wasmPaths = "./";
  env.wasm.wasmBinary = (await readWhole(fromFileUrl(wasmUrl))).buffer;
  env.wasm.numThreads = threadCount;
}

/**
 * The execution provider that computes on a given device.
 *
 * Cause: `ort.env.webgpu.device` is documented as the way to share a device,
 * and ignored; with its own device onnxruntime asks for fewer limits, and its
 * loss cannot be seen from outside.
 *
 * Delete when: assigning `ort.env.webgpu.device` is honoured.
 */
export function webgpuProvider(device: GPUDevice): unknown {
  return { name: "webgpu", device };
}

/**
 * Whether onnxruntime's output buffers can be handed to another thread.
 *
 * Cause: the native build's outputs lie in memory that is onnxruntime's own;
 * it stays alive with the tensor, not with a transferred buffer.
 *
 * Delete when: the native build documents its buffers as transferable.
 */
export const NATIVE_OUTPUTS_NEED_COPIES = true;

/**
 * Drops everything onnxruntime would write to the console of this worker, and
 * hands it to `listener` while one is set.
 *
 * Cause: onnxruntime's web builds have no log sink other than the console,
 * which is the program's and not a library's; placement of nodes is told
 * nowhere else. Emscripten binds the console's methods when it starts, so this
 * comes before the import.
 *
 * Delete when: onnxruntime-web takes a log callback.
 */
export function captureConsole(): { listener: ((line: string) => void) | undefined } {
  const capture: { listener: ((line: string) => void) | undefined } = { listener: undefined };
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    globalThis.console[method] = (...args: unknown[]) =>
      capture.listener?.(args.map(String).join(" "));
  }
  return capture;
}
