/**
 * Checkpoints by name: from the model hub, through a cache on disk.
 *
 * `@huggingface/hub` runs in Deno, but its downloads are not of this kind: it
 * fetches whole repositories, TensorFlow weights and all, resumes nothing,
 * checks neither length nor hash, locks nothing, does not retry, has no signal
 * and no progress, reads neither HF_TOKEN nor HF_ENDPOINT nor HF_HUB_OFFLINE,
 * and writes to the console. What is left, two routes and a folder layout, is here.
 *
 * @module
 */
import { CheckpointError, HubError } from "../errors.ts";
import { RepositoryCache } from "./hub_cache.ts";
import {
  HubClient,
  type HubReference,
  type HubRevision,
  type PatienceOptions,
} from "./hub_client.ts";
import { type DownloadContext, downloadFile, type DownloadProgress } from "./hub_download.ts";
import { type HubOptions, type HubSettings, hubSettings } from "./hub_settings.ts";
import {
  binaryLanguageModel,
  checkFileName,
  CONFIG_FILES,
  LANGUAGE_MODEL_FOLDER,
  languageModelFilesOf,
  layoutOf,
  noWeights,
} from "./layout.ts";
import { shown } from "./messages.ts";
import { readShardIndex } from "./shards.ts";
import { SharedTasks } from "./shared_tasks.ts";

export type { DownloadProgress } from "./hub_download.ts";

/** How {@linkcode resolveCheckpoint} finds a checkpoint. */
export interface ResolveOptions extends HubOptions, PatienceOptions {
  /** Ends the wait; a download that nobody else waits for stops, and can be resumed. */
  signal?: AbortSignal | undefined;
  /** Hears of every piece that comes; must not throw. */
  onProgress?: ((progress: DownloadProgress) => void) | undefined;
  /** Language whose adapter is needed too, for example `deu`. @default {none} */
  adapter?: string | undefined;
  /** Files needed besides configuration, tokenizer and weights. @default {[]} */
  files?: readonly string[] | undefined;
  /** Whether the language model is needed too, if there is one that can be read. @default {false} */
  withLanguageModel?: boolean | undefined;
  /** Hears of what is there and is not used; must not throw. */
  onNotice?: ((notice: string) => void) | undefined;
}

const downloads = new SharedTasks<string, DownloadProgress>();

/**
 * Finds the folder of a checkpoint, and downloads it if it is not in the cache.
 *
 * @param source A folder, or `owner/name` of a model on the hub, or `owner/name@revision`.
 * @param options Where from, and how patiently.
 * @returns The folder; where the hub is down, that of the last known commit.
 * @throws {CheckpointError} If there is no such folder, or the model has no usable weights.
 * @throws {HubError} If the hub does not give it.
 */
export async function resolveCheckpoint(
  source: string,
  options: ResolveOptions = {},
): Promise<string> {
  options.signal?.throwIfAborted();
  if (await isFolder(source)) return source;
  const reference = parseReference(source);
  const settings = await hubSettings(options);
  const { signal, onProgress, ...rest } = options;
  const key = JSON.stringify([reference, settings, rest]);
  return await downloads.join(key, {
    signal,
    onProgress,
    run: (context) => resolveSnapshot(reference, settings, { ...options, ...context }),
  });
}

type Request = ResolveOptions & Pick<DownloadContext, "signal" | "onProgress">;

/** Paths are told from names by how they start, or by being there. */
async function isFolder(source: string): Promise<boolean> {
  const isPath = /^(\.{0,2}[/\\]|\.{1,2}$|~|[A-Za-z]:[/\\])/.test(source);
  const isThere = await Deno.stat(source).then((info) => info.isDirectory, () => false);
  if (isPath && !isThere) {
    throw new CheckpointError(`Cannot find the checkpoint folder ${source}`, { path: source });
  }
  return isThere;
}

function parseReference(source: string): HubReference {
  const part = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?";
  const match = new RegExp(`^(${part}/${part})(?:@(.+))?$`).exec(source);
  const id = match?.[1];
  const revision = match?.[2] ?? "main";
  if (!id || /--|\.\./.test(id) || !/^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(revision)) {
    throw new CheckpointError(
      `Cannot find a checkpoint by ${shown(source)}: give a folder, or a model of the hub as ` +
        "owner/name or owner/name@revision",
      { path: source },
    );
  }
  return { id, revision: checkFileName(revision, source) };
}

async function resolveSnapshot(
  reference: HubReference,
  settings: HubSettings,
  request: Request,
): Promise<string> {
  const { id, revision } = reference;
  const cache = new RepositoryCache(settings.cacheFolder, id, settings);
  const isCommit = /^[0-9a-f]{40}$/.test(revision);
  const cached = isCommit ? revision : await cache.readRef(revision);
  const missing = cached ? await missingFiles(cache, cached, request) : ["everything"];
  const fallback = cached && missing.length === 0 ? cache.snapshotFolder(cached) : undefined;
  if (settings.offline) {
    if (fallback !== undefined) return fallback;
    throw notCached(reference, settings, missing);
  }
  // A commit never changes.
  if (isCommit && fallback !== undefined && await isSettled(cache, revision, request)) {
    return fallback;
  }
  try {
    // With something to fall back on, a hub that is down is not waited for.
    const patience = fallback === undefined ? {} : { retryCount: 0 };
    const found = await new HubClient(settings, { ...request, ...patience }).revision(reference);
    const client = new HubClient(settings, request);
    return await download(reference, found, { ...request, client, cache, reference });
  } catch (error) {
    const isDown = error instanceof HubError && (error.status === 0 || error.status >= 500);
    if (isDown && fallback !== undefined) return fallback;
    throw error;
  }
}

async function download(
  asked: HubReference,
  { commit, files }: HubRevision,
  context: Request & DownloadContext,
): Promise<string> {
  const { cache } = context;
  const here = { ...context, reference: { id: asked.id, revision: commit } };
  const choice = chooseFiles(asked, files, context);
  for (const name of lookedFor(context)) {
    if (!files.includes(name)) await cache.noteAbsent(commit, name);
  }
  await downloadTogether(choice.small, here);
  // Large files come last, so that a snapshot with weights is complete.
  for (const name of choice.large) {
    await downloadFile(name, here);
    if (!name.endsWith(".index.json")) continue;
    const shards = await readShardIndex(cache.filePath(commit, name));
    for (const shard of new Set(shards.values())) await downloadFile(shard, here);
  }
  if (asked.revision !== commit) await cache.writeRef(asked.revision, commit);
  return cache.snapshotFolder(commit);
}

/** At once, as each takes little more than the way to the hub; the first failure stops the others. */
async function downloadTogether(names: readonly string[], context: DownloadContext) {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const tasks = names.map(async (name) => {
    try {
      await downloadFile(name, { ...context, signal });
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(tasks);
  await Promise.all(tasks);
}

/** Configuration, tokenizer, one form of the weights, and what was asked for besides. */
function chooseFiles(
  { id, revision }: HubReference,
  files: readonly string[],
  { adapter, files: asked = [], withLanguageModel = false, onNotice }: ResolveOptions,
): { small: string[]; large: string[] } {
  const layout = layoutOf(files);
  if (!files.includes("config.json")) {
    throw new CheckpointError(
      `Cannot use ${id} as a checkpoint as it has no config.json at revision "${revision}"`,
      { path: id },
    );
  }
  const graph = layout.onnx.find((name) => name === "onnx/model.onnx") ?? layout.onnx[0];
  if (!layout.weights && !graph) throw noWeights(files, id);
  const small: string[] = CONFIG_FILES.filter((name) => files.includes(name));
  const large = layout.weights ? [layout.weights] : withExternalData(graph!, files);
  if (withLanguageModel) {
    const { arpa, attributes, binary } = languageModelFilesOf(files);
    if (attributes !== undefined) small.push(attributes);
    if (arpa !== undefined) large.unshift(checkFileName(arpa, id));
    else if (binary !== undefined) onNotice?.(binaryLanguageModel(id, binary));
  }
  if (adapter !== undefined) large.push(layout.adapters.get(adapter) ?? missingAdapter());
  for (const name of asked) {
    if (!files.includes(checkFileName(name, id))) throw missingFile(name);
    large.push(name);
  }
  return { small, large };

  function missingAdapter(): never {
    const there = [...layout.adapters.keys()].sort().join(", ") || "none";
    throw new CheckpointError(
      `Cannot find an adapter for language "${adapter}" in ${id}: there are ${there}`,
      { path: id },
    );
  }

  function missingFile(name: string): CheckpointError {
    return new CheckpointError(`Cannot find ${name} in ${id} at revision "${revision}"`, {
      path: name,
    });
  }
}

/** Large graphs keep their weights in files beside them. */
function withExternalData(graph: string, files: readonly string[]): string[] {
  return [graph, ...files.filter((name) => name.startsWith(`${graph}_data`))];
}

/** Names of the files that a commit's snapshot lacks for this request. */
async function missingFiles(
  cache: RepositoryCache,
  commit: string,
  { adapter, files = [] }: ResolveOptions,
): Promise<string[]> {
  const has = async (name: string) => await cache.has(commit, name);
  const missing: string[] = [];
  for (const name of ["config.json", ...files]) if (!await has(name)) missing.push(name);
  if (adapter !== undefined) {
    const names = [`adapter.${adapter}.safetensors`, `adapter.${adapter}.bin`];
    if (!await has(names[0]!) && !await has(names[1]!)) missing.push(names[0]!);
  }
  const there = await Promise.all(WEIGHTS.map(has));
  const weights = WEIGHTS[there.indexOf(true)];
  if (!weights) missing.push("weights");
  else if (weights.endsWith(".index.json")) {
    const shards = await readShardIndex(cache.filePath(commit, weights));
    for (const name of new Set(shards.values())) if (!await has(name)) missing.push(name);
  }
  return missing;
}

const WEIGHTS = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
  "onnx/model.onnx",
];

/** Small files that are fetched if they are there. */
function lookedFor({ withLanguageModel = false }: ResolveOptions): string[] {
  return [...CONFIG_FILES, ...(withLanguageModel ? [`${LANGUAGE_MODEL_FOLDER}/attrs.json`] : [])];
}

/** Whether each small file is there, or known not to be. */
async function isSettled(
  cache: RepositoryCache,
  commit: string,
  request: ResolveOptions,
): Promise<boolean> {
  for (const name of lookedFor(request)) {
    if (!await cache.has(commit, name) && !await cache.isAbsent(commit, name)) return false;
  }
  return true;
}

function notCached(
  { id, revision }: HubReference,
  { cacheFolder, endpoint }: HubSettings,
  missing: readonly string[],
): HubError {
  return new HubError(
    `Cannot load ${id}@${revision} offline as ${cacheFolder} lacks ${missing.join(", ")}: ` +
      "load it once without HF_HUB_OFFLINE",
    { url: `${endpoint}/${id}`, status: 0 },
  );
}
