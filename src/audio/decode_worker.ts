/**
 * The worker of `decode_in_worker.ts`.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import type { AudioBlock } from "./audio_block.ts";
import { decodeAudio, decodeSpeech } from "./decode.ts";
import type { DecodeRequest, DecodeResponse } from "./decode_in_worker.ts";

/** What the type checker has of a worker's own scope. */
interface WorkerScope {
  postMessage(message: DecodeResponse, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<DecodeRequest>) => void) | null;
}

const scope = globalThis as unknown as WorkerScope;
let taken = Promise.withResolvers<void>();
let fed = Promise.withResolvers<Uint8Array | undefined>();

scope.onmessage = ({ data }) => {
  switch (data.kind) {
    case "recording":
      return void say(recording(data.url, data.sampleRateHz));
    case "stream":
      return void say(decodeAudio(asked()));
    case "bytes":
      return fed.resolve(data.bytes);
    case "taken":
      return taken.resolve();
    default:
      data satisfies never;
  }
};

/** Says a block at a time, and waits until it is taken. */
async function say(blocks: AsyncIterable<AudioBlock>): Promise<void> {
  try {
    for await (const { channels, sampleRateHz } of blocks) {
      const own = channels.map((samples) => samples.slice()); // the decoder may keep its buffers
      taken = Promise.withResolvers();
      const block = { channels: own, sampleRateHz };
      scope.postMessage({ kind: "block", block }, own.map(({ buffer }) => buffer));
      await taken.promise;
    }
    scope.postMessage({ kind: "end" });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    scope.postMessage({ kind: "error", message, isAudio: error instanceof AudioError });
  }
}

/** Bytes, asked for one after the other. */
function asked(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      fed = Promise.withResolvers();
      scope.postMessage({ kind: "hungry" });
      const bytes = await fed.promise;
      if (bytes === undefined) controller.close();
      else controller.enqueue(bytes);
    },
  }, { highWaterMark: 0 });
}

/** Samples in a message: a decoder's own blocks can be very short. */
const MESSAGE_SAMPLES = 1 << 14;

/** A recording as speech, in blocks that are worth a message. */
async function* recording(url: string, sampleRateHz: number): AsyncGenerator<AudioBlock> {
  const { body } = await fetch(url);
  let held: Float32Array[] = [];
  let sampleCount = 0;
  const joined = () => {
    const samples = new Float32Array(sampleCount);
    let at = 0;
    for (const part of held) {
      samples.set(part, at);
      at += part.length;
    }
    [held, sampleCount] = [[], 0];
    return { channels: [samples], sampleRateHz };
  };
  for await (const samples of decodeSpeech(body!, { sampleRateHz })) {
    held.push(samples.slice());
    sampleCount += samples.length;
    if (sampleCount >= MESSAGE_SAMPLES) yield joined();
  }
  if (sampleCount > 0) yield joined();
}
