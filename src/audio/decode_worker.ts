/**
 * The worker of `decode_in_worker.ts`.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import { decodeSpeech } from "./decode.ts";
import type { DecodeRequest, DecodeResponse } from "./decode_in_worker.ts";

/** What the type checker has of a worker's own scope. */
interface WorkerScope {
  postMessage(message: DecodeResponse, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<DecodeRequest>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
let proceed = Promise.withResolvers<void>();

scope.onmessage = ({ data }) => {
  if (data.kind === "decode") void decode(data.url, data.sampleRateHz);
  else proceed.resolve();
};

/** Says a block at a time, and waits to be asked for the next. */
async function decode(url: string, sampleRateHz: number): Promise<void> {
  try {
    const { body } = await fetch(url);
    for await (const block of decodeSpeech(body!, { sampleRateHz })) {
      const samples = block.slice(); // the decoder may keep the block's buffer
      proceed = Promise.withResolvers();
      scope.postMessage({ kind: "samples", samples }, [samples.buffer]);
      await proceed.promise;
    }
    scope.postMessage({ kind: "end" });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: "error", message, isAudio: error instanceof AudioError });
  }
}
