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

/**
 * An ONNX graph to load. `bytes` carries its weights inside; `file` is a
 * `.onnx` file whose external data files lie in the same folder.
 */
export type GraphSource =
  | { readonly kind: "bytes"; readonly model: Uint8Array }
  | { readonly kind: "file"; readonly path: string; readonly externalDataPaths: readonly string[] };

/** Settings of one loaded graph. */
export interface LoadOptions {
  /**
   * Values for symbolic dimensions known to be fixed, by name; lets the runtime plan memory once.
   *
   * @default {{}}
   */
  readonly fixedDimensions?: Readonly<Record<string, number>>;
}

/** One graph, ready to run. */
export interface GraphSession extends AsyncDisposable {
  /** Names of the graph's inputs. */
  readonly inputNames: readonly string[];
  /** Names of the graph's outputs. */
  readonly outputNames: readonly string[];
  /**
   * Runs the graph once.
   *
   * Ownership: `feeds` are copied, the caller keeps them; results are the caller's.
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
  /**
   * Loads a graph. The source may be deleted once this resolves.
   * Failure: rejects with `BackendError` naming the backend and the reason; the backend stays usable.
   */
  load(source: GraphSource, options?: LoadOptions): Promise<GraphSession>;
  /** Milliseconds the device spent in runs since the backend started. */
  readonly busyMs: number;
}
