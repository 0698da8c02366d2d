/**
 * How far windows agree with the whole recording: the part of frames whose likeliest token is the
 * same as offline, against left and right context.
 *
 * @module
 */
import type { Emissions } from "../../src/ctc/emissions.ts";
import { loadModel } from "../../src/load_model.ts";
import type { SpeechModel } from "../../src/speech_model.ts";
import type { BenchRun, BenchSpec } from "../bench_command.ts";
import { CLIP_OPTIONS, type ClipValues, loadClips } from "../clips.ts";
import {
  MODEL_OPTIONS,
  modelSource,
  type ModelValues,
  systemsOf,
  threadOptions,
} from "../model_options.ts";
import { countsOf } from "../record.ts";
import type { Count } from "../statistics.ts";
import {
  STREAMING_OPTIONS,
  type StreamingCase,
  streamingCases,
  type StreamingValues,
  windowFacts,
} from "../streaming_options.ts";
import { emissionsOf } from "../windows.ts";

type Values = ModelValues & ClipValues & StreamingValues;

/** The benchmark. */
export const agreementBench: BenchSpec<Values> = {
  name: "agreement",
  summary: "How far do windows agree with the whole recording, against their context?",
  options: [...MODEL_OPTIONS, ...CLIP_OPTIONS, ...STREAMING_OPTIONS],
  notes: `No transcripts are needed. Recordings longer than the model takes at once are cut.

Example:
  hubcap bench agreement --clips recordings/ --left 1000,4000,8000 --right 0,300,600,1000`,
  plots: [
    { title: "Agreement of spoken frames", x: "right ms", y: ["spoken"], yTitle: "%" },
    { title: "Agreement of spoken frames", x: "left ms", y: ["spoken"], yTitle: "%" },
  ],
  measure,
};

async function measure(values: Values, run: BenchRun): Promise<void> {
  const cases = streamingCases(values);
  const systems = systemsOf(values);
  await using made = await modelSource(values);
  for (const [i, system] of systems.entries()) {
    await using model = await loadModel(made.source, {
      ...{ task: "ctc", ...system, ...threadOptions(values), parts: [], signal: run.signal },
    });
    const name = `${system.backend} ${system.dtype}`;
    const maxSamples = model.maxInputMs * model.sampleRateHz / 1000;
    const recordings = (await loadClips(values, model)).map(({ samples }) =>
      samples.slice(0, maxSamples)
    );
    const offline: number[][] = [];
    for (const samples of recordings) offline.push(await offlineIds(model, samples));
    const blankId = model.config.pad_token_id ?? 0;
    for (const [j, streaming] of cases.entries()) {
      const { leftMs, normalization } = streaming;
      run.progress((i + j / cases.length) / systems.length, `${name} left ${leftMs}`);
      const streamed: number[][] = [];
      for (const samples of recordings) {
        streamed.push(await streamedIds(model, samples, streaming));
      }
      await run.record({
        case: { system: name, normalization, ...windowFacts(streaming) },
        device: model.selection.reason,
        measures: {
          spoken: agreementOf(streamed, offline, (a, b) => a !== blankId || b !== blankId),
          "all frames": agreementOf(streamed, offline, () => true),
        },
      });
    }
  }
}

/** Likeliest token of each frame, from windows. */
async function streamedIds(
  model: SpeechModel<"ctc">,
  samples: Float32Array,
  { normalization, ...windows }: StreamingCase,
): Promise<number[]> {
  const { hopMs, leftMs, rightMs } = windows;
  const maxWindowMs = Math.min(model.maxInputMs, leftMs + hopMs + rightMs + 1000);
  const options = { normalization, windows: { ...windows, maxWindowMs, firstWindowMs: 400 } };
  return likeliestOf(await emissionsOf(model, samples, options));
}

/** Likeliest token of each frame of the whole recording in one run. */
async function offlineIds(model: SpeechModel<"ctc">, samples: Float32Array): Promise<number[]> {
  const inputs = model.prepare([samples], { returnAttentionMask: false, padToMultipleOf: 1 });
  const { logits } = await model.forward(inputs);
  return likeliestOf({ logProbs: logits.data, vocabularySize: logits.shape[2]! });
}

/** Likeliest token of each frame. // [T, V] → [T] */
function likeliestOf(
  { logProbs, vocabularySize }: Pick<Emissions, "logProbs" | "vocabularySize">,
): number[] {
  return Array.from({ length: logProbs.length / vocabularySize }, (_, frame) => {
    const row = logProbs.subarray(frame * vocabularySize, (frame + 1) * vocabularySize);
    return row.reduce((best, score, id) => score > row[best]! ? id : best, 0);
  });
}

/** Frames that agree, of those that count, in each recording. */
function agreementOf(
  streamed: readonly (readonly number[])[],
  offline: readonly (readonly number[])[],
  counts: (a: number, b: number) => boolean,
) {
  const perRecording = streamed.map((ids, i): Count => {
    const pairs = ids.map((id, frame) => [id, offline[i]![frame]!] as const)
      .filter(([a, b]) => counts(a, b));
    return [pairs.filter(([a, b]) => a === b).length, pairs.length];
  });
  return countsOf(perRecording, "%", "higher");
}
