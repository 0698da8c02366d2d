/**
 * What differs between the builds of onnxruntime, as seen by the worker that
 * serves one of them.
 *
 * @module
 */
import type { GraphSource } from "./backend.ts";
import { detachWeights } from "./detach_weights.ts";
import { LazyFile } from "./lazy_file.ts";
import type { OrtExternalData, OrtModule, OrtSession, OrtSessionOptions } from "./ort.ts";
import { basename } from "../std.ts";

/** Name under which a model's own bytes are offered to it as a file beside it. */
const WHOLE_MODEL = "hubcap-whole-model";

/** A started build of onnxruntime. Lives in a worker. */
export interface Engine {
  /** The module. */
  readonly ort: OrtModule;
  /** The device in words. */
  readonly device: string;
  /** Whether the device is a software stand-in for a GPU. */
  readonly isSoftware: boolean;
  /** Session settings of this engine. */
  readonly sessionOptions: OrtSessionOptions;
  /** Whether its outputs must be copied before they are handed to another thread. */
  readonly needsOutputCopies: boolean;
  /** Creates a session. */
  create(source: GraphSource, options: OrtSessionOptions): Promise<OrtSession>;
  /** Lets go of everything that would outlive the worker, sessions aside. */
  close?(): void;
  /** Throws what went wrong on the device since the last call and was not reported otherwise. */
  throwDeviceErrors?(): void;
  /** Loses the device, for tests. Engines that cannot lose theirs have none. */
  loseDevice?(): void;
}

/**
 * Creates a session with a web build. Weights go from where they lie straight
 * into onnxruntime's memory, one at a time: no second copy is made of them,
 * whether they lie in files beside the model or inside of it.
 */
export async function createWebSession(
  ort: OrtModule,
  source: GraphSource,
  options: OrtSessionOptions,
): Promise<OrtSession> {
  if (source.kind === "bytes") return await createFrom(ort, source.model, { options, beside: [] });
  const files: LazyFile[] = [];
  const open = (path: string) => {
    const data = new LazyFile(path);
    files.push(data);
    return { path: basename(path), data };
  };
  try {
    const model = open(source.path);
    const beside = source.externalDataPaths.map(open);
    return await createFrom(ort, model.data, { options, beside });
  } catch (error) {
    throw files.find(({ failure }) => failure)?.failure ?? error;
  } finally {
    for (const file of files) file.close();
  }
}

async function createFrom(
  ort: OrtModule,
  whole: Uint8Array,
  { options, beside }: { options: OrtSessionOptions; beside: readonly OrtExternalData[] },
): Promise<OrtSession> {
  const model = detachWeights(whole, WHOLE_MODEL);
  const externalData = [...beside, { path: WHOLE_MODEL, data: whole }];
  return await ort.InferenceSession.create(model, { ...options, externalData });
}
