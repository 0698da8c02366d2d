/**
 * A folder that has no weights but a ready ONNX export, as Optimum writes it and
 * transformers.js reads it.
 *
 * @module
 */
import type { CheckpointFolder } from "../checkpoint/folder.ts";
import { CheckpointError } from "../errors.ts";
import type { Backend, GraphSession } from "../runtime/backend.ts";
import { join } from "../std.ts";
import type { ModelSessions } from "./graph_sessions.ts";
import type { GraphRequest } from "./hubert_graph.ts";
import type { Dtype } from "./precision.ts";

/** Names of export files by precision, best first. */
export const EXPORT_FILES: Readonly<Record<Dtype, readonly string[]>> = {
  float32: ["model.onnx"],
  float16: ["model_fp16.onnx"],
  int8: ["model_int8.onnx", "model_quantized.onnx"],
  int4: ["model_q4.onnx", "model_bnb4.onnx"],
};

/** The one session of a ready export. */
export class ExportSessions implements ModelSessions {
  readonly isReadyExport = true;
  readonly #folder: CheckpointFolder;
  readonly #options: { readonly backend: Backend; readonly dtype: Dtype };
  #session: Promise<GraphSession> | undefined;

  /** @param folder The checkpoint. @param options Backend and precision. */
  constructor(folder: CheckpointFolder, options: { backend: Backend; dtype: Dtype }) {
    this.#folder = folder;
    this.#options = options;
  }

  /** The session, if the request asks for no more than an export gives. */
  async get(
    { part = "whole", hasFrameMask = false, ...flags }: GraphRequest,
  ): Promise<GraphSession> {
    const wanted = Object.entries(flags).filter(([, isSet]) => isSet).map(([name]) => name);
    if (part !== "whole") wanted.unshift(`part: ${part}`);
    if (wanted.length > 0) throw this.cannotGive(wanted.join(", "));
    if (!this.#session) {
      this.#session = this.#open();
      this.#session.catch(() => this.#session = undefined);
    }
    const session = await this.#session;
    if (!hasFrameMask || session.inputNames.includes("attention_mask")) return session;
    throw this.cannotGive("hasFrameMask");
  }

  /** The error for what only weights give. */
  cannotGive(wanted: string): CheckpointError {
    return new CheckpointError(
      `Cannot get ${wanted} from a ready ONNX export: add the weights as model.safetensors`,
      { path: this.#folder.path },
    );
  }

  async #open(): Promise<GraphSession> {
    const { path, onnx } = this.#folder;
    const { backend, dtype } = this.#options;
    const file = EXPORT_FILES[dtype].map((name) => `onnx/${name}`).find((name) =>
      onnx.includes(name)
    );
    if (file === undefined) {
      throw new CheckpointError(
        `Cannot load ${path} as ${dtype} because it has no ${
          EXPORT_FILES[dtype].join(" or ")
        }: it has ${onnx.join(", ")}`,
        { path },
      );
    }
    const externalDataPaths = this.#folder.files
      .filter((name) => name.startsWith(`${file}_data`) || name === `${file}.data`)
      .map((name) => join(path, name));
    return await backend.load({ kind: "file", path: join(path, file), externalDataPaths });
  }

  /** Releases the session. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session?.then((session) => session[Symbol.asyncDispose](), () => {});
  }
}
