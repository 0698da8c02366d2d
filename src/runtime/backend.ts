/**
 * The port between model graphs and whatever computes them.
 *
 * A backend knows graphs, tensors and devices. It knows nothing of audio,
 * models, streams or text, and it never falls back to another one by itself:
 * choosing is `select.ts`'s work, and is always said aloud.
 *
 * @module
 */
import type { Tensor, TensorData } from "../tensor.ts";

/** The backends there are. */
export type BackendName = "webgpu" | "wasm" | "cpu";

/** What a probe found. */
export type BackendProbe =
  | {
    /** The backend can run here. */
    readonly state: "available";
    /** Device in words, for people: adapter, driver, thread count. */
    readonly device: string;
    /** Whether the device is a software stand-in for a GPU. */
    readonly isSoftware: boolean;
    /** Whether half precision compiles and computes here; tried, not read from a flag. */
    readonly hasFloat16: boolean;
  }
  | {
    /** The backend cannot run here. */
    readonly state: "absent";
    /** Why, and what would help. */
    readonly reason: string;
  };

/** Settings of a backend. */
export interface BackendOptions {
  /**
   * Threads that compute. The webgpu backend computes on its device and ignores it.
   *
   * @default {navigator.hardwareConcurrency}
   */
  readonly threadCount?: number;
  /**
   * Whether a software stand-in for a GPU will do.
   *
   * @default {true}
   */
  readonly allowsSoftware?: boolean;
  /** Ends the start of the backend. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * An ONNX graph to load. `bytes` carries its weights inside; `file` is a
 * `.onnx` file whose external data files lie in the same folder; they are read
 * piece by piece, which makes it the form for big weights.
 */
export type GraphSource =
  | { readonly kind: "bytes"; readonly model: Uint8Array }
  | { readonly kind: "file"; readonly path: string; readonly externalDataPaths: readonly string[] };

/** Settings of one loaded graph. */
export interface LoadOptions {
  /**
   * Values for symbolic dimensions known to be fixed, by name; lets the runtime plan memory once.
   * Runs whose inputs differ are refused.
   *
   * @default {{}}
   */
  readonly fixedDimensions?: Readonly<Record<string, number>>;
  /**
   * Whether to find out which execution provider runs how many nodes; see `GraphSession.placement`.
   *
   * @default {false}
   */
  readonly reportsPlacement?: boolean;
}

/** What a graph says of one of its inputs or outputs. */
export interface ValueInfo {
  /** The value's name. */
  readonly name: string;
  /** Element type as onnxruntime spells it, such as `float32`, `int64` or `bool`. */
  readonly dtype: string;
  /** Lengths of the dimensions, or names of those known only at run time. */
  readonly shape: readonly (number | string)[];
}

/** One graph, ready to run. */
export interface GraphSession extends AsyncDisposable {
  /** Names of the graph's inputs. */
  readonly inputNames: readonly string[];
  /** Names of the graph's outputs. */
  readonly outputNames: readonly string[];
  /** The graph's inputs with types and shapes. */
  readonly inputs: readonly ValueInfo[];
  /** The graph's outputs with types and shapes. */
  readonly outputs: readonly ValueInfo[];
  /**
   * Nodes by execution provider, when `reportsPlacement` asked for it and the backend can tell.
   * On webgpu, `CPUExecutionProvider` counts the nodes that do not run on the GPU.
   */
  readonly placement: Readonly<Record<string, number>> | undefined;
  /**
   * Runs the graph once.
   *
   * Ownership: `feeds` are copied, the caller keeps them; results are the caller's.
   * Types: `Float32Array`, `Int32Array`, `BigInt64Array`, and `Uint8Array` for both uint8 and bool.
   * Order: runs of one backend happen one at a time, in the order they were asked for.
   * Failure: rejects with `BackendError`; later runs are unaffected, unless the device is lost,
   * in which case every later call rejects the same way until the backend is replaced.
   */
  run(
    feeds: Readonly<Record<string, Tensor<TensorData>>>,
    fetches: readonly string[],
  ): Promise<Record<string, Tensor<TensorData>>>;
}

/** One device, in a Worker of its own: `run()` blocks its thread on every backend. */
export interface Backend extends AsyncDisposable {
  /** Which backend this is. */
  readonly name: BackendName;
  /** The device in words. */
  readonly device: string;
  /** Whether the device is a software stand-in for a GPU. */
  readonly isSoftware: boolean;
  /** Whether half precision compiles and computes here; tried, not read from a flag. */
  readonly hasFloat16: boolean;
  /**
   * Loads a graph. The source may be deleted once this resolves; `bytes` are copied.
   * Failure: rejects with `BackendError` naming the backend and the reason; the backend stays usable.
   */
  load(source: GraphSource, options?: LoadOptions): Promise<GraphSession>;
  /** Milliseconds the device spent in runs since the backend started. */
  readonly busyMs: number;
}
