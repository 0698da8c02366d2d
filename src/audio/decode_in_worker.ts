/**
 * Recordings decoded in a thread of their own: ten minutes of Opus are seconds of computing, in
 * which nothing else would get its turn.
 *
 * @module
 */
import { AudioError } from "../errors.ts";

/** What the worker is told. */
export type DecodeRequest =
  | { readonly kind: "decode"; readonly url: string; readonly sampleRateHz: number }
  | { readonly kind: "next" };

/** What it says. */
export type DecodeResponse =
  | { readonly kind: "samples"; readonly samples: Float32Array<ArrayBuffer> }
  | { readonly kind: "end" }
  | { readonly kind: "error"; readonly message: string; readonly isAudio: boolean };

/** Options of {@linkcode decodeInWorker}. */
export interface DecodeInWorkerOptions {
  /** Sample rate of the result, Hz, 4000 to 192000. @default {16000} */
  readonly sampleRateHz?: number;
  /** Ends the decoding; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Decodes a recording as `decodeSpeech` does, in a worker that ends with it. A block is decoded
 * when the one before was taken.
 *
 * @param file The recording.
 * @returns Blocks of samples that follow each other without gap. // [S]
 * @throws {AudioError} As `decodeSpeech`.
 *
 * @example
 * ```ts
 * import { decodeInWorker } from "./decode_in_worker.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const wav = await Deno.readFile(new URL("../../samples/harbour.wav", import.meta.url));
 * let sampleCount = 0;
 * for await (const samples of decodeInWorker(new Blob([wav]))) sampleCount += samples.length;
 * assertEquals(sampleCount, 39_680);
 * ```
 */
export async function* decodeInWorker(
  file: Blob,
  options: DecodeInWorkerOptions = {},
): AsyncGenerator<Float32Array> {
  const { sampleRateHz = 16_000, signal } = options;
  signal?.throwIfAborted();
  const url = URL.createObjectURL(file);
  const worker = new Worker(new URL("./decode_worker.ts", import.meta.url), { type: "module" });
  try {
    let request: DecodeRequest = { kind: "decode", url, sampleRateHz };
    for (;;) {
      const response = await ask(worker, request, signal);
      if (response.kind === "end") return;
      if (response.kind === "error") {
        throw response.isAudio ? new AudioError(response.message) : new Error(response.message);
      }
      yield response.samples;
      request = { kind: "next" };
    }
  } finally {
    worker.terminate();
    URL.revokeObjectURL(url);
  }
}

/** Asks, and waits for the answer. @throws The signal's reason; why the worker died. */
async function ask(
  worker: Worker,
  request: DecodeRequest,
  signal: AbortSignal | undefined,
): Promise<DecodeResponse> {
  signal?.throwIfAborted();
  const answer = Promise.withResolvers<DecodeResponse>();
  const onAbort = () => answer.reject(signal?.reason);
  signal?.addEventListener("abort", onAbort, { once: true });
  worker.onmessage = ({ data }: MessageEvent<DecodeResponse>) => answer.resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    answer.reject(new Error(`Cannot decode as the worker died: ${event.message}`));
  };
  worker.postMessage(request);
  try {
    return await answer.promise;
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}
