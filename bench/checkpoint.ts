/**
 * Checkpoints of full size to measure with, made on the fly.
 *
 * @module
 */
import { fromFileUrl, join } from "../src/std.ts";

const SCRIPT = fromFileUrl(new URL("../tests/golden/full_size.py", import.meta.url));

/** Shapes there are scripts for. */
export type FullSize = "base" | "large" | "wav2vec2";

/** The Python to run scripts with: `HUBCAP_PYTHON`, which needs torch and transformers. */
export function pythonPath(): string {
  return Deno.env.get("HUBCAP_PYTHON") ?? "python3";
}

/** Makes checkpoints with seeded random weights, their inputs and expected outputs. */
export async function makeFullSize(folder: string, names: readonly FullSize[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(pythonPath(), {
    args: [SCRIPT, folder, ...names],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (success) return;
  const reason = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  throw new Error(
    `Cannot make a checkpoint as ${pythonPath()} failed: ${reason}. Set HUBCAP_PYTHON to a Python with torch and transformers`,
  );
}

/** The folder of a checkpoint below `root`; made there when it is not yet. */
export async function fullSizeFolder(root: string, name: FullSize): Promise<string> {
  const folder = join(root, name);
  const isThere = await Deno.stat(join(folder, "model.safetensors")).catch(() => undefined);
  if (isThere === undefined) await makeFullSize(root, [name]);
  return folder;
}
