// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * What batches are worth: windows of several streams in one run beside one run for
 * each, in turns.
 *
 * `deno run -A bench/batching.ts --help` lists the options.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { loadModel } from "../src/load_model.ts";
import type { BackendName } from "../src/runtime/backend.ts";
import { type EncodeJob, WindowEncoder } from "../src/window_encoder.ts";
import { machineFacts } from "./machine.ts";
import { summarize } from "./statistics.ts";

const HELP = `deno run -A bench/batching.ts --model FOLDER [options]
  --model FOLDER   checkpoint
  --backend NAME   cpu, wasm, webgpu (default: cpu)
  --window MS      (default: 7000)
  --hop MS         new audio in each window (default: 400)
  --streams LIST   windows in a batch (default: 2,4,8)
  --rounds N       (default: 5)
  --cache          front-end frames are kept (feat_extract_norm layer, running normalization)`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      "model": { type: "string" },
      "backend": { type: "string", default: "cpu" },
      "window": { type: "string", default: "7000" },
      "hop": { type: "string", default: "400" },
      "streams": { type: "string", default: "2,4,8" },
      "rounds": { type: "string", default: "5" },
      "cache": { type: "boolean", default: false },
      "help": { type: "boolean", default: false },
    },
  });
  if (values.help || values.model === undefined) return console.log(HELP);
  const backend = values.backend as BackendName;
  await using model = await loadModel(values.model, { task: "ctc", backend, parts: [] });
  const encoder = new WindowEncoder(model, {
    isShared: true,
    ...(values.cache ? { normalization: "running", frontEndCache: true } : {}),
  });
  const { geometry, sampleRateHz } = model;
  const frameCount = geometry.frameCount(Number(values.window) * sampleRateHz / 1000);
  const hopFrames = geometry.frameCount(Number(values.hop) * sampleRateHz / 1000);
  const samples = Float32Array.from(
    { length: geometry.sampleCount(frameCount + hopFrames) },
    (_, i) => 0.1 * Math.sin(i * i / 9000),
  );
  const jobAt = (startFrame: number, memory = encoder.open()): EncodeJob => {
    const endFrame = startFrame + frameCount;
    const startSample = startFrame * geometry.strideSamples;
    const endSample = startSample + geometry.sampleCount(frameCount);
    const frames = { startFrame, endFrame, commitStartFrame: startFrame, commitEndFrame: endFrame };
    const window = { ...frames, startSample, endSample, completes: "nothing" as const };
    return { window, samples: samples.subarray(startSample, endSample), memory };
  };
  console.log(JSON.stringify({ ...await machineFacts(), model: values.model, backend }));
  console.log("\n| streams | one run each, ms a window | one run, ms a window | ratio |");
  console.log("| ---: | ---: | ---: | ---: |");
  const memory = (await encoder.encode([jobAt(0)]))[0]!.memory;
  for (const count of values.streams.split(",").map(Number)) {
    const jobs = Array.from({ length: count }, () => jobAt(hopFrames, memory));
    const [each, together]: [number[], number[]] = [[], []];
    await encoder.encode(jobs);
    for (let round = 0; round < Number(values.rounds); round++) {
      let startMs = performance.now();
      for (const job of jobs) await encoder.encode([job]);
      each.push((performance.now() - startMs) / count);
      startMs = performance.now();
      await encoder.encode(jobs);
      together.push((performance.now() - startMs) / count);
    }
    const [a, b] = [summarize(each), summarize(together)];
    const ratio = `${(a.median / b.median).toFixed(2)} (of bests ${(a.best / b.best).toFixed(2)})`;
    console.log(`| ${count} | ${a.median.toFixed(0)} | ${b.median.toFixed(0)} | ${ratio} |`);
  }
}

if (import.meta.main) await main();
