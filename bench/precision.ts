// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * What each `dtype` costs and gives: bytes of weights, speed, distance of the
 * logits to float32, on every backend asked for.
 *
 * `deno run -A bench/precision.ts [--model FOLDER] [--backend cpu,wasm] [--seconds 5] [--rounds 5]`
 *
 * @module
 */
import { parseArgs } from "node:util";
import { loadModel } from "../src/load_model.ts";
import { type Dtype, DTYPES } from "../src/model/precision.ts";
import type { BackendName } from "../src/runtime/backend.ts";
import { openBackend, type OpenedBackend } from "../src/runtime/select.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import type { Tensor } from "../src/tensor.ts";
import { fullSizeFolder } from "./checkpoint.ts";
import { machineFacts } from "./machine.ts";
import { makeWaveforms } from "./signal.ts";
import { summarize } from "./statistics.ts";

interface Loaded {
  readonly dtype: Dtype;
  readonly model: SpeechModel<"ctc">;
  readonly weightBytes: number;
  readonly logits: Tensor;
  readonly times: number[];
}

/** Loads a model and notes how many bytes of weights go to the backend. */
async function load(
  source: string,
  { opened, dtype, inputValues }: { opened: OpenedBackend; dtype: Dtype; inputValues: Tensor },
): Promise<Loaded> {
  let weightBytes = 0;
  const { backend } = opened;
  const counting = new Proxy(backend, {
    get(target, name) {
      if (name !== "load") return Reflect.get(target, name, target);
      return async (...[graph, options]: Parameters<typeof backend.load>) => {
        weightBytes += await byteLengthOf(graph);
        return await target.load(graph, options);
      };
    },
  });
  const model = await loadModel(source, {
    task: "ctc",
    backend: { ...opened, backend: counting },
    dtype,
  });
  const { logits } = await model.forward({ inputValues });
  return { dtype, model, weightBytes, logits, times: [] };
}

async function byteLengthOf(
  source: Parameters<OpenedBackend["backend"]["load"]>[0],
): Promise<number> {
  if (source.kind === "bytes") return source.model.byteLength;
  const sizes = source.externalDataPaths.map(async (path) => (await Deno.stat(path)).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Distance of logits [B, T, V] to those of float32. */
function compare(actual: Tensor, reference: Tensor) {
  const size = reference.shape.at(-1)!;
  const distances = reference.data.map((value, i) => Math.abs(value - actual.data[i]!));
  const frameCount = reference.data.length / size;
  const best = ({ data }: Tensor, frame: number) => {
    const scores = data.subarray(frame * size, (frame + 1) * size);
    return scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
  };
  let sameCount = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    if (best(actual, frame) === best(reference, frame)) sameCount++;
  }
  return {
    largest: distances.reduce((a, b) => Math.max(a, b)),
    mean: distances.reduce((a, b) => a + b) / distances.length,
    sameBest: sameCount / frameCount,
  };
}

async function measureBackend(
  source: string,
  { name, inputValues, roundCount }: { name: BackendName; inputValues: Tensor; roundCount: number },
): Promise<void> {
  const opened = await openBackend(name);
  await using stack = new AsyncDisposableStack();
  stack.use(opened.backend);
  const models: Loaded[] = [];
  for (const dtype of DTYPES) {
    if (dtype === "float16" && !opened.backend.hasFloat16) {
      console.log(`${name.padEnd(7)}float16   SKIPPED: the device does not compute in it`);
      continue;
    }
    const loaded = await load(source, { opened, dtype, inputValues });
    stack.use(loaded.model);
    models.push(loaded);
  }
  for (let round = 0; round < roundCount; round++) {
    for (const { model, times } of models) {
      const startMs = performance.now();
      await model.forward({ inputValues });
      times.push(performance.now() - startMs);
    }
  }
  const reference = models[0]!;
  const referenceTime = summarize(reference.times);
  for (const { dtype, weightBytes, logits, times } of models) {
    const { median, best, spread } = summarize(times);
    const { largest, mean, sameBest } = compare(logits, reference.logits);
    console.log([
      name.padEnd(7) + dtype.padEnd(8),
      `${(weightBytes / 1e6).toFixed(0)} MB`.padStart(7),
      `${median.toFixed(0)} ms`.padStart(8),
      `${(spread * 100).toFixed(0)} %`.padStart(5),
      `${(referenceTime.median / median).toFixed(2)}×`.padStart(6),
      `${(referenceTime.best / best).toFixed(2)}×`.padStart(6),
      `max ${largest.toExponential(1)}`,
      `mean ${mean.toExponential(1)}`,
      `same best ${(sameBest * 100).toFixed(1)} %`,
    ].join("  "));
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      "model": { type: "string" },
      "backend": { type: "string", default: "cpu,wasm" },
      "seconds": { type: "string", default: "5" },
      "rounds": { type: "string", default: "5" },
    },
  });
  const scratch = await Deno.makeTempDir({ prefix: "hubcap-bench-" });
  try {
    const source = values.model ?? await fullSizeFolder(scratch, "base");
    const inputValues = makeWaveforms(1, Number(values.seconds));
    console.log(JSON.stringify(await machineFacts()));
    for (const name of values.backend.split(",") as BackendName[]) {
      await measureBackend(source, { name, inputValues, roundCount: Number(values.rounds) });
    }
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

if (import.meta.main) await main();
