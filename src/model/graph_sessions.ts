/**
 * From a checkpoint folder to sessions on a backend: one for each kind of
 * graph that is asked for, built the first time it is.
 *
 * @module
 */
import type { WeightStore } from "../checkpoint/weights.ts";
import type { Graph } from "../graph/builder.ts";
import { serializeInline, weightByteLength, writeGraphFiles } from "../graph/serialize.ts";
import type { Backend, GraphSession, GraphSource } from "../runtime/backend.ts";
import type { GraphRequest } from "./hubert_graph.ts";

/**
 * Graphs with more weights than this go to the backend as files, which it
 * maps or reads piece by piece; smaller ones as bytes, which need no disk.
 */
const INLINE_LIMIT_BYTES = 64 * 1024 * 1024;

/** Builds the graph of a request from opened weights. */
export type GraphFactory = (weights: WeightStore, request: GraphRequest) => Graph;

/** What {@linkcode GraphSessions} needs. */
export interface GraphSessionsOptions {
  readonly backend: Backend;
  /** Opens the weights anew; they are closed when the graph is written. */
  readonly openWeights: () => Promise<WeightStore>;
  readonly build: GraphFactory;
  /** Folder for files on their way to the backend. @default {the system's temporary folder} */
  readonly temporaryFolder?: string | undefined;
}

/** The graphs of one model, ready to run. */
export interface ModelSessions extends AsyncDisposable {
  /** Whether there is but one graph, made beforehand: no parts, and no masks that it does not take. */
  readonly isReadyExport: boolean;
  /**
   * The session for a request; opened once, and again if that failed.
   *
   * @throws {CheckpointError} If the model cannot give it.
   * @throws {BackendError} If the backend cannot load it.
   */
  get(request: GraphRequest): Promise<GraphSession>;
}

/** Sessions of graphs built from a checkpoint's weights. */
export class GraphSessions implements ModelSessions {
  readonly isReadyExport = false;
  readonly #options: GraphSessionsOptions;
  readonly #sessions = new Map<string, Promise<GraphSession>>();

  /** @param options Backend, weights and how a graph is built. */
  constructor(options: GraphSessionsOptions) {
    this.#options = options;
  }

  /** The session for a request; built once, and again if building failed. */
  get(request: GraphRequest): Promise<GraphSession> {
    const key = keyOf(request);
    const known = this.#sessions.get(key);
    if (known) return known;
    const opening = this.#open(request);
    this.#sessions.set(key, opening);
    opening.catch(() => this.#sessions.delete(key));
    return opening;
  }

  async #open(request: GraphRequest): Promise<GraphSession> {
    const { backend, openWeights, build, temporaryFolder } = this.#options;
    await using weights = await openWeights();
    const graph = build(weights, request);
    return await withGraphSource(graph, temporaryFolder, (source) => backend.load(source));
  }

  /** Releases every session. */
  async [Symbol.asyncDispose](): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) {
      await session.then((opened) => opened[Symbol.asyncDispose](), () => {});
    }
  }
}

function keyOf({ part = "whole", ...flags }: GraphRequest): string {
  const set = Object.entries(flags).filter(([, isSet]) => isSet).map(([name]) => name);
  return [part, ...set.sort()].join(" ");
}

/** Writes a graph where a backend can load it from, and removes it afterwards. */
async function withGraphSource<T>(
  graph: Graph,
  temporaryFolder: string | undefined,
  use: (source: GraphSource) => Promise<T>,
): Promise<T> {
  if (weightByteLength(graph) <= INLINE_LIMIT_BYTES) {
    return await use({ kind: "bytes", model: await serializeInline(graph) });
  }
  const folder = await Deno.makeTempDir({
    prefix: "hubcap-",
    ...(temporaryFolder === undefined ? {} : { dir: temporaryFolder }),
  });
  try {
    const { modelPath, externalDataPaths } = await writeGraphFiles(graph, folder);
    return await use({ kind: "file", path: modelPath, externalDataPaths });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
