/**
 * A loaded model and everything that belongs to it.
 *
 * @module
 */
import type { FrameGeometry } from "./geometry.ts";
import type { LanguageModel } from "./language_model.ts";
import type { Task } from "./model/config.ts";
import type {
  InputGrid,
  ModelConfig,
  PreparedInputs,
  PrepareOptions,
  PreprocessorConfig,
} from "./model/family.ts";
import {
  forward,
  type ForwardInputs,
  type ForwardOptions,
  type TaskOutput,
} from "./model/forward.ts";
import type { ModelSessions } from "./model/graph_sessions.ts";
import type { Dtype } from "./model/precision.ts";
import type { Tokenizer } from "./model/tokenizer.ts";
import type { GraphRequest } from "./model/hubert_graph.ts";
import type { Backend, GraphSession } from "./runtime/backend.ts";
import type { SelectionReport } from "./runtime/select.ts";
import type { Tensor } from "./tensor.ts";

/** What a model has for one language: all of it, for a model of one language. */
export interface LanguageParts {
  /** The language; undefined is that of the main weights. */
  readonly targetLang: string | undefined;
  /** The config, its vocabulary size that of the language. */
  readonly config: ModelConfig;
  /** Turns ids into text; only CTC models have one. */
  readonly tokenizer: Tokenizer | undefined;
  /** The graphs, built when first needed. */
  readonly sessions: ModelSessions;
  /** Tensors of the checkpoint that this task does not use. */
  readonly unusedTensors: readonly string[];
  /** Reads a tensor of the checkpoint that no graph holds. */
  readonly readTensor: (name: string) => Promise<Tensor>;
}

/** What {@linkcode SpeechModel} is made of. */
export interface SpeechModelParts<T extends Task> {
  /** The folder or name it was loaded from. */
  readonly source: string;
  /** What it is for. */
  readonly task: T;
  /** How it computes. */
  readonly dtype: Dtype;
  /** Where it computes. */
  readonly backend: Backend;
  /** Whether the backend ends with the model. */
  readonly isOwned: boolean;
  /** Why the backend is this one. */
  readonly selection: SelectionReport;
  /** The checkpoint's preprocessor. */
  readonly waveform: PreprocessorConfig;
  /** The frame grid, over samples. */
  readonly geometry: FrameGeometry;
  /** The main input of its graphs. */
  readonly grid: InputGrid;
  /** Brings waveforms to the form the model takes. waveforms: B of [S] */
  readonly prepare: (
    waveforms: readonly Float32Array[],
    options: PrepareOptions,
  ) => PreparedInputs;
  /** The language model that came with it, for beam search. */
  readonly languageModel: LanguageModel | undefined;
  /** What it has for the language it was loaded for. */
  readonly language: LanguageParts;
  /** Opens the parts of another language of the same checkpoint. */
  readonly openLanguage: (language: string) => Promise<LanguageParts>;
}

/**
 * A HuBERT, wav2vec 2.0 or Wav2Vec2-BERT model, ready to run. Made by `loadModel`; shared by as
 * many callers as there are, whose runs happen one after the other.
 *
 * Shapes: B batch, S samples, T frames.
 */
export class SpeechModel<T extends Task = Task> implements AsyncDisposable {
  readonly #parts: SpeechModelParts<T>;
  #language: LanguageParts;
  #isClosed = false;

  /** Makes the model. @param parts What the model is made of; it owns the sessions from here on. */
  constructor(parts: SpeechModelParts<T>) {
    this.#parts = parts;
    this.#language = parts.language;
  }

  /** The folder or name it was loaded from. */
  get source(): string {
    return this.#parts.source;
  }

  /** What it is for. */
  get task(): T {
    return this.#parts.task;
  }

  /** How it computes. */
  get dtype(): Dtype {
    return this.#parts.dtype;
  }

  /** Which backend it runs on, and why. */
  get selection(): SelectionReport {
    return this.#parts.selection;
  }

  /** Its language, of a model with adapters; undefined is that of the main weights. */
  get targetLang(): string | undefined {
    return this.#language.targetLang;
  }

  /** The checkpoint's `config.json`, every field present. */
  get config(): ModelConfig {
    return this.#language.config;
  }

  /** The checkpoint's `preprocessor_config.json`, every field present. */
  get waveform(): PreprocessorConfig {
    return this.#parts.waveform;
  }

  /** Its frame grid. */
  get geometry(): FrameGeometry {
    return this.#parts.geometry;
  }

  /** Samples a second it takes. */
  get sampleRateHz(): number {
    return this.#parts.waveform.sampling_rate;
  }

  /** Longest input it was made for, ms: `chunk_length_s` of its preprocessor, `Infinity` without one. */
  get maxInputMs(): number {
    const { waveform } = this.#parts;
    const seconds = "chunk_length_s" in waveform ? waveform.chunk_length_s : null;
    return seconds === null ? Infinity : seconds * 1000;
  }

  /** The language model that came with it or was loaded for it, for beam search. */
  get languageModel(): LanguageModel | undefined {
    return this.#parts.languageModel;
  }

  /** Fewest samples it takes. */
  get leastSamples(): number {
    return this.#parts.grid.leastSamples;
  }

  /** Tensors of the checkpoint that its task does not use, such as those of pre-training. */
  get unusedTensors(): readonly string[] {
    return this.#language.unusedTensors;
  }

  /**
   * Whether it runs a graph made beforehand, of a folder without weights: in one piece, and
   * without masks unless that graph takes them.
   */
  get isReadyExport(): boolean {
    return this.#language.sessions.isReadyExport;
  }

  /** Gives the session of a kind of graph, for those who drive the network by parts. */
  session(request: GraphRequest): Promise<GraphSession> {
    this.#requireOpen();
    return this.#language.sessions.get(request);
  }

  /** Milliseconds its device has computed. */
  get busyMs(): number {
    return this.#parts.backend.busyMs;
  }

  /**
   * Turns ids into text and text into ids.
   *
   * @throws {TypeError} If the model's task is not `ctc`, or its checkpoint has no vocabulary.
   */
  get tokenizer(): Tokenizer {
    const { tokenizer } = this.#language;
    if (tokenizer) return tokenizer;
    throw this.#noTokenizer();
  }

  #noTokenizer(): TypeError {
    return new TypeError(
      this.task === "ctc"
        ? `Cannot give a tokenizer as ${this.source} has no vocab.json: add the tokenizer's files`
        : `Cannot give a tokenizer as the model's task is "${this.task}": only CTC models have one`,
    );
  }

  /**
   * Brings waveforms to the form the model takes, as its preprocessor does: `inputValues`, or
   * `inputFeatures` of Wav2Vec2-BERT, and a mask where the model wants one.
   *
   * @throws {AudioError} If a waveform is too short, or holds NaN or infinity.
   * @throws {RangeError} If an option is out of range, or the rate is not the model's.
   */
  prepare(
    waveforms: readonly Float32Array[], // B of [S]
    options: PrepareOptions = {},
  ): PreparedInputs {
    return this.#parts.prepare(waveforms, options);
  }

  /**
   * Runs the model once, as the reference's `forward`.
   *
   * @param inputs Prepared waveforms, and labels for a loss.
   * @param options What else to give.
   * @throws {RangeError} If a shape does not fit, a row is shorter than one frame, or a sample is not finite.
   * @throws {TypeError} If the input is another family's.
   * @throws {BackendError} If the device fails.
   */
  forward(inputs: ForwardInputs, options: ForwardOptions = {}): Promise<TaskOutput[T]> {
    this.#requireOpen();
    const { config, sessions, readTensor } = this.#language;
    const { task, grid } = this.#parts;
    return forward(
      { task, config, grid, session: (request) => sessions.get(request), readTensor },
      inputs,
      options,
    );
  }

  /**
   * Reads what is said of another language of a model with adapters, and changes nothing. No device
   * is needed, and a model that is closed does it, too.
   *
   * @param language As in the name of the file `adapter.<language>.safetensors`.
   * @throws {RangeError} If the checkpoint has no vocabulary of the language.
   * @throws {CheckpointError} If it has no such adapter.
   */
  async readLanguage(language: string): Promise<{ tokenizer: Tokenizer; config: ModelConfig }> {
    const { tokenizer, config } = await this.#parts.openLanguage(language);
    if (tokenizer) return { tokenizer, config };
    throw this.#noTokenizer();
  }

  /**
   * Changes the language of a model with adapters: its adapter weights, head and vocabulary.
   * Runs that have begun finish in the old one. An engine's model is the engine's to change:
   * `CaptionEngine.setTargetLang`.
   *
   * @param language As in the name of the file `adapter.<language>.safetensors`.
   * @throws {RangeError} If the checkpoint has no vocabulary of the language; it stays as it was.
   * @throws {CheckpointError} If it has no such adapter; the language stays as it was.
   * @throws {TypeError} If the model is closed, or is meanwhile.
   */
  async setTargetLang(language: string): Promise<void> {
    this.#requireOpen();
    const next = await this.#parts.openLanguage(language); // holds nothing until it runs
    this.#requireOpen();
    const previous = this.#language;
    this.#language = next;
    await previous.sessions[Symbol.asyncDispose]();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new TypeError("Cannot use the model as it is closed");
  }

  /** Ends the model, and its backend unless that was given to it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#language.sessions[Symbol.asyncDispose]();
    if (this.#parts.isOwned) await this.#parts.backend[Symbol.asyncDispose]();
  }
}
