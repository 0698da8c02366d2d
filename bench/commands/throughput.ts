/**
 * How fast whole recordings are computed, beside what one would use instead.
 *
 * @module
 */
import { loadModel } from "../../src/load_model.ts";
import type { SpeechModel } from "../../src/speech_model.ts";
import { join } from "../../src/std.ts";
import { rowsOf, type Tensor } from "../../src/tensor.ts";
import { type BenchRun, type BenchSpec, numbersOf } from "../bench_command.ts";
import {
  MODEL_OPTIONS,
  modelSource,
  type ModelValues,
  ROUNDS_OPTION,
  SHAPE_OPTION,
  systemsOf,
} from "../model_options.ts";
import type { Peer } from "../peer.ts";
import { MODEL_PEERS, startPeers } from "../peers.ts";
import { type Measures, runsOf } from "../record.ts";
import { makeWaveforms } from "../signal.ts";

type Values = ModelValues & {
  seconds?: string;
  batch?: string;
  rounds?: number;
  peers?: boolean;
};

/** The benchmark. */
export const throughputBench: BenchSpec<Values> = {
  name: "throughput",
  summary: "How fast are whole recordings computed, beside what one would use instead?",
  options: [
    ...MODEL_OPTIONS,
    SHAPE_OPTION,
    {
      name: "seconds",
      description: "lengths of the inputs",
      value: { kind: "text", name: "list" },
      default: "10",
    },
    {
      name: "batch",
      description: "rows of an input",
      value: { kind: "text", name: "list" },
      default: "1,4",
    },
    ROUNDS_OPTION,
    {
      name: "peers",
      description: "beside PyTorch, transformers.js and onnxruntime-node, as far as they are there",
      value: { kind: "flag" },
    },
  ],
  notes: `All systems run in turns, with the same weights, inputs and number of threads, after one
run of each that does not count. A ratio above 1 says that we are faster than that peer.

Examples:
  hubcap bench throughput --backend cpu,wasm --dtype float32,int8
  HUBCAP_PYTHON=venv/bin/python hubcap bench throughput --shape base --peers`,
  plots: [{ title: "Real-time factor, offline", y: ["RTF"], yTitle: "computing ÷ audio" }],
  measure,
};

/** A system under measurement. */
interface Runner {
  readonly name: string;
  readonly device: string;
  readonly isPeer: boolean;
  /** Runs once. Result: milliseconds, and the logits when asked for. */
  run(input: Input, wantsLogits: boolean): Promise<{ ms: number; logits?: Float32Array }>;
}

interface Input {
  readonly tensor: Tensor<Float32Array<ArrayBuffer>>; // [B, S], or [B, T, F] of features
  readonly path: string;
}

async function measure(values: Values, run: BenchRun): Promise<void> {
  const shapes = numbersOf(values.batch ?? "1,4", "batch").flatMap((batch) =>
    numbersOf(values.seconds ?? "10", "seconds").map((seconds) => ({ batch, seconds }))
  );
  await using stack = new AsyncDisposableStack();
  const { source } = stack.use(await modelSource(values));
  const scratch = await Deno.makeTempDir({ prefix: "hubcap-bench-" });
  stack.defer(() => Deno.remove(scratch, { recursive: true }));
  const { runners, inputOf } = await openRunners(source, { values, run, scratch, stack });
  for (const [i, shape] of shapes.entries()) {
    const tensor = inputOf(shape.batch, shape.seconds);
    const path = join(scratch, "input.f32");
    await Deno.writeFile(path, new Uint8Array(tensor.data.buffer));
    const { times, logits } = await measureInput(runners, { tensor, path }, {
      rounds: values.rounds ?? 5,
      onPart: (part) =>
        run.progress((i + part) / shapes.length, `${shape.seconds} s × ${shape.batch}`),
    });
    for (const [k, { name, device }] of runners.entries()) {
      await run.record({
        case: { ...shape, system: name },
        device,
        measures: measuresOf(k, { runners, times, logits, ...shape }),
      });
    }
  }
}

async function openRunners(source: string, { values, run, scratch, stack }: {
  values: Values;
  run: BenchRun;
  scratch: string;
  stack: AsyncDisposableStack;
}): Promise<{ runners: readonly Runner[]; inputOf: InputMaker }> {
  const { threads: threadCount = navigator.hardwareConcurrency } = values;
  const models: SpeechModel<"ctc">[] = [];
  const runners: Runner[] = [];
  for (const { backend, dtype } of systemsOf(values)) {
    run.progress(0, `loading ${backend} ${dtype}`);
    const model = await loadModel(source, { task: "ctc", backend, dtype, threadCount });
    models.push(stack.use(model));
    runners.push(ours(model, `${backend} ${dtype}`));
  }
  const inputOf = inputMaker(models[0]!);
  if (!values.peers) return { runners, inputOf };
  run.progress(0, "starting peers");
  const context = { folder: source, threadCount, scratch };
  const options = { context, say: run.say, stack, probe: inputOf(1, 1) };
  const peers = await startPeers(MODEL_PEERS, options);
  for (const { name, peer } of peers) runners.push(theirs(name, peer, scratch));
  return { runners, inputOf };
}

/** Makes an input of so many rows and seconds. */
type InputMaker = (batch: number, seconds: number) => Tensor<Float32Array<ArrayBuffer>>;

/** Samples as they are, or the features that a model takes instead: these are not measured. */
function inputMaker(model: SpeechModel): InputMaker {
  if (model.config.model_type !== "wav2vec2-bert") return makeWaveforms;
  return (batch, seconds) => {
    const waveforms = rowsOf(makeWaveforms(batch, seconds)).map(({ data }) => data);
    const { data, shape } = model.prepare(waveforms).inputFeatures!;
    return { data: new Float32Array(data), shape };
  };
}

function ours(model: SpeechModel<"ctc">, name: string): Runner {
  return {
    name,
    device: model.selection.reason,
    isPeer: false,
    async run({ tensor }, wantsLogits) {
      const startMs = performance.now();
      const input = tensor.shape.length === 3 ? { inputFeatures: tensor } : { inputValues: tensor };
      const { logits } = await model.forward(input);
      const ms = performance.now() - startMs;
      return wantsLogits ? { ms, logits: logits.data } : { ms };
    },
  };
}

function theirs(name: string, peer: Peer, scratch: string): Runner {
  const output = join(scratch, "logits.f32");
  return {
    name,
    device: JSON.stringify(peer.facts),
    isPeer: true,
    async run({ tensor: { shape }, path }, wantsLogits) {
      const { ms } = await peer.run({ input: path, shape, ...(wantsLogits ? { output } : {}) });
      if (!wantsLogits) return { ms };
      return { ms, logits: new Float32Array((await Deno.readFile(output)).buffer) };
    },
  };
}

/** Measures all systems in turns, so that other load on the machine hits all alike. */
async function measureInput(
  runners: readonly Runner[],
  input: Input,
  { rounds, onPart }: { rounds: number; onPart: (part: number) => void },
): Promise<{ times: number[][]; logits: Float32Array[] }> {
  const logits: Float32Array[] = [];
  for (const runner of runners) logits.push((await runner.run(input, true)).logits!);
  const times: number[][] = runners.map(() => []);
  for (let round = 0; round < rounds; round++) {
    onPart(round / rounds);
    for (const [k, runner] of runners.entries()) {
      times[k]!.push((await runner.run(input, false)).ms);
    }
  }
  return { times, logits };
}

function measuresOf(index: number, { runners, times, logits, batch, seconds }: {
  runners: readonly Runner[];
  times: readonly number[][];
  logits: readonly Float32Array[];
  batch: number;
  seconds: number;
}): Measures {
  const own = times[index]!;
  const ratios = runners.flatMap(({ name, isPeer }, k) => {
    if (!isPeer || runners[index]!.isPeer) return [];
    const ratio = runsOf(times[k]!.map((ms, round) => ms / own[round]!), "×", "higher");
    return [[`${name} ÷ ours`, ratio] as const];
  });
  return {
    time: runsOf(own, "ms"),
    RTF: runsOf(own.map((ms) => ms / 1000 / (batch * seconds)), ""),
    ...Object.fromEntries(ratios),
    "max difference": runsOf([largestDifference(logits[index]!, logits[0]!)], "", "neither"),
  };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}
