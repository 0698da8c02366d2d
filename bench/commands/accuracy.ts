/**
 * How many words are wrong: whole recordings, and the same as streams.
 *
 * @module
 */
import { loadModel } from "../../src/load_model.ts";
import type { SpeechModel } from "../../src/speech_model.ts";
import { join } from "../../src/std.ts";
import { transcribe } from "../../src/transcribe.ts";
import type { BenchRun, BenchSpec } from "../bench_command.ts";
import { CLIP_OPTIONS, type ClipValues, loadClips, type LoadedClip } from "../clips.ts";
import { liveTranscripts } from "../live_transcripts.ts";
import {
  DECODER_OPTIONS,
  decodersOf,
  type DecoderValues,
  MODEL_OPTIONS,
  modelSource,
  type ModelValues,
  systemsOf,
  threadOptions,
} from "../model_options.ts";
import { type Case, countsOf, type Measures, runsOf } from "../record.ts";
import { startPeers, TEXT_PEERS } from "../peers.ts";
import {
  STREAMING_OPTIONS,
  type StreamingCase,
  streamingCases,
  type StreamingValues,
  windowFacts,
} from "../streaming_options.ts";
import { characterErrors, wordErrors } from "../word_errors.ts";

type Values = ModelValues & DecoderValues & ClipValues & StreamingValues & {
  offlineOnly?: boolean;
  peers?: boolean;
};

/** The benchmark. */
export const accuracyBench: BenchSpec<Values> = {
  name: "accuracy",
  summary: "How many words are wrong, offline and as streams?",
  options: [
    ...MODEL_OPTIONS,
    ...DECODER_OPTIONS,
    ...CLIP_OPTIONS,
    ...STREAMING_OPTIONS,
    { name: "offline-only", description: "no streams", value: { kind: "flag" } },
    {
      name: "peers",
      description: "beside transformers' pipeline and PocketSphinx, as far as they are there",
      value: { kind: "flag" },
    },
  ],
  notes: `Every combination of --hop, --left, --right, --lead and --normalization is a case.
Intervals are 95 %, drawn over recordings. Recordings are fed as fast as the device computes;
captions do not depend on that.

Examples:
  hubcap bench accuracy --clips recordings/
  hubcap bench accuracy --clips recordings/ --hop 200,400 --right 300,600 --json accuracy.jsonl`,
  plots: [
    { title: "Word error rate", y: ["WER"], yTitle: "%" },
    { title: "Word error rate against right context", x: "right ms", y: ["WER"], yTitle: "%" },
  ],
  measure,
};

interface Heard {
  readonly texts: readonly string[];
  /** Computing for a second of audio. */
  readonly rtf: number;
}

async function measure(values: Values, run: BenchRun): Promise<void> {
  const systems = systemsOf(values).flatMap((system) =>
    decodersOf(values).map((decoder) => ({ ...system, decoder }))
  );
  const { languageModel } = values;
  await using made = await modelSource(values);
  for (const [i, { decoder, ...system }] of systems.entries()) {
    await using model = await loadModel(made.source, {
      ...{ task: "ctc", ...system, ...threadOptions(values), parts: [], signal: run.signal },
      ...(languageModel === undefined ? {} : { languageModel }),
    });
    const clips = (await loadClips(values, model)).filter(({ transcript }) =>
      transcript !== undefined
    );
    const name = `${system.backend} ${system.dtype}`;
    await measureSystem({
      ...{ model, clips, run, name, cases: values.offlineOnly ? [] : streamingCases(values) },
      decoder: decoder === "auto" ? undefined : decoder,
      onPart: (part, detail) => run.progress((i + part) / systems.length, `${name} ${detail}`),
    });
    if (i === 0 && values.peers) await measurePeers(made.source, { values, clips, run });
  }
}

/** A model that hears recordings. */
interface Hearing {
  readonly model: SpeechModel<"ctc">;
  readonly clips: readonly LoadedClip[];
  readonly decoder: "greedy" | "beam" | undefined;
  readonly cases: readonly StreamingCase[];
  readonly name: string;
  readonly run: BenchRun;
  readonly onPart: (part: number, detail: string) => void;
}

/** Offline, then every way of streaming. */
async function measureSystem(hearing: Hearing): Promise<void> {
  const { model, clips, cases, name, run, onPart } = hearing;
  const decoder = hearing.decoder ?? (model.languageModel === undefined ? "greedy" : "beam");
  const record = (facts: Case, heard: Heard) =>
    run.record({
      case: { system: name, decoder, ...facts },
      device: model.selection.reason,
      measures: measuresOf(clips, heard),
    });
  const partCount = cases.length + 1;
  const offline = await hearOffline(hearing, (part) => onPart(part / partCount, "offline"));
  await record({ mode: "offline" }, offline);
  for (const [j, streaming] of cases.entries()) {
    const { hopMs, leftMs, rightMs, normalization } = streaming;
    const label = `hop ${hopMs} left ${leftMs} right ${rightMs}`;
    const heard = await hearLive(hearing, {
      streaming,
      onPart: (part) => onPart((j + 1 + part) / partCount, label),
    });
    await record({ mode: "stream", ...windowFacts(streaming), normalization }, heard);
  }
}

function measuresOf(clips: readonly LoadedClip[], { texts, rtf }: Heard): Measures {
  const errors = (count: typeof wordErrors) =>
    countsOf(clips.map(({ transcript }, i) => count(transcript!, texts[i]!)), "%");
  return {
    WER: errors(wordErrors),
    CER: errors(characterErrors),
    RTF: runsOf([rtf], "", "neither"),
    recordings: runsOf([clips.length], "", "neither"),
  };
}

/** The same recordings, heard by others. Their samples are at the model's rate. */
async function measurePeers(folder: string, { values, clips, run }: {
  values: Values;
  clips: readonly LoadedClip[];
  run: BenchRun;
}): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const scratch = await Deno.makeTempDir({ prefix: "hubcap-bench-" });
  stack.defer(() => Deno.remove(scratch, { recursive: true }));
  const { threads: threadCount = navigator.hardwareConcurrency } = values;
  const context = { folder, threadCount, scratch };
  const input = join(scratch, "input.f32");
  for (const { name, peer } of await startPeers(TEXT_PEERS, { context, say: run.say, stack })) {
    const texts: string[] = [];
    let totalMs = 0;
    for (const [i, { samples }] of clips.entries()) {
      run.progress(i / clips.length, name);
      await Deno.writeFile(input, new Uint8Array(samples.slice().buffer));
      const { ms, text = "" } = await peer.run({ input, shape: [1, samples.length] });
      totalMs += ms;
      texts.push(text);
    }
    await run.record({
      case: { system: name, mode: "offline" },
      device: JSON.stringify(peer.facts),
      measures: measuresOf(clips, { texts, rtf: rtfOf(clips, totalMs, PEER_RATE_HZ) }),
    });
  }
}

/** Rate of the samples that peers take, Hz. */
const PEER_RATE_HZ = 16_000;

async function hearOffline(
  { model, clips, decoder }: Hearing,
  onPart: (part: number) => void,
): Promise<Heard> {
  const texts: string[] = [];
  const startMs = performance.now();
  for (const [i, { samples }] of clips.entries()) {
    onPart(i / clips.length);
    texts.push((await transcribe(samples, { model, decoder })).text);
  }
  return { texts, rtf: rtfOf(clips, performance.now() - startMs, model.sampleRateHz) };
}

async function hearLive(
  { model, clips, decoder }: Hearing,
  { streaming, onPart }: { streaming: StreamingCase; onPart: (part: number) => void },
): Promise<Heard> {
  let doneCount = 0;
  const startMs = performance.now();
  const texts = await liveTranscripts(model, clips.map(({ samples }) => samples), {
    ...{ streaming, decoder },
    onDone: () => onPart(++doneCount / clips.length),
  });
  return { texts, rtf: rtfOf(clips, performance.now() - startMs, model.sampleRateHz) };
}

function rtfOf(clips: readonly LoadedClip[], ms: number, sampleRateHz: number): number {
  return ms / 1000 / (clips.reduce((sum, { samples }) => sum + samples.length, 0) / sampleRateHz);
}
