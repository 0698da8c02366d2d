/**
 * A backend as the rest of the program sees it: a worker behind the port.
 *
 * @module
 */
import type {
  Backend,
  BackendName,
  BackendOptions,
  BackendProbe,
  GraphSession,
  GraphSource,
  LoadOptions,
} from "./backend.ts";
import { checkFeeds, checkFetches } from "./check_feeds.ts";
import { reasonOf } from "./lazy_file.ts";
import {
  buffersOf,
  type Fault,
  type LoadReply,
  type NamedTensors,
  type Replies,
  type Request,
  type StartOptions,
  type StartReply,
  type StopFlag,
  type WorkerMessage,
} from "./protocol.ts";
import { BackendError } from "../errors.ts";
import type { Tensor, TensorData } from "../tensor.ts";

/** How long an ended worker may take to let go of its graphs: as long as the run it is in. */
const STOP_PATIENCE_MS = 10_000;

/** How a backend's worker is made. */
export interface WorkerBackendInit {
  /** Which backend it is. */
  readonly name: BackendName;
  /** Makes the worker. */
  createWorker(): Worker;
}

interface PendingCall {
  resolve(value: Replies[keyof Replies]): void;
  reject(reason: string): void;
}

/** Starts a worker and the onnxruntime inside. */
export async function startWorkerBackend(
  init: WorkerBackendInit,
  options: BackendOptions = {},
): Promise<WorkerBackend> {
  const { threadCount = navigator.hardwareConcurrency, allowsSoftware = true, signal } = options;
  if (!Number.isInteger(threadCount) || threadCount < 1) {
    throw new RangeError(
      `Cannot start backend "${init.name}" as threadCount must be a whole number of at least 1: ${threadCount}`,
    );
  }
  signal?.throwIfAborted();
  const link = new WorkerLink(init);
  const abort = () => void link.end("its start was aborted");
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return new WorkerBackend(link, await link.start({ threadCount, allowsSoftware }));
  } catch (error) {
    await link.end("it did not start");
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

/** One worker: calls go out, each is answered or rejected once. */
class WorkerLink {
  readonly name: BackendName;
  readonly #worker: Worker;
  readonly #pending = new Map<number, PendingCall>();
  readonly #stopFlag: StopFlag = new Int32Array(new SharedArrayBuffer(4));
  readonly #gone = Promise.withResolvers<void>();
  #endReason: string | undefined;
  #callCount = 0;

  constructor({ name, createWorker }: WorkerBackendInit) {
    this.name = name;
    this.#worker = createWorker();
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onmessageerror = () =>
      void this.end("its worker sent a message that cannot be read");
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#gone.resolve();
      void this.end(`its worker died: ${event.message}`);
    };
  }

  get hasEnded(): boolean {
    return this.#endReason !== undefined;
  }

  start(options: StartOptions): Promise<StartReply> {
    return this.call({ kind: "start", options, stopFlag: this.#stopFlag });
  }

  call<K extends Request["kind"]>(
    request: Request & { readonly kind: K },
    transfer: Transferable[] = [],
  ): Promise<Replies[K]> {
    if (this.#endReason !== undefined) {
      return Promise.reject(this.#error(request.kind, this.#endReason));
    }
    return this.#send<K>(request, transfer);
  }

  /**
   * Ends the worker; every pending and every later call is rejected with
   * `reason`, at once.
   *
   * @returns When the worker is gone.
   */
  end(reason: string): Promise<void> {
    if (this.#endReason !== undefined) return this.#gone.promise;
    this.#endReason = reason;
    const calls = [...this.#pending.values()];
    this.#pending.clear();
    for (const call of calls) call.reject(reason);
    void this.#stop();
    return this.#gone.promise;
  }

  /** Lets the worker give back what would outlive it, then terminates it. */
  async #stop(): Promise<void> {
    Atomics.store(this.#stopFlag, 0, 1);
    const timer = setTimeout(() => this.#gone.resolve(), STOP_PATIENCE_MS);
    const stopped = this.#send<"stop">({ kind: "stop" }).catch(() => {});
    await Promise.race([stopped, this.#gone.promise]);
    clearTimeout(timer);
    this.#pending.clear();
    this.#worker.terminate();
    this.#gone.resolve();
  }

  #send<K extends Request["kind"]>(
    request: Request,
    transfer: Transferable[] = [],
  ): Promise<Replies[K]> {
    const { promise, resolve, reject } = Promise.withResolvers<Replies[K]>();
    const id = this.#callCount++;
    const call = {
      resolve: (value: Replies[keyof Replies]) => resolve(value as Replies[K]),
      reject: (reason: string) => reject(this.#error(request.kind, reason)),
    };
    this.#pending.set(id, call);
    try {
      this.#worker.postMessage({ id, request }, transfer);
    } catch (error) {
      this.#pending.delete(id);
      call.reject(reasonOf(error));
    }
    return promise;
  }

  #receive(message: WorkerMessage): void {
    if (message.kind === "broken") return void this.end(message.reason);
    const call = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === "done") return call?.resolve(message.value);
    call?.reject(message.reason);
    if (message.isFatal) void this.end(`an earlier call broke it: ${message.reason}`);
  }

  #error(kind: Request["kind"], reason: string): BackendError {
    const needsNew = this.#endReason !== undefined && kind !== "start";
    const remedy = needsNew ? ". Open a new backend" : "";
    return new BackendError(
      `Cannot ${ACTIONS[kind]} backend "${this.name}" as ${reason}${remedy}`,
      { backend: this.name },
    );
  }
}

const ACTIONS: Readonly<Record<Request["kind"], string>> = {
  start: "start",
  load: "load a graph into",
  run: "run a graph on",
  release: "release a graph of",
  stop: "stop",
  fault: "rehearse a fault of",
};

/** A {@linkcode Backend} whose onnxruntime lives in a worker. */
export class WorkerBackend implements Backend {
  readonly name: BackendName;
  readonly device: string;
  readonly isSoftware: boolean;
  readonly hasFloat16: boolean;
  readonly #link: WorkerLink;
  #busyMs = 0;

  /** @param link A started worker. @param facts What it said of its device. */
  constructor(link: WorkerLink, facts: StartReply) {
    this.#link = link;
    this.name = link.name;
    this.device = facts.device;
    this.isSoftware = facts.isSoftware;
    this.hasFloat16 = facts.hasFloat16;
  }

  /** Milliseconds the device spent in runs since the backend started. */
  get busyMs(): number {
    return this.#busyMs;
  }

  /** The device in the form of a probe's finding. */
  get probe(): BackendProbe & { state: "available" } {
    const { device, isSoftware, hasFloat16 } = this;
    return { state: "available", device, isSoftware, hasFloat16 };
  }

  /** Loads a graph; see {@linkcode Backend}. */
  async load(source: GraphSource, options: LoadOptions = {}): Promise<GraphSession> {
    const copy = source.kind === "bytes" ? { ...source, model: source.model.slice() } : source;
    const transfer = copy.kind === "bytes" ? [copy.model.buffer] : [];
    const reply = await this.#link.call({ kind: "load", source: copy, options }, transfer);
    return new WorkerSession({
      link: this.#link,
      reply,
      fixedDimensions: options.fixedDimensions ?? {},
      onRun: (busyMs) => this.#busyMs += busyMs,
    });
  }

  /** Rehearses a mishap. For tests. */
  async rehearse(fault: Fault): Promise<void> {
    await this.#link.call({ kind: "fault", fault });
  }

  /** Ends the worker. Idempotent; pending calls are rejected at once. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#link.end("it has been disposed");
  }
}

interface WorkerSessionInit {
  readonly link: WorkerLink;
  readonly reply: LoadReply;
  readonly fixedDimensions: Readonly<Record<string, number>>;
  onRun(busyMs: number): void;
}

class WorkerSession implements GraphSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputs: LoadReply["inputs"];
  readonly outputs: LoadReply["outputs"];
  readonly placement: LoadReply["placement"];
  readonly #init: WorkerSessionInit;
  #release: Promise<void> | undefined;

  constructor(init: WorkerSessionInit) {
    this.#init = init;
    const { inputs, outputs, placement } = init.reply;
    this.inputs = inputs;
    this.outputs = outputs;
    this.placement = placement;
    this.inputNames = inputs.map(({ name }) => name);
    this.outputNames = outputs.map(({ name }) => name);
  }

  async run(
    feeds: Readonly<NamedTensors>,
    fetches: readonly string[],
  ): Promise<Record<string, Tensor<TensorData>>> {
    const { link, reply: { sessionId }, fixedDimensions, onRun } = this.#init;
    const misfit = this.#release ? "the graph has been released" : (
      checkFeeds(this.inputs, feeds, fixedDimensions) ?? checkFetches(this.outputNames, fetches)
    );
    if (misfit && !link.hasEnded) {
      throw new BackendError(`Cannot run a graph on backend "${link.name}" as ${misfit}`, {
        backend: link.name,
      });
    }
    const copies = copyTensors(feeds);
    const { outputs, busyMs } = await link.call(
      { kind: "run", sessionId, feeds: copies, fetches },
      buffersOf(copies),
    );
    onRun(busyMs);
    return outputs;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#release ??= this.#dispose();
    return this.#release;
  }

  async #dispose(): Promise<void> {
    const { link, reply: { sessionId } } = this.#init;
    if (link.hasEnded) return;
    await link.call({ kind: "release", sessionId }).catch((error) => {
      if (!link.hasEnded) throw error;
    });
  }
}

function copyTensors(tensors: Readonly<NamedTensors>): NamedTensors {
  const copies: NamedTensors = {};
  for (const [name, { data, shape }] of Object.entries(tensors)) {
    copies[name] = { data: data.slice(), shape: [...shape] };
  }
  return copies;
}
