/**
 * The worker of the wasm backend: onnxruntime-web's SIMD build with threads.
 *
 * @module
 */
import { createWebSession, type Engine } from "./engine.ts";
import type { OrtModule, OrtWebEnv } from "./ort.ts";
import { enableThreads, hideLocation } from "./workarounds.ts";
import { type EngineContext, serve } from "./worker.ts";

const BINARY = "ort-wasm-simd-threaded.wasm";

async function startWasm({ threadCount }: EngineContext): Promise<Engine> {
  hideLocation();
  const ort = await import("onnxruntime-web/wasm") as unknown as OrtModule & { env: OrtWebEnv };
  const wasmUrl = new URL(BINARY, import.meta.resolve("onnxruntime-web/wasm"));
  await enableThreads(ort.env, wasmUrl, threadCount);
  ort.env.logLevel = "fatal";
  return {
    ort,
    device: `WebAssembly, ${threadCount} ${threadCount === 1 ? "thread" : "threads"}`,
    isSoftware: false,
    sessionOptions: { executionProviders: ["wasm"] },
    needsOutputCopies: false,
    create: (source, options) => createWebSession(ort, source, options),
  };
}

serve(startWasm);
