// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * Offline throughput: seconds of computing per second of audio, ours beside
 * transformers on PyTorch, in turns, with the same weights and threads.
 *
 * `deno task bench --help` lists the options.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { loadModel } from "../src/load_model.ts";
import type { Dtype } from "../src/model/precision.ts";
import type { BackendName } from "../src/runtime/backend.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import { join } from "../src/std.ts";
import type { Tensor } from "../src/tensor.ts";
import { fullSizeFolder } from "./checkpoint.ts";
import { machineFacts } from "./machine.ts";
import { type Peer, startPeer } from "./peer.ts";
import { makeWaveforms } from "./signal.ts";
import { summarize, type Summary } from "./statistics.ts";

const HELP = `deno task bench [options]
  --model FOLDER     checkpoint (default: hubert-base with random weights, made on the fly)
  --backend LIST     cpu, wasm, webgpu (default: cpu)
  --dtype LIST       float32, int8, int4, float16 (default: float32)
  --seconds LIST     lengths of the inputs (default: 10,30)
  --batch LIST       rows (default: 1,4)
  --threads N        of both systems (default: all cores)
  --rounds N         measurements of each (default: 5)
  --no-peers         ours alone
  --json FILE        also append every result as a JSON line`;

interface Settings {
  readonly folder: string;
  readonly systems: readonly { backend: BackendName; dtype: Dtype }[];
  readonly seconds: readonly number[];
  readonly batches: readonly number[];
  readonly threadCount: number;
  readonly roundCount: number;
  readonly hasPeers: boolean;
  readonly jsonPath: string | undefined;
  readonly scratch: string;
}

/** A system under measurement. */
interface Runner {
  readonly name: string;
  readonly facts: Readonly<Record<string, unknown>>;
  /** Runs once. Result: milliseconds, and the logits when asked for. */
  run(input: Input, wantsLogits: boolean): Promise<{ ms: number; logits?: Float32Array }>;
}

interface Input {
  readonly tensor: Tensor<Float32Array<ArrayBuffer>>; // [B, S]
  readonly path: string;
}

interface Result {
  readonly name: string;
  readonly seconds: number;
  readonly batch: number;
  readonly ms: Summary;
  /** Seconds of computing per second of audio. */
  readonly rtf: number;
  /** Theirs ÷ ours: more than 1 is faster than the peer. */
  readonly ratio: number | undefined;
  readonly bestRatio: number | undefined;
  /** Largest difference of a logit to the peer's. */
  readonly difference: number | undefined;
}

function ours(model: SpeechModel<"ctc">, name: string): Runner {
  return {
    name,
    facts: { system: name, device: model.selection.chosen },
    async run({ tensor }, wantsLogits) {
      const startMs = performance.now();
      const { logits } = await model.forward({ inputValues: tensor });
      const ms = performance.now() - startMs;
      return wantsLogits ? { ms, logits: logits.data } : { ms };
    },
  };
}

function theirs(peer: Peer, scratch: string): Runner {
  const output = join(scratch, "logits.f32");
  return {
    name: "PyTorch",
    facts: peer.facts,
    async run({ tensor: { shape }, path }, wantsLogits) {
      const ms = await peer.run({ input: path, shape, ...(wantsLogits ? { output } : {}) });
      if (!wantsLogits) return { ms };
      return { ms, logits: new Float32Array((await Deno.readFile(output)).buffer) };
    },
  };
}

async function makeInput(scratch: string, batch: number, seconds: number): Promise<Input> {
  const tensor = makeWaveforms(batch, seconds);
  const path = join(scratch, `${batch}x${seconds}.f32`);
  await Deno.writeFile(path, new Uint8Array(tensor.data.buffer));
  return { tensor, path };
}

/** Measures all systems in turns, so that other load on the machine hits all alike. */
async function measure(
  runners: readonly Runner[],
  input: Input,
  roundCount: number,
): Promise<{ times: number[][]; differences: (number | undefined)[] }> {
  const logits: (Float32Array | undefined)[] = [];
  for (const runner of runners) logits.push((await runner.run(input, true)).logits);
  const times: number[][] = runners.map(() => []);
  for (let round = 0; round < roundCount; round++) {
    for (const [i, runner] of runners.entries()) {
      times[i]!.push((await runner.run(input, false)).ms);
    }
  }
  const reference = runners.findIndex(({ name }) => name === "PyTorch");
  const differences = logits.map((values, i) =>
    reference < 0 || i === reference ? undefined : largestDifference(values!, logits[reference]!)
  );
  return { times, differences };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

async function measureShape(
  runners: readonly Runner[],
  settings: Settings,
  { seconds, batch }: { seconds: number; batch: number },
): Promise<Result[]> {
  const input = await makeInput(settings.scratch, batch, seconds);
  const { times, differences } = await measure(runners, input, settings.roundCount);
  const summaries = times.map(summarize);
  const peer = summaries[runners.findIndex(({ name }) => name === "PyTorch")];
  return runners.map(({ name }, i) => {
    const ms = summaries[i]!;
    const isOurs = peer !== undefined && ms !== peer;
    return {
      ...{ name, seconds, batch, ms },
      rtf: ms.median / 1000 / (seconds * batch),
      ratio: isOurs ? peer.median / ms.median : undefined,
      bestRatio: isOurs ? peer.best / ms.best : undefined,
      difference: differences[i],
    };
  });
}

function row(result: Result): string {
  const { name, seconds, batch, ms, rtf, ratio, bestRatio, difference } = result;
  return [
    name.padEnd(16),
    `${seconds} s × ${batch}`.padStart(9),
    rtf.toFixed(4).padStart(8),
    ms.median.toFixed(0).padStart(8),
    ms.best.toFixed(0).padStart(8),
    `${(ms.spread * 100).toFixed(0)} %`.padStart(7),
    (ratio?.toFixed(2) ?? "").padStart(7),
    (bestRatio?.toFixed(2) ?? "").padStart(9),
    (difference?.toExponential(1) ?? "").padStart(9),
  ].join("  ");
}

const HEADER = [
  "system".padEnd(16),
  "input".padStart(9),
  "RTF".padStart(8),
  "ms".padStart(8),
  "best ms".padStart(8),
  "spread".padStart(7),
  "ratio".padStart(7),
  "of bests".padStart(9),
  "max |Δ|".padStart(9),
].join("  ");

async function startTorch({ folder, threadCount, hasPeers }: Settings): Promise<Peer | undefined> {
  if (!hasPeers) return undefined;
  try {
    return await startPeer("pytorch.py", [folder, String(threadCount)]);
  } catch (error) {
    console.log(
      `SKIPPED transformers on PyTorch: ${
        (error as Error).message
      }. Install: pip install torch transformers, and set HUBCAP_PYTHON`,
    );
    return undefined;
  }
}

async function run(settings: Settings): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const peer = await startTorch(settings);
  if (peer) stack.use(peer);
  const runners: Runner[] = peer ? [theirs(peer, settings.scratch)] : [];
  for (const { backend, dtype } of settings.systems) {
    const { folder: source, threadCount } = settings;
    const model = await loadModel(source, { task: "ctc", backend, dtype, threadCount });
    runners.push(ours(stack.use(model), `${backend} ${dtype}`));
  }
  const machine = await machineFacts();
  console.log(JSON.stringify(machine));
  for (const { facts } of runners) console.log(JSON.stringify(facts));
  console.log(
    `${settings.threadCount} threads, ${settings.roundCount} rounds in turns\n\n${HEADER}`,
  );
  for (const batch of settings.batches) {
    for (const seconds of settings.seconds) {
      for (const result of await measureShape(runners, settings, { seconds, batch })) {
        console.log(row(result));
        await appendJson(settings.jsonPath, {
          ...result,
          bench: "throughput",
          threadCount: settings.threadCount,
          machine,
          peer: peer?.facts,
        });
      }
    }
  }
}

async function appendJson(path: string | undefined, record: unknown): Promise<void> {
  if (path === undefined) return;
  await Deno.writeTextFile(path, `${JSON.stringify(record)}\n`, { append: true });
}

const numbers = (list: string) => list.split(",").map(Number);

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      "model": { type: "string" },
      "backend": { type: "string", default: "cpu" },
      "dtype": { type: "string", default: "float32" },
      "seconds": { type: "string", default: "10,30" },
      "batch": { type: "string", default: "1,4" },
      "threads": { type: "string", default: String(navigator.hardwareConcurrency) },
      "rounds": { type: "string", default: "5" },
      "no-peers": { type: "boolean", default: false },
      "json": { type: "string" },
      "help": { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const scratch = await Deno.makeTempDir({ prefix: "hubcap-bench-" });
  try {
    const dtypes = values.dtype.split(",") as Dtype[];
    const backends = values.backend.split(",") as BackendName[];
    await run({
      folder: values.model ?? await fullSizeFolder(scratch, "base"),
      systems: backends.flatMap((backend) => dtypes.map((dtype) => ({ backend, dtype }))),
      seconds: numbers(values.seconds),
      batches: numbers(values.batch),
      threadCount: Number(values.threads),
      roundCount: Number(values.rounds),
      hasPeers: !values["no-peers"],
      jsonPath: values.json,
      scratch,
    });
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

if (import.meta.main) await main();
