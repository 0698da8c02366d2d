/**
 * The inside of a backend's worker: takes requests one at a time, in order.
 *
 * @module
 */
import type { LoadOptions, ValueInfo } from "./backend.ts";
import type { Engine } from "./engine.ts";
import { FLOAT16_GRAPH_BASE64, FLOAT16_INPUT, FLOAT16_OUTPUT } from "./float16.ts";
import { reasonOf } from "./lazy_file.ts";
import type { OrtSession, OrtTensor, OrtValueInfo } from "./ort.ts";
import { parsePlacement } from "./placement.ts";
import { buffersOf } from "./protocol.ts";
import type {
  Fault,
  LoadReply,
  NamedTensors,
  Replies,
  Request,
  RequestMessage,
  RunReply,
  StartOptions,
  StartReply,
  StopFlag,
  WorkerMessage,
} from "./protocol.ts";
import type { Tensor, TensorData } from "../tensor.ts";
import { captureLog } from "./workarounds.ts";

/** What an engine is started with. */
export interface EngineContext extends StartOptions {
  /** To be called when the device is gone. */
  onLost(reason: string): void;
}

/** The part of a worker's global scope in use. */
interface WorkerScope extends EventTarget {
  onmessage: ((event: MessageEvent<RequestMessage>) => void) | null;
  postMessage(message: WorkerMessage, transfer: Transferable[]): void;
}

const SILENT = 4;
const VERBOSE = 0;
/** How long a failed request waits for news of its device. */
const LOSS_PATIENCE_MS = 50;
const FLOAT16_TOLERANCE = 1e-2;

/** Serves requests with the engine that `start` makes. Call once, at the top of a worker's module. */
export function serve(start: (context: EngineContext) => Promise<Engine>): void {
  const scope = globalThis as unknown as WorkerScope;
  const post = (message: WorkerMessage, transfer: ArrayBuffer[] = []) =>
    scope.postMessage(message, transfer);
  const server = new Server(start);
  void server.lost.then((reason) => post({ kind: "broken", reason: deviceLost(reason) }));
  reportUncaught(
    scope,
    (reason) => post({ kind: "broken", reason: `its worker failed: ${reason}` }),
  );
  let tail = Promise.resolve();
  scope.onmessage = ({ data: { id, request } }) => {
    tail = tail.then(async () => {
      try {
        const value = await server.answer(request);
        post({ kind: "done", id, value }, value && "outputs" in value ? outputBuffers(value) : []);
      } catch (error) {
        const reason = await server.explain(error);
        post({ kind: "failed", id, reason, isFatal: isFatal(error) });
      }
    });
  };
}

/** Errors nobody caught are told instead of ending the worker, which has things to let go of first. */
function reportUncaught(scope: WorkerScope, report: (reason: string) => void): void {
  scope.addEventListener("error", (event) => {
    event.preventDefault();
    report((event as ErrorEvent).message);
  });
  scope.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    report(reasonOf((event as PromiseRejectionEvent).reason));
  });
}

function deviceLost(reason: string): string {
  return `its device was lost: ${reason}`;
}

function outputBuffers(value: RunReply | LoadReply): ArrayBuffer[] {
  return "busyMs" in value ? buffersOf(value.outputs) : [];
}

/** After a trap, the memory of a WebAssembly module is in an unknown state. */
function isFatal(error: unknown): boolean {
  return error instanceof WebAssembly.RuntimeError;
}

function wordsOf(error: unknown): string {
  return isFatal(error) ? `onnxruntime crashed (${reasonOf(error)})` : reasonOf(error);
}

class Server {
  readonly #start: (context: EngineContext) => Promise<Engine>;
  readonly #lost = Promise.withResolvers<string>();
  readonly #log = captureLog();
  readonly #sessions = new Map<number, OrtSession>();
  #engine: Engine | undefined;
  #stopFlag: StopFlag | undefined;
  #sessionCount = 0;

  constructor(start: (context: EngineContext) => Promise<Engine>) {
    this.#start = start;
  }

  /** Resolves to the reason once the device is gone. */
  get lost(): Promise<string> {
    return this.#lost.promise;
  }

  /** Says why a request failed: the loss of the device, if that is what it was, is known a little later. */
  async explain(error: unknown): Promise<string> {
    if (!this.#engine?.loseDevice) return wordsOf(error);
    const { promise: patience, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LOSS_PATIENCE_MS);
    const lost = await Promise.race([this.lost, patience]);
    clearTimeout(timer);
    return lost ? deviceLost(lost) : wordsOf(error);
  }

  async answer(request: Request): Promise<Replies[keyof Replies]> {
    if (request.kind === "stop") return await this.#stop();
    if (this.#stopFlag && Atomics.load(this.#stopFlag, 0) !== 0) throw new Error("it is stopping");
    switch (request.kind) {
      case "start":
        this.#stopFlag = request.stopFlag;
        return await this.#begin(request.options);
      case "load":
        return await this.#load(request);
      case "run":
        return await this.#run(request);
      case "release":
        return await this.#release(request.sessionId);
      case "fault":
        return this.#rehearse(request.fault);
      default:
        request satisfies never;
        throw new Error("the request is unknown");
    }
  }

  get #started(): Engine {
    if (!this.#engine) throw new Error("the worker has not been started");
    return this.#engine;
  }

  async #begin(options: StartOptions): Promise<StartReply> {
    const engine = await this.#start({ ...options, onLost: this.#lost.resolve });
    this.#engine = engine;
    const { device, isSoftware } = engine;
    return { device, isSoftware, hasFloat16: await computesFloat16(engine) };
  }

  async #load({ source, options }: Request & { kind: "load" }): Promise<LoadReply> {
    const lines: string[] = [];
    const { fixedDimensions = {}, reportsPlacement = false } = options;
    if (reportsPlacement) this.#log.listener = (line) => lines.push(line);
    try {
      const session = await this.#started.create(source, {
        ...this.#started.sessionOptions,
        ...sessionOptions({ fixedDimensions, reportsPlacement }),
      });
      this.#started.throwDeviceErrors?.();
      const sessionId = this.#sessionCount++;
      this.#sessions.set(sessionId, session);
      return {
        sessionId,
        inputs: session.inputMetadata.map(valueInfo),
        outputs: session.outputMetadata.map(valueInfo),
        placement: reportsPlacement ? parsePlacement(lines) : undefined,
      };
    } finally {
      this.#log.listener = undefined;
    }
  }

  async #run({ sessionId, feeds, fetches }: Request & { kind: "run" }): Promise<RunReply> {
    const session = this.#sessions.get(sessionId);
    if (!session) throw new Error("the graph has been released");
    const startMs = performance.now();
    const outputs = await runSession(this.#started, session, { feeds, fetches });
    return { outputs, busyMs: performance.now() - startMs };
  }

  async #release(sessionId: number): Promise<null> {
    const session = this.#sessions.get(sessionId);
    this.#sessions.delete(sessionId);
    await session?.release();
    return null;
  }

  /** Lets go of everything; what fails on the way goes with the worker. */
  async #stop(): Promise<null> {
    await Promise.allSettled([...this.#sessions.keys()].map((id) => this.#release(id)));
    this.#engine?.close?.();
    return null;
  }

  #rehearse(fault: Fault): null {
    if (fault === "device-lost") {
      this.#started.loseDevice?.();
    } else {
      queueMicrotask(() => {
        throw new Error("a rehearsed crash");
      });
    }
    return null;
  }
}

function sessionOptions({ fixedDimensions, reportsPlacement }: Required<LoadOptions>) {
  return {
    graphOptimizationLevel: "all",
    freeDimensionOverrides: fixedDimensions,
    logSeverityLevel: reportsPlacement ? VERBOSE : SILENT,
  } as const;
}

function valueInfo({ name, type, shape }: OrtValueInfo): ValueInfo {
  return { name, dtype: type ?? "not a tensor", shape: shape ?? [] };
}

async function runSession(
  engine: Engine,
  session: OrtSession,
  { feeds, fetches }: { feeds: NamedTensors; fetches: readonly string[] },
): Promise<NamedTensors> {
  const inputs: Record<string, OrtTensor> = {};
  for (const { name, type = "" } of session.inputMetadata) {
    const feed = feeds[name];
    if (feed) inputs[name] = new engine.ort.Tensor(type, feed.data, feed.shape);
  }
  const results = await session.run(inputs, fetches, { logSeverityLevel: SILENT });
  engine.throwDeviceErrors?.();
  const outputs: NamedTensors = {};
  for (const name of fetches) {
    const result = results[name];
    if (!result) throw new Error(`output "${name}" is missing`);
    outputs[name] = plainTensor(name, result, engine.needsOutputCopies);
    result.dispose();
  }
  return outputs;
}

function plainTensor(name: string, tensor: OrtTensor, isCopied: boolean): Tensor<TensorData> {
  const { data, dims, type } = tensor;
  if (
    data instanceof Float32Array || data instanceof Int32Array ||
    data instanceof BigInt64Array || data instanceof Uint8Array
  ) {
    return { data: isCopied ? data.slice() : data, shape: [...dims] };
  }
  throw new TypeError(
    `output "${name}" has element type ${type}: graphs give float32, int32, int64, uint8 or bool`,
  );
}

async function computesFloat16(engine: Engine): Promise<boolean> {
  const options = { ...engine.sessionOptions, logSeverityLevel: SILENT } as const;
  try {
    const model = Uint8Array.fromBase64(FLOAT16_GRAPH_BASE64);
    const session = await engine.create({ kind: "bytes", model }, options);
    try {
      const feeds = { x: { data: new Float32Array(FLOAT16_INPUT), shape: [2, 2] } };
      const { y } = await runSession(engine, session, { feeds, fetches: ["y"] });
      return FLOAT16_OUTPUT.every((expected, i) =>
        Math.abs(Number(y?.data[i]) - expected) <= FLOAT16_TOLERANCE
      );
    } finally {
      await session.release();
    }
  } catch {
    return false;
  }
}
