/**
 * What a backend and its worker say to each other. Every request carries an id
 * and is answered once, by `done` or `failed`; `broken` may come at any time.
 *
 * @module
 */
import type { GraphSource, LoadOptions, ValueInfo } from "./backend.ts";
import type { Tensor, TensorData } from "../tensor.ts";

/** Tensors by name. */
export type NamedTensors = Record<string, Tensor<TensorData>>;

/** Settings a worker starts with. */
export interface StartOptions {
  /** Threads that compute. */
  readonly threadCount: number;
  /** Whether a software stand-in for a GPU will do. */
  readonly allowsSoftware: boolean;
}

/**
 * A word of memory both sides see. Once it is set, the worker passes over all
 * requests but `stop`: a message would wait until those before it are done.
 */
export type StopFlag = Int32Array<SharedArrayBuffer>;

/** A mishap to rehearse: the device goes away, or an error is thrown that nobody catches. */
export type Fault = "device-lost" | "crash";

/** What a worker can be asked. */
export type Request =
  | { readonly kind: "start"; readonly options: StartOptions; readonly stopFlag: StopFlag }
  | { readonly kind: "load"; readonly source: GraphSource; readonly options: LoadOptions }
  | {
    readonly kind: "run";
    readonly sessionId: number;
    readonly feeds: NamedTensors;
    readonly fetches: readonly string[];
  }
  | { readonly kind: "release"; readonly sessionId: number }
  | { readonly kind: "stop" }
  | { readonly kind: "fault"; readonly fault: Fault };

/** The device a worker found. */
export interface StartReply {
  readonly device: string;
  readonly isSoftware: boolean;
  readonly hasFloat16: boolean;
}

/** A graph that was loaded. */
export interface LoadReply {
  readonly sessionId: number;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** Nodes by execution provider, when asked for and known. */
  readonly placement: Readonly<Record<string, number>> | undefined;
}

/** A run that ended. */
export interface RunReply {
  readonly outputs: NamedTensors;
  /** Milliseconds the run took on the device. */
  readonly busyMs: number;
}

/** Answers by kind of request. */
export interface Replies {
  readonly start: StartReply;
  readonly load: LoadReply;
  readonly run: RunReply;
  readonly release: null;
  readonly stop: null;
  readonly fault: null;
}

/** A request on its way. */
export interface RequestMessage {
  readonly id: number;
  readonly request: Request;
}

/** What a worker says. After `broken`, or a failure that is fatal, it is good for `stop` alone. */
export type WorkerMessage =
  | { readonly kind: "done"; readonly id: number; readonly value: Replies[keyof Replies] }
  | {
    readonly kind: "failed";
    readonly id: number;
    readonly reason: string;
    readonly isFatal: boolean;
  }
  | { readonly kind: "broken"; readonly reason: string };

/** The buffers behind tensors, each once. */
export function buffersOf(tensors: Readonly<NamedTensors>): ArrayBuffer[] {
  const buffers = Object.values(tensors).map(({ data }) => data.buffer);
  return [...new Set(buffers)].filter((buffer) => buffer instanceof ArrayBuffer);
}
