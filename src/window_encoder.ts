/**
 * Windows of several streams to logits, in as few runs of the device as their
 * shapes allow.
 *
 * Shapes: B windows, S samples, T frames, C channels of the front end, V vocabulary.
 *
 * @module
 */
import { frameMask } from "./model/forward.ts";
import type { GraphRequest } from "./model/hubert_graph.ts";
import { RunningNorm } from "./model/running_norm.ts";
import { normalizeInPlace } from "./model/waveform.ts";
import type { GraphSession } from "./runtime/backend.ts";
import type { Window } from "./schedule/planner.ts";
import type { SpeechModel } from "./speech_model.ts";
import type { Tensor } from "./tensor.ts";

/** Options of a {@linkcode WindowEncoder}. */
export interface WindowEncoderOptions {
  /**
   * What scales a waveform, where the model wants it scaled: the window it is in, as offline, or
   * the stream so far, which lets front-end frames be kept.
   *
   * @default {"window"}
   */
  readonly normalization?: "window" | "running";
  /**
   * Whether front-end frames are computed once a stream and used by every window they lie in.
   * Only for `feat_extract_norm: "layer"`, whose frames depend on nothing else; and only where the
   * waveform's scale does not change from window to window.
   *
   * @default {true where that is so}
   */
  readonly frontEndCache?: boolean;
  /**
   * Windows are padded to a multiple of this many frames, so that the device compiles few shapes.
   * Only for models that take a mask.
   *
   * @default {50 on webgpu, 1 elsewhere}
   */
  readonly paddingFrames?: number;
}

/** A window to encode. */
export interface EncodeJob {
  /** Which samples and frames. */
  readonly window: Window;
  /** Its samples. [S] */
  readonly samples: Float32Array;
  /** What the encoder remembers of the window's stream. */
  readonly memory: StreamMemory;
}

/** Scores of a window's frames. */
export interface EncodedWindow {
  /** [T, V] */
  readonly logits: Float32Array;
  /** V */
  readonly vocabularySize: number;
}

/** Front-end frames of a span of a stream. */
interface FeatureSpan {
  readonly startFrame: number;
  readonly endFrame: number;
  /** [endFrame − startFrame, C] */
  readonly data: Float32Array;
}

/** What an encoder remembers of one stream; made by {@linkcode WindowEncoder.open}. */
export interface StreamMemory {
  /** @internal */
  readonly norm: RunningNorm | undefined;
  /** @internal */
  features: FeatureSpan;
}

/** Rows of one run: padded to the longest, with the frames that count. */
interface PaddedRows {
  readonly data: Float32Array;
  readonly frameCounts: readonly number[];
  readonly frameCount: number;
}

/** Encodes windows with a CTC model. */
export class WindowEncoder {
  readonly #model: SpeechModel<"ctc">;
  readonly #normalization: "window" | "running";
  readonly #paddingFrames: number;
  /** Whether front-end frames are kept. */
  readonly hasCache: boolean;

  /**
   * Makes an encoder.
   *
   * @param model The model; it stays the caller's.
   * @param options Scaling, cache and padding.
   * @throws {RangeError} If front-end frames are to be kept that change from window to window.
   */
  constructor(model: SpeechModel<"ctc">, options: WindowEncoderOptions = {}) {
    const { normalization = "window", paddingFrames } = options;
    this.#model = model;
    this.#normalization = normalization;
    this.#paddingFrames = paddingFrames ?? (model.selection.chosen === "webgpu" ? 50 : 1);
    const isLocal = model.config.feat_extract_norm === "layer" && !model.isReadyExport;
    const isFixed = !model.waveform.do_normalize || normalization === "running";
    this.hasCache = options.frontEndCache ?? (isLocal && isFixed);
    if (this.hasCache && !(isLocal && isFixed)) {
      throw new RangeError(
        `Cannot keep front-end frames as they change from window to window: feat_extract_norm is "${model.config.feat_extract_norm}", normalization "${normalization}"`,
      );
    }
  }

  /** Whether windows of different lengths can share a run: padding must not change the others' frames. */
  get canPad(): boolean {
    return this.#model.config.feat_extract_norm === "layer" && !this.#model.isReadyExport;
  }

  /** Loads the graphs that windows need, so that the first window does not wait for them. */
  async prepare(): Promise<void> {
    const parts = this.hasCache ? ["front-end", "encoder"] as const : ["whole"] as const;
    for (const part of parts) await this.#model.session({ part });
  }

  /** Begins a stream. */
  open(): StreamMemory {
    const isRunning = this.#model.waveform.do_normalize && this.#normalization === "running";
    return {
      norm: isRunning ? new RunningNorm() : undefined,
      features: { startFrame: 0, endFrame: 0, data: new Float32Array(0) },
    };
  }

  /**
   * Encodes windows together, those that can share a run in one.
   *
   * @param jobs Windows, no two of one stream.
   * @returns One result a job, in order.
   * @throws {BackendError} If the device fails; what is remembered of the streams stays as it was.
   */
  async encode(jobs: readonly EncodeJob[]): Promise<EncodedWindow[]> {
    if (this.hasCache) return await this.#encodeByParts(jobs);
    if (this.canPad) return await this.#encodeWhole(jobs);
    const encoded = new Map<EncodeJob, EncodedWindow>();
    for (const alike of Map.groupBy(jobs, ({ samples }) => samples.length).values()) {
      const results = await this.#encodeWhole(alike);
      alike.forEach((job, index) => encoded.set(job, results[index]!));
    }
    return jobs.map((job) => encoded.get(job)!);
  }

  async #encodeWhole(jobs: readonly EncodeJob[]): Promise<EncodedWindow[]> {
    const { geometry } = this.#model;
    const frameCounts = jobs.map(({ window }) => window.endFrame - window.startFrame);
    const longest = Math.max(...jobs.map(({ samples }) => samples.length));
    const frameCount = this.#paddedFrames(frameCounts);
    const length = Math.max(longest, geometry.sampleCount(frameCount));
    const data = new Float32Array(jobs.length * length);
    jobs.forEach((job, row) => data.set(this.#scaled(job), row * length));
    return await this.#run({ part: "whole" }, {
      input: { input_values: { data, shape: [jobs.length, length] } },
      frameCounts,
      frameCount: geometry.frameCount(length),
    });
  }

  /** The window's samples as the model takes them. */
  #scaled({ samples, memory, window }: EncodeJob): Float32Array {
    if (!this.#model.waveform.do_normalize) return samples;
    if (memory.norm === undefined) {
      const scaled = samples.slice();
      normalizeInPlace(scaled);
      return scaled;
    }
    memory.norm.hear(samples, window.startSample);
    return memory.norm.apply(samples);
  }

  async #encodeByParts(jobs: readonly EncodeJob[]): Promise<EncodedWindow[]> {
    const fresh = await this.#computeFresh(jobs);
    const spans = jobs.map((job, row) => joinSpan(job, fresh[row]!));
    const frameCounts = jobs.map(({ window }) => window.endFrame - window.startFrame);
    const channels = this.#model.config.conv_dim.at(-1)!;
    const rows = padRows(spans.map(({ data }) => data), {
      frameCounts,
      frameCount: this.#paddedFrames(frameCounts),
      channels,
    });
    const shape = [jobs.length, rows.frameCount, channels];
    const encoded = await this.#run({ part: "encoder" }, {
      input: { features: { data: rows.data, shape } },
      ...rows,
    });
    jobs.forEach(({ memory }, row) => memory.features = spans[row]!);
    return encoded;
  }

  /** Front-end frames of each window that are not known yet: those after the kept ones. Result: [T', C] each. */
  async #computeFresh(jobs: readonly EncodeJob[]): Promise<Float32Array[]> {
    const { geometry, config } = this.#model;
    const channels = config.conv_dim.at(-1)!;
    const pieces = jobs.map((job) => {
      const { window, samples, memory } = job;
      const { start, frameCount } = freshFrames(job);
      const at = (start - window.startFrame) * geometry.strideSamples;
      const needed = samples.subarray(at, at + geometry.sampleCount(frameCount));
      memory.norm?.hear(needed, window.startSample + at);
      return { frameCount, samples: memory.norm?.apply(needed) ?? needed };
    });
    const frameCount = Math.max(...pieces.map((piece) => piece.frameCount));
    if (frameCount === 0) return pieces.map(() => new Float32Array(0));
    const length = geometry.sampleCount(this.#paddedFrames([frameCount]));
    const data = new Float32Array(jobs.length * length);
    pieces.forEach(({ samples }, row) => data.set(samples, row * length));
    const session = await this.#model.session({ part: "front-end" });
    const input = { input_values: { data, shape: [jobs.length, length] } };
    const { features } = await session.run(input, ["features"]) as { features: Tensor };
    const rowLength = features.data.length / jobs.length;
    return pieces.map((piece, row) =>
      features.data.subarray(row * rowLength, row * rowLength + piece.frameCount * channels)
    );
  }

  #paddedFrames(frameCounts: readonly number[]): number {
    const longest = Math.max(...frameCounts);
    const step = this.canPad ? this.#paddingFrames : 1;
    return Math.ceil(longest / step) * step;
  }

  async #run(request: GraphRequest, { input, frameCounts, frameCount }: {
    input: Record<string, Tensor>;
    frameCounts: readonly number[];
    frameCount: number;
  }): Promise<EncodedWindow[]> {
    const hasFrameMask = this.canPad && frameCounts.some((count) => count < frameCount);
    const session = await this.#model.session({ ...request, hasFrameMask });
    const mask: Record<string, Tensor> = hasFrameMask
      ? {
        frame_mask: {
          data: frameMask(frameCounts, frameCount),
          shape: [frameCounts.length, frameCount],
        },
      }
      : {};
    const feeds = { ...input, ...mask, ...fullAttentionMask(session, input) };
    const { logits } = await session.run(feeds, ["logits"]) as { logits: Tensor };
    const vocabularySize = logits.shape[2]!;
    const rowLength = logits.shape[1]! * vocabularySize;
    return frameCounts.map((count, row) => ({
      logits: logits.data.subarray(row * rowLength, row * rowLength + count * vocabularySize),
      vocabularySize,
    }));
  }
}

/** What an export made elsewhere may want to be told: that every sample counts. */
function fullAttentionMask(
  session: GraphSession,
  { input_values: input }: Record<string, Tensor>,
): Record<string, Tensor<BigInt64Array>> {
  if (input === undefined || !session.inputNames.includes("attention_mask")) return {};
  const data = new BigInt64Array(input.data.length).fill(1n);
  return { attention_mask: { data, shape: input.shape } };
}

/** The frames of a window that come after those kept. */
function freshFrames({ window, memory }: EncodeJob): { start: number; frameCount: number } {
  const { startFrame, endFrame } = memory.features;
  const reaches = startFrame <= window.startFrame && window.startFrame < endFrame;
  const start = reaches ? Math.min(endFrame, window.endFrame) : window.startFrame;
  return { start, frameCount: window.endFrame - start };
}

/** Kept and fresh frames of a window, those before it forgotten. */
function joinSpan(job: EncodeJob, fresh: Float32Array): FeatureSpan {
  const { window, memory } = job;
  const { start, frameCount } = freshFrames(job);
  const channels = frameCount === 0
    ? memory.features.data.length / (memory.features.endFrame - memory.features.startFrame)
    : fresh.length / frameCount;
  const data = new Float32Array((window.endFrame - window.startFrame) * channels);
  const keptFrom = (window.startFrame - memory.features.startFrame) * channels;
  const keptLength = (start - window.startFrame) * channels;
  if (keptLength > 0) data.set(memory.features.data.subarray(keptFrom, keptFrom + keptLength));
  data.set(fresh, keptLength);
  return { startFrame: window.startFrame, endFrame: window.endFrame, data };
}

/** Rows of different lengths in one block, zeros after each. */
function padRows(
  rows: readonly Float32Array[],
  { frameCounts, frameCount, channels }: {
    frameCounts: readonly number[];
    frameCount: number;
    channels: number;
  },
): PaddedRows {
  const data = new Float32Array(rows.length * frameCount * channels);
  rows.forEach((row, index) => data.set(row, index * frameCount * channels));
  return { data, frameCounts, frameCount };
}
