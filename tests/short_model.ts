/**
 * The tests' checkpoint, made for inputs of limited length.
 *
 * @module
 */
import { fromFileUrl, join } from "../src/std.ts";

const MODEL = fromFileUrl(new URL("./golden/ctc_adapter", import.meta.url));

/** Copies the checkpoint into a folder of its own, with `chunk_length_s` in its preprocessor. */
export async function shortModel(seconds: number): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir();
  for await (const { name, isFile } of Deno.readDir(MODEL)) {
    if (isFile) await Deno.copyFile(join(MODEL, name), join(path, name));
  }
  const file = join(path, "preprocessor_config.json");
  const config = JSON.parse(await Deno.readTextFile(file));
  await Deno.writeTextFile(file, JSON.stringify({ ...config, chunk_length_s: seconds }));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
