/**
 * What differs between the builds of onnxruntime, as seen by the worker that
 * serves one of them.
 *
 * @module
 */
import type { GraphSource } from "./backend.ts";
import { LazyFile, readWhole } from "./lazy_file.ts";
import type { OrtModule, OrtSession, OrtSessionOptions } from "./ort.ts";
import { basename } from "../std.ts";

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
  /** Throws what went wrong on the device since the last call and was not reported otherwise. */
  throwDeviceErrors?(): void;
  /** Loses the device, for tests. Engines that cannot lose theirs have none. */
  loseDevice?(): void;
}

/** Creates a session with a web build: its weights are read from their files range by range, straight into place. */
export async function createWebSession(
  ort: OrtModule,
  source: GraphSource,
  options: OrtSessionOptions,
): Promise<OrtSession> {
  if (source.kind === "bytes") return await ort.InferenceSession.create(source.model, options);
  const files: LazyFile[] = [];
  try {
    const externalData = source.externalDataPaths.map((path) => {
      const data = new LazyFile(path);
      files.push(data);
      return { path: basename(path), data };
    });
    const model = await readWhole(source.path);
    return await ort.InferenceSession.create(model, { ...options, externalData });
  } catch (error) {
    throw files.find(({ failure }) => failure)?.failure ?? error;
  } finally {
    for (const file of files) file.close();
  }
}
