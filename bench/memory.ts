// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * Peak memory of loading a checkpoint and running it for a second, as a
 * multiple of the checkpoint's size. Each backend in a process of its own; Linux only.
 *
 * `deno run -A bench/memory.ts [--model FOLDER] [--backend cpu,wasm,webgpu] [--dtype float32]`
 *
 * @module
 */
import { parseArgs } from "node:util";
import { loadModel } from "../src/load_model.ts";
import type { Dtype } from "../src/model/precision.ts";
import type { BackendName } from "../src/runtime/backend.ts";
import { fromFileUrl, join } from "../src/std.ts";
import { fullSizeFolder } from "./checkpoint.ts";
import { machineFacts } from "./machine.ts";
import { makeWaveforms } from "./signal.ts";

interface Peaks {
  readonly startBytes: number;
  readonly loadBytes: number;
  readonly runBytes: number;
}

/** The process's high-water mark of resident memory. */
function peakBytes(): number {
  const kib = Deno.readTextFileSync("/proc/self/status").match(/VmHWM:\s+(\d+) kB/)?.[1];
  return Number(kib) * 1024;
}

async function measureHere(folder: string, backend: BackendName, dtype: Dtype): Promise<Peaks> {
  const startBytes = peakBytes();
  await using model = await loadModel(folder, { task: "ctc", backend, dtype });
  const loadBytes = peakBytes();
  await model.forward({ inputValues: makeWaveforms(1, 1) });
  return { startBytes, loadBytes, runBytes: peakBytes() };
}

async function measureApart(args: readonly string[]): Promise<Peaks> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", fromFileUrl(import.meta.url), "--here", ...args],
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      "model": { type: "string" },
      "backend": { type: "string", default: "cpu,wasm,webgpu" },
      "dtype": { type: "string", default: "float32" },
      "here": { type: "boolean", default: false },
    },
  });
  if (values.here) {
    const { model, backend, dtype } = values;
    const peaks = await measureHere(model!, backend as BackendName, dtype as Dtype);
    return console.log(JSON.stringify(peaks));
  }
  const scratch = await Deno.makeTempDir({ prefix: "hubcap-bench-" });
  try {
    const folder = values.model ?? await fullSizeFolder(scratch, "large");
    const { size } = await Deno.stat(join(folder, "model.safetensors"));
    console.log(JSON.stringify(await machineFacts()));
    console.log(`checkpoint ${(size / 1e6).toFixed(0)} MB`);
    for (const backend of values.backend.split(",")) {
      for (const dtype of values.dtype.split(",")) {
        const peaks = await measureApart([
          "--model",
          folder,
          "--backend",
          backend,
          "--dtype",
          dtype,
        ]);
        const shown = (bytes: number) =>
          `${(bytes / 1e6).toFixed(0)} MB (${(bytes / size).toFixed(2)}×)`;
        const { startBytes, loadBytes, runBytes } = peaks;
        console.log(
          `${backend.padEnd(7)}${dtype.padEnd(8)}  before ${(startBytes / 1e6).toFixed(0)} MB` +
            `  loaded ${shown(loadBytes)}  after a run ${shown(runBytes)}`,
        );
      }
    }
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

if (import.meta.main) await main();
