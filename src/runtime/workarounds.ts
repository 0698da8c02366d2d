/**
 * What onnxruntime needs to run in Deno that it should not need. Each entry
 * says its cause and when it can go. Checked with Deno 2.9.6 and onnxruntime
 * 1.30.0.
 *
 * @module
 */
import fs from "node:fs";
import type { OrtWebEnv } from "./ort.ts";
import { readWhole } from "./lazy_file.ts";
import { fromFileUrl } from "../std.ts";

const STDOUT = 1;
const STDERR = 2;

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

/** What onnxruntime says is handed to `listener` while one is set, and dropped otherwise. */
export interface LogCapture {
  listener: ((line: string) => void) | undefined;
}

/**
 * Keeps the web builds from writing to the console and to the standard
 * streams of this worker. Comes before their import: they bind both when they
 * start.
 *
 * Cause: they have no other log sink. The standard streams are the program's
 * and not a library's, and which provider runs which node is told in the log
 * only. Taking Deno for Node.js, they write through `fs.writeSync`.
 *
 * Delete when: onnxruntime-web takes a log callback.
 */
export function captureLog(): LogCapture {
  const capture: LogCapture = { listener: undefined };
  const listen = (...words: unknown[]) => capture.listener?.(words.map(String).join(" "));
  for (const method of ["log", "info", "warn", "error", "debug"] as const) {
    globalThis.console[method] = listen;
  }
  const { writeSync } = fs;
  const writeOrListen = (fd: number, content: unknown, ...rest: unknown[]) =>
    fd === STDOUT || fd === STDERR
      ? listen(content)
      : Reflect.apply(writeSync, fs, [fd, content, ...rest]);
  Object.assign(fs, { writeSync: writeOrListen });
  return capture;
}

/**
 * Keeps EGL from complaining on standard error, before an adapter is asked for.
 *
 * Cause: asking for an adapter also tries OpenGL, whose loader prints
 * `error: XDG_RUNTIME_DIR is invalid or not set` on Linux machines without a
 * desktop, such as containers. It looks like a failure and is none.
 *
 * Delete when: `requestAdapter()` prints nothing there.
 */
export function quietEgl(): void {
  const name = "XDG_RUNTIME_DIR";
  if (Deno.build.os !== "linux") return;
  const isAllowed = Deno.permissions.querySync({ name: "env", variable: name }).state === "granted";
  if (isAllowed && !Deno.env.has(name)) Deno.env.set(name, "/tmp");
}
