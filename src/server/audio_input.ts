/**
 * The bytes of a socket to samples at the model's rate: raw PCM, or a container that is decoded as
 * it comes.
 *
 * @module
 */
import { decodeStreamInWorker } from "../audio/decode_in_worker.ts";
import { mixDown, type PcmEncoding, PcmReader } from "../audio/pcm.ts";
import { Resampler } from "../audio/resample.ts";
import { AudioError } from "../errors.ts";

/** What a session's bytes hold. */
export interface AudioFormat {
  /** How a sample is written; `container` is a file as it comes (WebM, Ogg, WAV, …). */
  readonly encoding: PcmEncoding | "container";
  /** Samples a second. Containers say it themselves. */
  readonly sampleRateHz: number;
  /** Channels. Of a container, what is expected where `channels` is `split`. */
  readonly channelCount: number;
  /** One stream of all channels, or one for each. */
  readonly channels: "mix" | "split";
}

/** Takes samples, at the model's rate, each stream's; a promise where there is no room for them yet. // [C][S] */
export type TakeSamples = (streams: readonly Float32Array[]) => Promise<void> | undefined;

/** Bytes in, samples out. */
export interface AudioInput {
  /** Samples of each channel taken in: of raw audio at its own rate, of containers at the model's. */
  readonly acceptedSamples: number;
  /** Length of a byte's audio; an estimate for containers. */
  readonly secondsPerByte: number;
  /** Takes bytes; resolves when there is room for more, if there is none yet. */
  write(bytes: Uint8Array): Promise<void> | undefined;
  /** Resolves when all that was written is taken out, as far as it can be without what follows. */
  settle(): Promise<void>;
  /** Takes the rest out. */
  end(): Promise<void>;
  /** Forgets the start of a sample whose rest will not come. */
  cut(): void;
  /** Gives up. */
  abort(reason: unknown): void;
}

/** Options of {@linkcode openAudioInput}. */
export interface AudioInputOptions {
  /** The model's rate, Hz. */
  readonly modelRateHz: number;
  /** Where samples go. */
  readonly take: TakeSamples;
  /** Told when a container cannot be decoded. */
  readonly onError: (error: unknown) => void;
}

const BYTES_PER_SAMPLE: Record<PcmEncoding, number> = {
  ...{ u8: 1, s16le: 2, s24le: 3, s32le: 4, f32le: 4, f64le: 8, mulaw: 1, alaw: 1 },
};

/** Bytes of compressed audio that are taken for a second: 256 kbit. */
const CONTAINER_BYTES_PER_SECOND = 32_000;

/**
 * Opens an input.
 *
 * @throws {RangeError} If the rate or the channel count is out of range.
 */
export function openAudioInput(format: AudioFormat, options: AudioInputOptions): AudioInput {
  return format.encoding === "container"
    ? new ContainerInput(format, options)
    : new PcmInput({ ...format, encoding: format.encoding }, options);
}

class PcmInput implements AudioInput {
  readonly secondsPerByte: number;
  readonly #format: AudioFormat & { encoding: PcmEncoding };
  readonly #take: TakeSamples;
  readonly #resamplers: readonly Resampler[];
  #reader: PcmReader;
  #samplesBefore = 0;

  constructor(format: AudioFormat & { encoding: PcmEncoding }, options: AudioInputOptions) {
    const { encoding, sampleRateHz, channelCount, channels } = format;
    this.#format = format;
    this.#take = options.take;
    this.#reader = new PcmReader(encoding, { channelCount });
    this.#resamplers = Array.from(
      { length: channels === "split" ? channelCount : 1 },
      () => new Resampler(sampleRateHz, options.modelRateHz),
    );
    this.secondsPerByte = 1 / (BYTES_PER_SAMPLE[encoding] * channelCount * sampleRateHz);
  }

  get acceptedSamples(): number {
    return this.#samplesBefore + this.#reader.sampleCount;
  }

  write(bytes: Uint8Array): Promise<void> | undefined {
    const read = this.#reader.push(bytes);
    const streams = this.#format.channels === "split" ? read : [mixDown(read)];
    return this.#take(streams.map((samples, index) => this.#resamplers[index]!.push(samples)));
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  async end(): Promise<void> {
    await this.#take(this.#resamplers.map((resampler) => resampler.end()));
  }

  cut(): void {
    this.#samplesBefore = this.acceptedSamples;
    const { encoding, channelCount } = this.#format;
    this.#reader = new PcmReader(encoding, { channelCount });
  }

  abort(): void {}
}

class ContainerInput implements AudioInput {
  readonly secondsPerByte = 1 / CONTAINER_BYTES_PER_SECOND;
  readonly #format: AudioFormat;
  readonly #options: AudioInputOptions;
  readonly #feed = new ByteFeed();
  /** Once there is something to decode: who says nothing costs no worker. */
  #decoded: Promise<void> | undefined;
  readonly #aborted = new AbortController();
  #acceptedSamples = 0;

  constructor(format: AudioFormat, options: AudioInputOptions) {
    this.#format = format;
    this.#options = options;
  }

  get acceptedSamples(): number {
    return this.#acceptedSamples;
  }

  write(bytes: Uint8Array): Promise<void> {
    this.#start();
    return this.#feed.write(bytes);
  }

  async settle(): Promise<void> {
    if (this.#decoded !== undefined) await this.#feed.wanted;
  }

  async end(): Promise<void> {
    const decoded = this.#start();
    await this.#feed.close();
    await decoded;
  }

  cut(): void {}

  abort(reason: unknown): void {
    this.#aborted.abort(reason);
  }

  #start(): Promise<void> {
    return this.#decoded ??= this.#decode(this.#feed.readable).catch((error) =>
      this.#options.onError(error)
    );
  }

  async #decode(readable: ReadableStream<Uint8Array>): Promise<void> {
    const { modelRateHz } = this.#options;
    const take = async (streams: readonly Float32Array[]) => {
      this.#acceptedSamples += streams[0]?.length ?? 0;
      await this.#options.take(streams);
    };
    const { signal } = this.#aborted;
    let resamplers: Resampler[] = [];
    for await (const { channels, sampleRateHz } of decodeStreamInWorker(readable, { signal })) {
      const streams = this.#format.channels === "split"
        ? this.#split(channels)
        : [mixDown(channels)];
      if (resamplers[0]?.fromRateHz !== sampleRateHz) {
        if (resamplers.length > 0) await take(resamplers.map((resampler) => resampler.end()));
        resamplers = streams.map(() => new Resampler(sampleRateHz, modelRateHz));
      }
      await take(streams.map((stream, index) => resamplers[index]!.push(stream)));
    }
    await take(resamplers.map((resampler) => resampler.end()));
  }

  #split(channels: readonly Float32Array[]): readonly Float32Array[] {
    const { channelCount } = this.#format;
    if (channels.length === channelCount) return channels;
    throw new AudioError(
      `Cannot take the audio as ${channelCount} channels were announced and it has ${channels.length}`,
    );
  }
}

/** Bytes on their way to a reader, who takes them one message at a time. */
class ByteFeed {
  readonly readable: ReadableStream<Uint8Array>;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #want = Promise.withResolvers<void>();
  #isOpen = true;

  constructor() {
    this.readable = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#want.resolve(),
      cancel: () => {
        this.#isOpen = false;
        this.#want.resolve();
      },
    }, { highWaterMark: 0 });
  }

  /** Resolves when the reader has used up what it was given, or has left. */
  get wanted(): Promise<void> {
    return this.#want.promise;
  }

  /** Gives bytes once they are wanted; a reader that has left gets none. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.wanted;
    if (!this.#isOpen) return;
    this.#want = Promise.withResolvers();
    this.#controller.enqueue(bytes);
  }

  /** Says that nothing follows. */
  async close(): Promise<void> {
    await this.wanted;
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#controller.close();
  }
}
