// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * How long a word takes from its end to the reader, and how often shown words
 * change: audio fed at the speed it is spoken, in frames of 20 ms.
 *
 * `deno run -A bench/latency.ts --help` lists the options.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { readSpeech } from "../src/audio/decode.ts";
import type { Word } from "../src/caption/word.ts";
import { CaptionEngine } from "../src/engine.ts";
import type { Caption } from "../src/event_queue.ts";
import type { BackendName } from "../src/runtime/backend.ts";
import type { CaptionStream, StreamOptions } from "../src/stream.ts";
import { machineFacts } from "./machine.ts";

const HELP = `deno run -A bench/latency.ts --model FOLDER [options] AUDIO...
  --model FOLDER     checkpoint
  --backend NAME     cpu, wasm, webgpu (default: cpu)
  --hop LIST         ms (default: 200,400,600)
  --left MS          (default: the engine's)
  --right MS         (default: the engine's)
  --streams N        speakers at once, the recordings in turns (default: 1)
  --seconds N        of each recording (default: 20)`;

/** A caption and when it came, ms since the stream's first sample. */
interface Seen {
  readonly caption: Caption;
  readonly atMs: number;
}

interface Measured {
  readonly seen: readonly Seen[];
  readonly sampleRateHz: number;
}

const FRAME_MS = 20;

async function feed(stream: CaptionStream, samples: Float32Array, frameSamples: number) {
  const startMs = performance.now();
  for (let at = 0; at < samples.length; at += frameSamples) {
    // a frame is there once its last sample was spoken
    const waitMs = startMs + (at / frameSamples + 1) * FRAME_MS - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    await stream.write(samples.subarray(at, at + frameSamples));
  }
  stream.end();
}

async function measure(
  engine: CaptionEngine,
  samples: Float32Array,
  options: StreamOptions,
): Promise<Measured> {
  const { sampleRateHz } = engine.model;
  await using stream = engine.open(options);
  const startMs = performance.now();
  const feeding = feed(stream, samples, FRAME_MS * sampleRateHz / 1000);
  const seen: Seen[] = [];
  for await (const event of stream) {
    if (event.kind === "caption") seen.push({ caption: event, atMs: performance.now() - startMs });
  }
  await feeding;
  return { seen, sampleRateHz };
}

/** Whether a shown word is the later final one: they share more than half of its time. */
function isSame(shown: Word, final: Word): boolean {
  const start = Math.max(shown.startSample, final.startSample);
  const end = Math.min(shown.endSample, final.endSample);
  return end - start > (final.endSample - final.startSample) / 2;
}

/** Latencies of all words, ms: when a guess at it was first shown, and when it was final. */
function latencies({ seen, sampleRateHz }: Measured): { interim: number[]; final: number[] } {
  const interim: number[] = [];
  const final: number[] = [];
  for (const { caption, atMs } of seen) {
    for (const word of caption.committed) {
      const endMs = 1000 * word.endSample / sampleRateHz;
      const first = seen.find(({ caption: { committed, tentative } }) =>
        [...committed, ...tentative].some((shown) => isSame(shown, word))
      );
      interim.push(first!.atMs - endMs);
      final.push(atMs - endMs);
    }
  }
  return { interim, final };
}

/** Shown words that changed or went, and final words. */
function erasure({ seen }: Measured): { erased: number; finals: number } {
  let [erased, finals] = [0, 0];
  let guess: string[] = [];
  for (const { caption } of seen) {
    const committed = caption.committed.map(({ text }) => text);
    const now = [...committed, ...caption.tentative.map(({ text }) => text)];
    const firstChange = guess.findIndex((text, i) => text !== now[i]);
    if (firstChange >= 0) erased += guess.length - firstChange;
    finals += committed.length;
    guess = now.slice(committed.length);
  }
  return { erased, finals };
}

function quantiles(values: readonly number[]): string[] {
  const sorted = values.toSorted((a, b) => a - b);
  return [0.5, 0.95, 0.99].map((part) => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))];
    return value === undefined ? "–" : value.toFixed(0);
  });
}

function row(hopMs: number, runs: readonly Measured[], busy: number): string {
  const all = runs.map(latencies);
  const counts = runs.map(erasure);
  const sum = (key: "erased" | "finals") => counts.reduce((total, count) => total + count[key], 0);
  const fields = [
    `${hopMs}`,
    ...quantiles(all.flatMap(({ interim }) => interim)),
    ...quantiles(all.flatMap(({ final }) => final)),
    sum("finals") === 0 ? "–" : (sum("erased") / sum("finals")).toFixed(2),
    `${sum("finals")}`,
    `${(100 * busy).toFixed(0)} %`,
  ];
  return `| ${fields.join(" | ")} |`;
}

const HEADER = [
  "| hop, ms | interim p50 | p95 | p99 | final p50 | p95 | p99 | erasure | words | busy |",
  "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
];

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      "model": { type: "string" },
      "backend": { type: "string", default: "cpu" },
      "hop": { type: "string", default: "200,400,600" },
      "left": { type: "string" },
      "right": { type: "string" },
      "streams": { type: "string", default: "1" },
      "seconds": { type: "string", default: "20" },
      "help": { type: "boolean", default: false },
    },
  });
  if (values.help || values.model === undefined || positionals.length === 0) {
    return console.log(HELP);
  }
  const backend = values.backend as BackendName;
  await using engine = await CaptionEngine.load(values.model, { backend });
  const { sampleRateHz } = engine.model;
  const sampleCount = Number(values.seconds) * sampleRateHz;
  const recordings = await Promise.all(
    positionals.map(async (path) =>
      (await readSpeech(path, { sampleRateHz })).slice(0, sampleCount)
    ),
  );
  console.log(JSON.stringify({ ...await machineFacts(), model: values.model, backend }));
  console.log(`\n${HEADER.join("\n")}`);
  for (const hopMs of values.hop.split(",").map(Number)) {
    const options: StreamOptions = {
      hopMs,
      ...(values.left === undefined ? {} : { leftMs: Number(values.left) }),
      ...(values.right === undefined ? {} : { rightMs: Number(values.right) }),
    };
    const [startMs, { runMs }] = [performance.now(), engine.stats];
    const runs = await Promise.all(
      Array.from(
        { length: Number(values.streams) },
        (_, i) => measure(engine, recordings[i % recordings.length]!, options),
      ),
    );
    const busy = (engine.stats.runMs - runMs) / (performance.now() - startMs);
    console.log(row(hopMs, runs, busy));
  }
  const { overload: { entered, shed } } = engine.stats;
  console.log(`\noverload: ${JSON.stringify({ entered, shed })}`);
}

if (import.meta.main) await main();
