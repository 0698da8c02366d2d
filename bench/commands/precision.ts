/**
 * What each precision costs and gives: bytes of weights, speed, distance of the logits.
 *
 * @module
 */
import { loadModel } from "../../src/load_model.ts";
import { type Dtype, DTYPES } from "../../src/model/precision.ts";
import { openBackend, type OpenedBackend } from "../../src/runtime/select.ts";
import type { SpeechModel } from "../../src/speech_model.ts";
import type { Tensor } from "../../src/tensor.ts";
import type { BenchRun, BenchSpec } from "../bench_command.ts";
import {
  MODEL_OPTIONS,
  modelSource,
  type ModelValues,
  ROUNDS_OPTION,
  SHAPE_OPTION,
  systemsOf,
  threadOptions,
} from "../model_options.ts";
import { countsOf, runsOf } from "../record.ts";
import { makeWaveforms } from "../signal.ts";
import { timed } from "../steady_windows.ts";
import { SECONDS_OPTION } from "./latency.ts";

type Values = ModelValues & { seconds?: number; rounds?: number };

/** The benchmark. */
export const precisionBench: BenchSpec<Values> = {
  name: "precision",
  summary: "What does each precision cost and give?",
  options: [
    ...MODEL_OPTIONS.filter(({ name }) => name !== "dtype"),
    SHAPE_OPTION,
    { ...SECONDS_OPTION, description: "length of the input", default: "5" },
    ROUNDS_OPTION,
  ],
  notes: `Every precision that a backend computes in, in turns, against float32 on the same backend.
Random weights have no confident tokens: for what a precision does to the text, measure accuracy.

Example:
  hubcap bench precision --backend cpu,wasm --shape base`,
  plots: [{ title: "Speed against float32", y: ["speed"], yTitle: "×" }],
  measure,
};

interface Loaded {
  readonly dtype: Dtype;
  readonly model: SpeechModel<"ctc">;
  readonly weightBytes: number;
  readonly logits: Tensor;
  readonly times: number[];
}

async function measure(values: Values, run: BenchRun): Promise<void> {
  const { seconds = 5, rounds = 5 } = values;
  const inputValues = makeWaveforms(1, seconds);
  const backends = systemsOf(values);
  await using made = await modelSource(values);
  for (const [i, { backend: name }] of backends.entries()) {
    run.progress(i / backends.length, name);
    await using stack = new AsyncDisposableStack();
    const opened = await openBackend(name, { ...threadOptions(values), signal: run.signal });
    stack.use(opened.backend);
    const loaded: Loaded[] = [];
    for (const dtype of DTYPES) {
      if (dtype === "float16" && !opened.backend.hasFloat16) {
        run.say(`SKIPPED ${name} float16: the device does not compute in it`);
        continue;
      }
      const one = await load(made.source, { opened, dtype, inputValues });
      stack.use(one.model);
      loaded.push(one);
    }
    for (let round = 0; round < rounds; round++) {
      run.progress((i + round / rounds) / backends.length, name);
      for (const { model, times } of loaded) {
        times.push(await timed(() => model.forward({ inputValues })));
      }
    }
    for (const one of loaded) {
      await run.record({
        case: { backend: name, dtype: one.dtype },
        device: opened.report.reason,
        measures: measuresOf(one, loaded[0]!),
      });
    }
  }
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

function measuresOf({ weightBytes, times, logits }: Loaded, reference: Loaded) {
  const { largest, mean, same } = compareLogits(logits, reference.logits);
  return {
    weights: runsOf([weightBytes / 1e6], "MB"),
    time: runsOf(times, "ms"),
    speed: runsOf(times.map((ms, round) => reference.times[round]! / ms), "×", "higher"),
    "max difference": runsOf([largest], ""),
    "mean difference": runsOf([mean], ""),
    "same best token": countsOf([same], "%", "higher"),
  };
}

/** Distance of logits [B, T, V] to those of float32. */
function compareLogits(actual: Tensor, reference: Tensor) {
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
    same: [sameCount, frameCount] as const,
  };
}
