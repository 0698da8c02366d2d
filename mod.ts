/**
 * Speech recognition with HuBERT and wav2vec 2.0 checkpoints as they are: a
 * folder or a name on the hub becomes a graph built in TypeScript, run by ONNX
 * Runtime on WebGPU, WebAssembly or the CPU.
 *
 * ```ts
 * import { transcribe } from "./mod.ts";
 *
 * const folder = new URL("tests/golden/ctc_adapter", import.meta.url).pathname;
 * const sample = new URL("samples/harbour.wav", import.meta.url).pathname;
 * const { words } = await transcribe(sample, {
 *   model: folder, // or "facebook/hubert-large-ls960-ft"
 * });
 * for (const { text, startSample } of words) console.log(startSample / 16_000, text);
 * ```
 *
 * @module
 */
export * from "./src/engine.ts";
export * from "./src/errors.ts";
export * from "./src/event_queue.ts";
export * from "./src/geometry.ts";
export * from "./src/load_model.ts";
export * from "./src/speech_model.ts";
export * from "./src/stream.ts";
export * from "./src/tensor.ts";
export * from "./src/transcribe.ts";
