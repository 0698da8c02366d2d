/**
 * The part of onnxruntime's JavaScript interface in use, as structure: its web
 * and native builds share it, and each is imported by one worker only.
 *
 * @module
 */

/** A tensor on onnxruntime's side. */
export interface OrtTensor {
  /** Element type as onnxruntime spells it: `float32`, `int64`, `bool` … */
  readonly type: string;
  /** Elements, row-major. */
  readonly data: unknown;
  /** Lengths of the dimensions. */
  readonly dims: readonly number[];
  /** Frees what the tensor holds outside of JavaScript. */
  dispose(): void;
}

/** What a session says of one of its inputs or outputs. */
export interface OrtValueInfo {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

/** A created session. */
export interface OrtSession {
  readonly inputMetadata: readonly OrtValueInfo[];
  readonly outputMetadata: readonly OrtValueInfo[];
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches: readonly string[],
    options?: OrtRunOptions,
  ): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

/** A file of weights beside a model, in the form the web builds take. */
export interface OrtExternalData {
  /** Name by which the model refers to the file. */
  readonly path: string;
  readonly data: Uint8Array;
}

/** Log level of onnxruntime: 0 says everything, 4 nothing short of its own end. */
export type OrtLogLevel = 0 | 1 | 2 | 3 | 4;

/** Settings of a run. */
export interface OrtRunOptions {
  readonly logSeverityLevel?: OrtLogLevel;
}

/** Settings of a session. */
export interface OrtSessionOptions {
  readonly executionProviders?: readonly unknown[];
  readonly graphOptimizationLevel?: "all";
  readonly logSeverityLevel?: OrtLogLevel;
  readonly intraOpNumThreads?: number;
  readonly interOpNumThreads?: number;
  readonly freeDimensionOverrides?: Readonly<Record<string, number>>;
  readonly externalData?: readonly OrtExternalData[];
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** The module itself. */
export interface OrtModule {
  readonly InferenceSession: {
    create(model: Uint8Array | string, options: OrtSessionOptions): Promise<OrtSession>;
  };
  readonly Tensor: new (
    type: string,
    data: unknown,
    dims: readonly number[],
  ) => OrtTensor;
}

/** The settings of a web build that are set before its first session. */
export interface OrtWebEnv {
  logLevel?: string;
  readonly wasm: {
    numThreads?: number;
    wasmPaths?: string;
    wasmBinary?: ArrayBufferLike;
  };
}
