/**
 * Windows of several streams to logits, in as few runs of the device as their
 * shapes allow.
 *
 * Shapes: B windows, S samples, T frames, C channels of the front end, V vocabulary or labels.
 *
 * @module
 */
import {
  type FeatureSpan,
  freshFrames,
  joinSpan,
  NO_FEATURES,
  padRows,
} from "./model/feature_span.ts";
import type { GraphRequest } from "./model/hubert_graph.ts";
import { prefixRows } from "./model/mask_rows.ts";
import { createMelWindows, type MelMemory, type MelWindows } from "./model/mel_windows.ts";
import {
  hearRunning,
  RUNNING_NORM_START,
  type RunningNorm,
  scaleRunning,
} from "./model/running_norm.ts";
import { BackendError } from "./errors.ts";
import { normalizeInPlace } from "./model/waveform.ts";
import type { GraphSession } from "./runtime/backend.ts";
import type { WindowSpan } from "./schedule/planner.ts";
import type { SpeechModel } from "./speech_model.ts";
import { elementCount, indexOfNonFinite, type Tensor } from "./tensor.ts";

/** Options of a {@linkcode WindowEncoder}. */
export interface WindowEncoderOptions {
  /**
   * What scales a waveform, where the model wants it scaled: the window it is in, as offline, or
   * the stream so far, which lets front-end frames be kept: a fifth less computing with the model
   * that comes along, and no more words wrong (`bench/README.md`).
   *
   * @default {"window"}
   */
  readonly normalization?: "window" | "running";
  /**
   * Whether front-end frames are computed once a stream and used by every window they lie in: log-mel
   * frames of models that take features, or those of `feat_extract_norm: "layer"`, which depend on
   * nothing else; these only where the waveform's scale does not change from window to window.
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
  /**
   * Whether windows of different lengths are to share runs. One graph then serves all, which takes
   * a mask; without it a graph without a mask is loaded for windows that need none.
   *
   * @default {false}
   */
  readonly isShared?: boolean;
}

/** A window to encode. */
export interface EncodeJob {
  /** Which samples and frames. */
  readonly window: WindowSpan;
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
  /** What is remembered of the stream from here on. */
  readonly memory: StreamMemory;
}

/** What an encoder remembers of one stream; made by {@linkcode WindowEncoder.open}. A plain record. */
export interface StreamMemory {
  /** @internal Statistics of the samples so far, where they scale the waveform. */
  readonly norm: RunningNorm | undefined;
  /** @internal Front-end frames of the last window, where they are kept. */
  readonly features: FeatureSpan;
  /** @internal Log-mel frames, where the model takes features. */
  readonly mels: MelMemory | undefined;
}

/** Scores of a window's frames. */
type Scores = Omit<EncodedWindow, "memory">;

/** A model that scores each frame. */
export type FrameModel = SpeechModel<"ctc" | "frame-classification">;

/** Encodes windows with a model that scores each frame. */
export class WindowEncoder {
  readonly #model: FrameModel;
  readonly #normalization: "window" | "running";
  readonly #paddingFrames: number;
  readonly #isShared: boolean;
  /** Of models that take features. */
  readonly #melWindows: MelWindows | undefined;
  /** Of models that take samples: channels of the front end. */
  readonly #channels: number;
  /** Whether a waveform is scaled before it goes in. */
  readonly #scales: boolean;
  /** Whether windows of different lengths can share a run: padding must not change the others' frames. */
  readonly canPad: boolean;
  /** Whether front-end frames are kept. */
  readonly hasCache: boolean;

  /**
   * Makes an encoder.
   *
   * @param model The model; it stays the caller's.
   * @param options Scaling, cache and padding.
   * @throws {RangeError} If front-end frames are to be kept that change from window to window.
   */
  constructor(model: FrameModel, options: WindowEncoderOptions = {}) {
    const { normalization = "window", frontEndCache, paddingFrames, isShared = false } = options;
    this.#model = model;
    this.#isShared = isShared;
    this.#normalization = normalization;
    this.#paddingFrames = paddingFrames ?? (model.selection.chosen === "webgpu" ? 50 : 1);
    const { config, waveform, isReadyExport } = model;
    const hasFeatures = "num_mel_bins" in waveform;
    this.#melWindows = hasFeatures
      ? createMelWindows(waveform, { normalization, keepsFrames: frontEndCache ?? true })
      : undefined;
    this.#scales = !hasFeatures && waveform.do_normalize;
    if (config.model_type === "wav2vec2-bert") {
      this.#channels = config.feature_projection_input_dim;
      this.canPad = !config.add_adapter && !isReadyExport; // its convolutions hear the padding
      this.hasCache = frontEndCache ?? true;
      return;
    }
    const isLocal = config.feat_extract_norm === "layer" && !isReadyExport;
    const isFixed = !this.#scales || normalization === "running";
    this.#channels = config.conv_dim.at(-1)!;
    // batch normalisation before the positional convolution makes padding audible
    this.canPad = isLocal && !config.conv_pos_batch_norm;
    this.hasCache = frontEndCache ?? (isLocal && isFixed);
    if (this.hasCache && !(isLocal && isFixed)) {
      throw new RangeError(
        `Cannot keep front-end frames as they change from window to window: feat_extract_norm is "${config.feat_extract_norm}", normalization "${normalization}"`,
      );
    }
  }

  /** Whether the network is run in two parts, to keep what the first gives. */
  get #hasParts(): boolean {
    return this.hasCache && this.#melWindows === undefined;
  }

  /** Loads the graphs that windows need, so that the first window does not wait for them. */
  async prepare(): Promise<void> {
    const parts = this.#hasParts ? ["front-end", "encoder"] as const : ["whole"] as const;
    const hasFrameMask = this.canPad && this.#isShared;
    for (const part of parts) {
      await this.#model.session(part === "front-end" ? { part } : { part, hasFrameMask });
    }
  }

  /**
   * Encodes silence: shows whether the device works, and has it compile what it compiles.
   *
   * @throws {BackendError} If it does not.
   */
  async probe(): Promise<void> {
    const { geometry } = this.#model;
    const endSample = geometry.sampleCount(PROBE_FRAMES);
    await this.encode([{
      window: { startSample: 0, endSample, startFrame: 0, endFrame: PROBE_FRAMES },
      samples: new Float32Array(endSample),
      memory: this.open(),
    }]);
  }

  /** Begins a stream. */
  open(): StreamMemory {
    const isRunning = this.#scales && this.#normalization === "running";
    return {
      norm: isRunning ? RUNNING_NORM_START : undefined,
      features: NO_FEATURES,
      mels: this.#melWindows?.open(),
    };
  }

  /**
   * Encodes windows together, those that can share a run in one.
   *
   * @param jobs Windows, no two of one stream.
   * @returns One result a job, in order.
   * @throws {BackendError} If the device fails, or gives scores that are no numbers.
   */
  async encode(jobs: readonly EncodeJob[]): Promise<EncodedWindow[]> {
    if (this.canPad) return await this.#encodeTogether(jobs);
    const encoded = new Map<EncodeJob, EncodedWindow>();
    for (const alike of Map.groupBy(jobs, ({ samples }) => samples.length).values()) {
      const results = await this.#encodeTogether(alike);
      alike.forEach((job, index) => encoded.set(job, results[index]!));
    }
    return jobs.map((job) => encoded.get(job)!);
  }

  async #encodeTogether(jobs: readonly EncodeJob[]): Promise<EncodedWindow[]> {
    if (this.#melWindows) return await this.#encodeFeatures(jobs, this.#melWindows);
    return await (this.#hasParts ? this.#encodeByParts(jobs) : this.#encodeWhole(jobs));
  }

  async #encodeFeatures(
    jobs: readonly EncodeJob[],
    mels: MelWindows,
  ): Promise<EncodedWindow[]> {
    const read = jobs.map(({ samples, memory, window: { startSample } }) =>
      mels.read(samples, { memory: memory.mels!, startSample })
    );
    const rows = padRows(read.map(({ features }) => features), {
      frameCounts: jobs.map(({ window }) => window.endFrame - window.startFrame),
      frameCount: this.#paddedFrames(
        read.map(({ features }) => features.length / mels.featureSize),
      ),
      channels: mels.featureSize,
    });
    const shape = [jobs.length, rows.frameCount, mels.featureSize];
    const scores = await this.#run({ part: "whole" }, {
      input: { input_features: { data: rows.data, shape } },
      ...rows,
    });
    return scores.map((score, row) => {
      return { ...score, memory: { ...jobs[row]!.memory, mels: read[row]!.memory } };
    });
  }

  async #encodeWhole(jobs: readonly EncodeJob[]): Promise<EncodedWindow[]> {
    const { geometry } = this.#model;
    const frameCounts = jobs.map(({ window }) => window.endFrame - window.startFrame);
    const longest = Math.max(...jobs.map(({ samples }) => samples.length));
    const frameCount = this.#paddedFrames(frameCounts);
    const length = Math.max(longest, geometry.sampleCount(frameCount));
    const data = new Float32Array(jobs.length * length);
    const norms = jobs.map((job, row) =>
      this.#scaleInto(data.subarray(row * length, row * length + job.samples.length), job)
    );
    const scores = await this.#run({ part: "whole" }, {
      input: { input_values: { data, shape: [jobs.length, length] } },
      frameCounts,
      frameCount: geometry.frameCount(length),
    });
    return scores.map((score, row) => {
      return { ...score, memory: { ...jobs[row]!.memory, norm: norms[row] } };
    });
  }

  /**
   * Copies samples of a window, from its sample `at` on, and scales them as the model takes them.
   *
   * @returns What the stream's samples are scaled by from here on, where it is not the window.
   */
  #scaleInto(
    target: Float32Array, // [S]
    { samples, memory, window: { startSample } }: EncodeJob,
    at = 0,
  ): RunningNorm | undefined {
    target.set(samples.subarray(at, at + target.length));
    if (memory.norm === undefined) {
      if (this.#scales) normalizeInPlace(target);
      return undefined;
    }
    const norm = hearRunning(memory.norm, samples, startSample);
    scaleRunning(norm, target, startSample + at);
    return norm;
  }

  async #encodeByParts(jobs: readonly EncodeJob[]): Promise<EncodedWindow[]> {
    const { fresh, norms } = await this.#computeFresh(jobs);
    const spans = jobs.map((job, row) => joinSpan(job.window, job.memory.features, fresh[row]!));
    const frameCounts = jobs.map(({ window }) => window.endFrame - window.startFrame);
    const channels = this.#channels;
    const rows = padRows(spans.map(({ data }) => data), {
      frameCounts,
      frameCount: this.#paddedFrames(frameCounts),
      channels,
    });
    const shape = [jobs.length, rows.frameCount, channels];
    const scores = await this.#run({ part: "encoder" }, {
      input: { features: { data: rows.data, shape } },
      ...rows,
    });
    return scores.map((score, row) => {
      const memory = { ...jobs[row]!.memory, norm: norms[row], features: spans[row]! };
      return { ...score, memory };
    });
  }

  /** Front-end frames of each window that are not known yet: those after the kept ones. */
  async #computeFresh(
    jobs: readonly EncodeJob[],
  ): Promise<{ fresh: Float32Array[]; norms: (RunningNorm | undefined)[] }> { // fresh: [T', C] each
    const { geometry } = this.#model;
    const channels = this.#channels;
    const pieces = jobs.map(({ window, memory }) => freshFrames(window, memory.features));
    const frameCount = Math.max(...pieces.map((piece) => piece.frameCount));
    const length = geometry.sampleCount(this.#paddedFrames([frameCount]));
    const data = new Float32Array(jobs.length * length);
    const norms = jobs.map((job, row) => {
      const { start, frameCount } = pieces[row]!;
      const needed = data.subarray(row * length, row * length + geometry.sampleCount(frameCount));
      return this.#scaleInto(needed, job, (start - job.window.startFrame) * geometry.strideSamples);
    });
    if (frameCount === 0) return { fresh: pieces.map(() => new Float32Array(0)), norms };
    const session = await this.#model.session({ part: "front-end" });
    const input = { input_values: { data, shape: [jobs.length, length] } };
    const { features } = await session.run(input, ["features"]) as { features: Tensor };
    const rowLength = features.data.length / jobs.length;
    const fresh = pieces.map((piece, row) =>
      features.data.subarray(row * rowLength, row * rowLength + piece.frameCount * channels)
    );
    return { fresh, norms };
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
  }): Promise<Scores[]> {
    const isUneven = frameCounts.some((count) => count < frameCount);
    const hasFrameMask = this.canPad && (this.#isShared || isUneven);
    const session = await this.#model.session({ ...request, hasFrameMask });
    const mask: Record<string, Tensor> = hasFrameMask
      ? {
        frame_mask: {
          data: prefixRows(frameCounts, frameCount),
          shape: [frameCounts.length, frameCount],
        },
      }
      : {};
    const feeds = { ...input, ...mask, ...fullAttentionMask(session, input) };
    const { logits } = await session.run(feeds, ["logits"]) as { logits: Tensor };
    const vocabularySize = logits.shape[2]!;
    const rowLength = logits.shape[1]! * vocabularySize;
    return frameCounts.map((count, row) => {
      const scores = logits.data.subarray(
        row * rowLength,
        row * rowLength + count * vocabularySize,
      );
      this.#requireFinite(scores);
      return { logits: scores, vocabularySize };
    });
  }

  #requireFinite(scores: Float32Array): void {
    const bad = indexOfNonFinite(scores);
    if (bad < 0) return;
    const backend = this.#model.selection.chosen;
    throw new BackendError(
      `Cannot use what backend "${backend}" computed as scores must be finite numbers: one is ${
        scores[bad]
      }`,
      { backend },
    );
  }
}

/** What an export made elsewhere may want to be told: that every sample counts. */
function fullAttentionMask(
  session: GraphSession,
  input: Record<string, Tensor>,
): Record<string, Tensor<BigInt64Array>> {
  if (!session.inputNames.includes("attention_mask")) return {};
  const shape = Object.values(input)[0]!.shape.slice(0, 2);
  return { attention_mask: { data: new BigInt64Array(elementCount(shape)).fill(1n), shape } };
}

/** Frames of silence that a device is tried with. */
const PROBE_FRAMES = 50;
