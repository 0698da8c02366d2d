/**
 * Checkpoints of full size to measure with, made on the fly.
 *
 * @module
 */
import { fromFileUrl, join } from "../src/std.ts";

/** Shapes there are scripts for. */
export type FullSize = HubertSize | "w2v-bert";

/** Shapes that one script makes together. */
type HubertSize = "base" | "base-layer" | "large" | "wav2vec2";

const scriptPath = (name: string) =>
  fromFileUrl(new URL(`../tests/golden/${name}`, import.meta.url));

/** The Python to run scripts with: `HUBCAP_PYTHON`, which needs torch and transformers. */
export function pythonPath(): string {
  return Deno.env.get("HUBCAP_PYTHON") ?? "python3";
}

/** Makes checkpoints with seeded random weights, their inputs and expected outputs. */
export async function makeFullSize(folder: string, names: readonly HubertSize[]): Promise<void> {
  await runScript("full_size.py", [folder, ...names]);
}

async function runScript(name: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(pythonPath(), {
    args: [scriptPath(name), ...args],
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
  if (isThere !== undefined) return folder;
  if (name === "w2v-bert") await runScript("full_size_bert.py", [folder]);
  else await makeFullSize(root, [name]);
  return folder;
}
