/**
 * The model that comes with the project, where one does.
 *
 * @module
 */
import { fromFileUrl, join } from "./std.ts";

/** Folder of the models that come with the project. */
const MODELS_FOLDER = new URL("../models/", import.meta.url);

/** Options of {@linkcode defaultModel}. */
export interface DefaultModelOptions {
  /** Folder to look in. @default {"models" beside "src"} */
  readonly folder?: string;
}

/**
 * Finds the model to use when none is named: the one folder in `models/` that
 * holds a `config.json`.
 *
 * @returns Its path; undefined if there is none, or more than one.
 *
 * @example
 * ```ts
 * import { defaultModel } from "./default_model.ts";
 * import { assertEquals } from "../tests/assert.ts";
 *
 * assertEquals(await defaultModel({ folder: "/nowhere" }), undefined);
 * ```
 */
export async function defaultModel(
  options: DefaultModelOptions = {},
): Promise<string | undefined> {
  if (options.folder === undefined && MODELS_FOLDER.protocol !== "file:") return undefined;
  const { folder = fromFileUrl(MODELS_FOLDER) } = options;
  const found: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) {
      const path = join(folder, name);
      const isModel = await Deno.stat(join(path, "config.json")).then(() => true, () => false);
      if (isModel) found.push(path);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.length === 1 ? found[0] : undefined;
}
