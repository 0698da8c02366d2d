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
import { summarize, type Summary } from "./statistics.ts";

const HELP = `deno run -A bench/batching.ts --model FOLDER [options]
  --model FOLDER   checkpoint
  --backend NAME   cpu, wasm, webgpu (default: cpu)
  --window MS      (default: 7000)
  --hop MS         new audio in each window (default: 400)
  --streams LIST   windows in a batch (default: 2,4,8)
  --rounds N       (default: 5)
  --cache          front-end frames are kept (feat_extract_norm layer, running normalization), and
                   the same runs without that beside them`;

/** A median, ms, and by how much it is more than another one. */
function compare(times: readonly number[], other: Summary): [string, string] {
  const { median, best } = summarize(times);
  const ratio = (median / other.median).toFixed(2);
  return [median.toFixed(0), `${ratio} (of bests ${(best / other.best).toFixed(2)})`];
}

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
  const encoderOf = (frontEndCache: boolean) =>
    new WindowEncoder(model, { isShared: true, normalization: "running", frontEndCache });
  const encoder = encoderOf(values.cache);
  const uncached = values.cache ? encoderOf(false) : undefined;
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
  console.log(
    "\n| streams | one run each, ms a window | one run | ratio | without cache | ratio |",
  );
  console.log("| ---: | ---: | ---: | ---: | ---: | ---: |");
  const memory = (await encoder.encode([jobAt(0)]))[0]!.memory;
  for (const count of values.streams.split(",").map(Number)) {
    const jobs = Array.from({ length: count }, () => jobAt(hopFrames, memory));
    const times: Record<"each" | "together" | "uncached", number[]> = {
      ...{ each: [], together: [], uncached: [] },
    };
    const take = async (name: keyof typeof times, work: () => Promise<unknown>) => {
      const startMs = performance.now();
      await work();
      times[name].push((performance.now() - startMs) / count);
    };
    await encoder.encode(jobs);
    await uncached?.encode(jobs);
    for (let round = 0; round < Number(values.rounds); round++) {
      await take("each", async () => {
        for (const job of jobs) await encoder.encode([job]);
      });
      await take("together", () => encoder.encode(jobs));
      if (uncached) await take("uncached", () => uncached.encode(jobs));
    }
    const together = summarize(times.together);
    const [each, ratio] = compare(times.each, together);
    const cells = [`${count}`, each, together.median.toFixed(0), ratio];
    if (uncached) cells.push(...compare(times.uncached, together));
    console.log(`| ${cells.join(" | ")} |`);
  }
}

if (import.meta.main) await main();
