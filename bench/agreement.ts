// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * How far windows agree with the whole recording: the part of frames whose
 * likeliest token is the same as offline, against left and right context.
 *
 * `deno run -A bench/agreement.ts --help` lists the options.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { readSpeech } from "../src/audio/decode.ts";
import { greedyDecoder } from "../src/ctc/greedy.ts";
import { loadModel } from "../src/load_model.ts";
import { vocabularyOf } from "../src/model_vocabulary.ts";
import type { BackendName } from "../src/runtime/backend.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import { Track } from "../src/track.ts";
import { WindowEncoder } from "../src/window_encoder.ts";
import { machineFacts } from "./machine.ts";

const HELP = `deno run -A bench/agreement.ts --model FOLDER [options] AUDIO...
  --model FOLDER         checkpoint
  --backend NAME         cpu, wasm, webgpu (default: cpu)
  --left LIST            ms (default: 1000,2000,4000,6000,8000)
  --right LIST           ms (default: 0,200,400,600,1000)
  --hop MS               (default: 400)
  --normalization LIST   window, running (default: window)
  --seconds N            of each recording (default: 20)
  --svg FILE             also draw it`;

interface Cell {
  readonly normalization: "window" | "running";
  readonly leftMs: number;
  readonly rightMs: number;
  /** Frames with the same likeliest token, as a part of all. */
  readonly all: number;
  /** The same among frames that are not blank in both. */
  readonly spoken: number;
}

type Context = Pick<Cell, "normalization" | "leftMs" | "rightMs">;

/** Likeliest token of each frame. // [T, V] → [T] */
function likeliest(scores: Float32Array, vocabularySize: number): number[] {
  return Array.from({ length: scores.length / vocabularySize }, (_, frame) => {
    const row = scores.subarray(frame * vocabularySize, (frame + 1) * vocabularySize);
    return row.reduce((best, score, id) => score > row[best]! ? id : best, 0);
  });
}

async function offline(model: SpeechModel<"ctc">, samples: Float32Array): Promise<number[]> {
  const inputs = model.prepare([samples], { returnAttentionMask: false, padToMultipleOf: 1 });
  const { logits } = await model.forward(inputs);
  return likeliest(logits.data, logits.shape[2]!);
}

async function streamed(
  model: SpeechModel<"ctc">,
  samples: Float32Array,
  { normalization, hopMs, ...context }: Context & { hopMs: number },
): Promise<number[]> {
  const { geometry, sampleRateHz } = model;
  const vocabulary = vocabularyOf(model);
  const track = new Track({ geometry, vocabulary, decoder: greedyDecoder(vocabulary) }, {
    ...context,
    ...{ hopMs, sampleRateHz, catchUp: false, backlogMs: 1000 * samples.length / sampleRateHz },
    maxWindowMs: context.leftMs + hopMs + context.rightMs + 1000,
  });
  const encoder = new WindowEncoder(model, { normalization });
  let memory = encoder.open();
  track.push(samples);
  track.end();
  const ids: number[] = [];
  for (let plan = track.plan(); plan.kind === "window"; plan = track.plan()) {
    const { window } = plan;
    const [encoded] = await encoder.encode([{ window, samples: track.read(window), memory }]);
    memory = encoded!.memory;
    const { emissions } = track.accept(window, encoded!.logits, encoded!.vocabularySize);
    ids.push(...likeliest(emissions.logProbs, emissions.vocabularySize));
  }
  return ids;
}

function compare(
  pairs: readonly (readonly [streamed: readonly number[], offline: readonly number[]])[],
  blankId: number,
): Pick<Cell, "all" | "spoken"> {
  const frames = pairs.flatMap(([a, b]) => a.map((id, i) => [id, b[i]!] as const));
  const agreement = (some: typeof frames) => some.filter(([a, b]) => a === b).length / some.length;
  const spoken = frames.filter(([a, b]) => a !== blankId || b !== blankId);
  return { all: agreement(frames), spoken: spoken.length === 0 ? 1 : agreement(spoken) };
}

const percent = (part: number) => `${(100 * part).toFixed(1)} %`;

function table(
  cells: readonly Cell[],
  lefts: readonly number[],
  rights: readonly number[],
): string {
  const row = (fields: readonly string[]) => `| ${fields.join(" | ")} |`;
  return [
    row(["left \\ right", ...rights.map((ms) => `${ms} ms`)]),
    row(["---", ...rights.map(() => "---:")]),
    ...lefts.map((leftMs) => {
      const ofLeft = cells.filter((cell) => cell.leftMs === leftMs);
      return row([
        `${leftMs} ms`,
        ...ofLeft.map(({ all, spoken }) => `${percent(all)} (${percent(spoken)})`),
      ]);
    }),
  ].join("\n");
}

const COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb"];

/** Agreement of spoken frames against right context, a line for each left context. */
function plot(cells: readonly Cell[], title: string): string {
  const rights = [...new Set(cells.map(({ rightMs }) => rightMs))];
  const lowest = Math.min(...cells.map(({ spoken }) => spoken));
  const x = (ms: number) => 60 + 440 * ms / Math.max(1, ...rights);
  const y = (part: number) => 40 + 240 * (1 - part) / Math.max(0.01, 1 - lowest);
  const text = (at: [number, number], content: string, more = "") =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" ${more}>${content}</text>`;
  const lines = [...Map.groupBy(cells, ({ leftMs }) => leftMs)].flatMap(([leftMs, line], i) => {
    const points = line.map(({ rightMs, spoken }) =>
      `${x(rightMs).toFixed(1)},${y(spoken).toFixed(1)}`
    );
    const colour = COLOURS[i % COLOURS.length]!;
    return [
      `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      text([515, 60 + 20 * i], `left ${leftMs} ms`, `fill="${colour}"`),
    ];
  });
  const marks = [1, (1 + lowest) / 2, lowest].map((part) =>
    text([52, y(part) + 4], percent(part), 'text-anchor="end"')
  );
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 340" font-family="sans-serif" font-size="12">',
    '<rect width="640" height="340" fill="#ffffff"/>',
    text([60, 22], title.replaceAll("&", "&amp;").replaceAll("<", "&lt;"), 'font-size="14"'),
    '<path d="M60 40V280H500" fill="none" stroke="#333333"/>',
    ...marks,
    ...rights.map((ms) => text([x(ms), 298], `${ms}`, 'text-anchor="middle"')),
    text([280, 320], "right context, ms", 'text-anchor="middle"'),
    ...lines,
    "</svg>\n",
  ].join("\n");
}

const numbers = (list: string) => list.split(",").map(Number);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      "model": { type: "string" },
      "backend": { type: "string", default: "cpu" },
      "left": { type: "string", default: "1000,2000,4000,6000,8000" },
      "right": { type: "string", default: "0,200,400,600,1000" },
      "hop": { type: "string", default: "400" },
      "normalization": { type: "string", default: "window" },
      "seconds": { type: "string", default: "20" },
      "svg": { type: "string" },
      "help": { type: "boolean", default: false },
    },
  });
  if (values.help || values.model === undefined || positionals.length === 0) {
    return console.log(HELP);
  }
  const backend = values.backend as BackendName;
  await using model = await loadModel(values.model, { task: "ctc", backend, parts: [] });
  const { sampleRateHz, config } = model;
  const frontEnd = config.model_type === "wav2vec2-bert"
    ? "log-mel features"
    : `feat_extract_norm ${config.feat_extract_norm}`;
  const sampleCount = Number(values.seconds) * sampleRateHz;
  const recordings = await Promise.all(
    positionals.map(async (path) =>
      (await readSpeech(path, { sampleRateHz })).slice(0, sampleCount)
    ),
  );
  const references: number[][] = [];
  for (const samples of recordings) references.push(await offline(model, samples));
  console.log(JSON.stringify({ ...await machineFacts(), model: values.model, backend }));
  const [lefts, rights] = [numbers(values.left), numbers(values.right)];
  for (const normalization of values.normalization.split(",") as Cell["normalization"][]) {
    const cells: Cell[] = [];
    for (const leftMs of lefts) {
      for (const rightMs of rights) {
        const context = { normalization, leftMs, rightMs };
        const pairs: [number[], number[]][] = [];
        for (const [i, samples] of recordings.entries()) {
          const ids = await streamed(model, samples, { ...context, hopMs: Number(values.hop) });
          pairs.push([ids, references[i]!]);
        }
        cells.push({ ...context, ...compare(pairs, config.pad_token_id ?? 0) });
      }
    }
    const title = `${frontEnd}, normalization ${normalization}, hop ${values.hop} ms`;
    console.log(
      `\n${title}: all frames (frames that are not blank)\n\n${table(cells, lefts, rights)}`,
    );
    if (values.svg !== undefined) {
      await Deno.writeTextFile(
        values.svg.replace(/(\.svg)?$/, `_${normalization}.svg`),
        plot(cells, title),
      );
    }
  }
}

if (import.meta.main) await main();
