/**
 * Audio decoded in a thread of its own: ten minutes of Opus are seconds of computing, in which
 * nothing else would get its turn, and what a damaged file does to a decoder stays with it.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import type { AudioBlock } from "./audio_block.ts";

/** What the worker is told. */
export type DecodeRequest =
  /** Decode a recording to speech. */
  | { readonly kind: "recording"; readonly url: string; readonly sampleRateHz: number }
  /** Decode what comes as bytes, as it is. */
  | { readonly kind: "stream" }
  /** The bytes that it asked for; none at the end. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array<ArrayBuffer> | undefined }
  /** The block was taken. */
  | { readonly kind: "taken" };

/** What it says. */
export type DecodeResponse =
  | { readonly kind: "block"; readonly block: AudioBlock }
  /** More bytes are wanted. */
  | { readonly kind: "hungry" }
  | { readonly kind: "end" }
  | { readonly kind: "error"; readonly message: string; readonly isAudio: boolean };

/** What {@linkcode decodeInWorker} and {@linkcode decodeStreamInWorker} may be told. */
export interface WorkerOptions {
  /** Ends the decoding; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Longest computing without a word; then the decoder is taken to be stuck. @default {60000} */
  readonly silenceMs?: number;
}

/** Options of {@linkcode decodeInWorker}. */
export interface DecodeInWorkerOptions extends WorkerOptions {
  /** Sample rate of the result, Hz, 4000 to 192000. @default {16000} */
  readonly sampleRateHz?: number;
}

/**
 * Decodes a recording as `decodeSpeech` does, in a worker that ends with it. A block is decoded
 * when the one before was taken.
 *
 * @param file The recording.
 * @returns Blocks of samples that follow each other without gap. // [S]
 * @throws {AudioError} As `decodeSpeech`, or if the decoder is stuck.
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
  const nothing = () => Promise.resolve(undefined);
  try {
    const blocks = converse({ kind: "recording", url, sampleRateHz }, nothing, options);
    for await (const { channels } of blocks) yield channels[0]!;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * Decodes bytes that come bit by bit as `decodeAudio` does, in a worker that ends with them. Bytes
 * are read when the decoder has use for them, and decoded when the block before was taken.
 *
 * @param source The bytes; cancelled at the end, on an error, and when the loop is left early.
 * @returns Blocks that follow each other without gap.
 * @throws {AudioError} As `decodeAudio`, or if the decoder is stuck.
 */
export async function* decodeStreamInWorker(
  source: ReadableStream<Uint8Array>,
  options: WorkerOptions = {},
): AsyncGenerator<AudioBlock> {
  options.signal?.throwIfAborted();
  const reader = source.getReader();
  try {
    yield* converse({ kind: "stream" }, async () => (await reader.read()).value, options);
  } finally {
    reader.cancel().catch(() => {}); // it has failed: told already
  }
}

/** Talks with a worker of its own until the worker has said all. */
async function* converse(
  start: DecodeRequest,
  read: () => Promise<Uint8Array | undefined>,
  options: WorkerOptions,
): AsyncGenerator<AudioBlock> {
  using partner = new Partner(options);
  partner.tell(start);
  for (;;) {
    const response = await partner.hear();
    switch (response.kind) {
      case "block":
        yield response.block;
        partner.tell({ kind: "taken" });
        break;
      case "hungry":
        void read().then((bytes) => partner.feed(bytes), (error) => partner.fail(error));
        break;
      case "end":
        return;
      case "error":
        throw response.isAudio ? new AudioError(response.message) : new Error(response.message);
      default:
        response satisfies never;
    }
  }
}

/** The worker as its thread of origin sees it: what it said, and whether it owes a word. */
class Partner implements Disposable {
  readonly #worker = new Worker(new URL("./decode_worker.ts", import.meta.url), { type: "module" });
  readonly #options: WorkerOptions;
  readonly #heard: DecodeResponse[] = [];
  readonly #onAbort = () => this.fail(this.#options.signal?.reason);
  #arrival = Promise.withResolvers<void>();
  #failure: { readonly error: unknown } | undefined;
  #isHungry = false;
  #isFull = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
    this.#worker.onmessage = ({ data }: MessageEvent<DecodeResponse>) => {
      this.#isHungry ||= data.kind === "hungry";
      this.#isFull ||= data.kind === "block";
      this.#heard.push(data);
      this.#watch();
      this.#arrival.resolve();
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.fail(new Error(`Cannot decode as the worker died: ${event.message}`));
    };
  }

  tell(request: DecodeRequest, transfer: Transferable[] = []): void {
    if (this.#failure !== undefined) return; // nobody listens
    if (request.kind === "taken") this.#isFull = false;
    if (request.kind === "bytes") this.#isHungry = false;
    this.#worker.postMessage(request, transfer);
    this.#watch();
  }

  feed(bytes: Uint8Array | undefined): void {
    const own = bytes?.slice(); // it may be a small part of a large buffer
    this.tell({ kind: "bytes", bytes: own }, own === undefined ? [] : [own.buffer]);
  }

  /** What it says next. @throws Why nothing more is heard. */
  async hear(): Promise<DecodeResponse> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const response = this.#heard.shift();
      if (response !== undefined) return response;
      this.#arrival = Promise.withResolvers();
      await this.#arrival.promise;
    }
  }

  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#arrival.resolve();
  }

  /** It owes a word unless it waits for bytes, or for a block to be taken. */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#isHungry || this.#isFull) return;
    const { silenceMs = 60_000 } = this.#options;
    this.#timer = setTimeout(() => {
      this.fail(new AudioError(`Cannot decode the audio as nothing came of it in ${silenceMs} ms`));
    }, silenceMs);
  }

  [Symbol.dispose](): void {
    this.fail(undefined);
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#worker.terminate();
  }
}
