/**
 * What sets one family of networks apart from another. Everything outside this
 * folder asks a {@linkcode ModelFamily} and knows none.
 *
 * Shapes: B batch, S samples, T frames, F features.
 *
 * @module
 */
import type { FrameGeometry } from "../geometry.ts";
import type { Graph } from "../graph/builder.ts";
import type { Tensor } from "../tensor.ts";
import type { HubertConfig, Task } from "./config.ts";
import type { FbankConfig } from "./fbank.ts";
import type { GraphRequest } from "./hubert_graph.ts";
import type { Precision } from "./layers.ts";
import type { ParameterReader, ParameterReaderOptions } from "./parameters.ts";
import type { PrepareWaveformsOptions, WaveformConfig } from "./waveform.ts";
import type { Wav2Vec2BertConfig } from "./wav2vec2_bert_config.ts";

/** A checkpoint's `config.json`, every field present; `model_type` says of which family. */
export type ModelConfig = HubertConfig | Wav2Vec2BertConfig;

/** A checkpoint's `preprocessor_config.json`, every field present. */
export type PreprocessorConfig = WaveformConfig | FbankConfig;

/** Options of {@linkcode SpeechModel.prepare}. There are 100 log-mel frames a second. */
export interface PrepareOptions extends PrepareWaveformsOptions {
  /** Whether each mel bin is brought to zero mean and unit variance; for features only. @default {true} */
  readonly doNormalizePerMelBins?: boolean;
}

/** Waveforms as a model takes them: as samples or as features, whichever its family eats. */
export interface PreparedInputs {
  /** Samples, for HuBERT and wav2vec 2.0. [B, S] */
  readonly inputValues?: Tensor;
  /** Stacked log-mel frames, for Wav2Vec2-BERT. [B, T, F] */
  readonly inputFeatures?: Tensor;
  /** 1 where a sample or frame is not padding, where the model wants to know. [B, S] or [B, T] */
  readonly attentionMask: Tensor<Int32Array> | undefined;
}

/** How the main input of a model relates to its frames. */
export interface InputGrid {
  /** The input in a forward pass. */
  readonly name: "inputValues" | "inputFeatures";
  /** The same in a graph. */
  readonly graphName: "input_values" | "input_features";
  /** Its dimensions; those that are numbers are fixed. */
  readonly dimensions: readonly (number | string)[];
  /** What lies along its second dimension: `samples` or `frames`. */
  readonly unit: string;
  /** Fewest of them that a row needs. */
  readonly leastLength: number;
  /** Fewest samples that make as many. */
  readonly leastSamples: number;
  /** Frames that the encoder takes in of so many. */
  encoderFrameCount(length: number): number;
  /** Frames of the output that so many make, as losses count them. */
  outputFrameCount(length: number): number;
  /** 1 for each frame of the encoder that is not padding. attentionMask: [B, S] or [B, T] → [B, T] */
  frameMask(attentionMask: Tensor<Int32Array>): Float32Array;
}

/** What a graph is built from, besides its config. */
export interface BuildOptions extends GraphRequest {
  /** The weights; they are asked for, not read. */
  readonly parameters: ParameterReader;
  /** How the graph computes. */
  readonly precision: Precision;
}

/** A family of networks. */
export interface ModelFamily<
  C extends ModelConfig = ModelConfig,
  P extends PreprocessorConfig = PreprocessorConfig,
> {
  /** Values of `model_type` that name it. */
  readonly modelTypes: readonly string[];
  /** Graph that is exported. */
  readonly exported: GraphRequest;
  /** How its parameters are named in checkpoints. */
  readonly parameters: ParameterReaderOptions;
  /**
   * Checks `config.json`.
   *
   * @throws {UnsupportedConfigError} If a field is not supported.
   */
  parseConfig(json: unknown, options: { readonly path: string }): C;
  /**
   * Checks `preprocessor_config.json`; without one, gives what fits the config.
   *
   * @throws {UnsupportedConfigError} If a field is not supported, or does not go with the config.
   */
  parsePreprocessor(json: unknown, options: { readonly config: C; readonly path: string }): P;
  /**
   * The task a checkpoint was saved for.
   *
   * @throws {UnsupportedConfigError} If there is no such task.
   */
  taskOf(config: C): Task;
  /**
   * Checks that the family has a head for a task.
   *
   * @throws {UnsupportedConfigError} If it has none, or not with this config.
   */
  checkTask(config: C, task: Task): void;
  /** Name of the class in transformers. */
  classNameOf(config: C, task: Task): string;
  /** The frame grid, over samples. */
  geometryOf(config: C, preprocessor: P): FrameGeometry;
  /** The main input. */
  inputGrid(
    config: C,
    options: { readonly task: Task; readonly geometry: FrameGeometry },
  ): InputGrid;
  /** Builds a graph. Weights are asked for, not read. */
  buildGraph(config: C, task: Task, options: BuildOptions): Graph;
  /** Brings waveforms to the form the model takes. waveforms: B of [S] */
  prepare(
    waveforms: readonly Float32Array[],
    preprocessor: P,
    options: PrepareOptions,
  ): PreparedInputs;
}
