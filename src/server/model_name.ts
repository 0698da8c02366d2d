/**
 * What the server calls its model before strangers: never a folder of the machine.
 *
 * @module
 */
import { basename } from "../std.ts";

/**
 * The name of a model: `owner/name` as on the hub, of a folder its last part.
 *
 * @param source What the model was loaded from.
 *
 * @example
 * ```ts
 * import { modelName } from "./model_name.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(modelName("facebook/hubert-large-ls960-ft@main"), "facebook/hubert-large-ls960-ft");
 * assertEquals(modelName("/srv/models/harbour/"), "harbour");
 * ```
 */
export function modelName(source: string): string {
  const [name = ""] = source.split("@");
  return /^[\w-][\w.-]*\/[\w.-]+$/.test(name) ? name : basename(source);
}
