/**
 * `hubcap transcribe`: recordings to text and subtitles.
 *
 * @module
 */
import { defaultModel } from "../default_model.ts";
import { loadModel } from "../load_model.ts";
import { type Dtype, DTYPES } from "../model/precision.ts";
import { BACKEND_CHOICES, type BackendChoice, openBackend } from "../runtime/select.ts";
import type { SpeechModel } from "../speech_model.ts";
import { transcribe } from "../transcribe.ts";
import { openAudioInput, STANDARD_INPUT } from "./audio_input.ts";
import { type CommandSpec, EXIT_CODES, UsageError } from "./command.ts";
import { downloadOptions } from "./download_options.ts";
import { errorText } from "./error_text.ts";
import { Progress } from "./progress.ts";
import { LANGUAGE_OPTION } from "./shared_options.ts";
import type { Terminal } from "./terminal.ts";
import {
  subtitleFile,
  TextWriter,
  TRANSCRIPT_FORMATS,
  type TranscriptFormat,
  transcriptJson,
} from "./transcript_format.ts";
import { planOutputs, type TranscriptJob } from "./transcript_output.ts";

/** Values of the options of `hubcap transcribe`. */
export interface TranscribeValues {
  readonly model?: string;
  readonly language?: string;
  readonly backend?: BackendChoice;
  readonly dtype?: Dtype;
  readonly threads?: number;
  readonly decoder?: "greedy" | "beam";
  readonly languageModel?: string;
  readonly format?: TranscriptFormat;
  readonly timestamps?: boolean;
  readonly output?: string;
  readonly deviceInfo?: boolean;
  readonly debug?: boolean;
}

/** The command. */
export const transcribeCommand: CommandSpec<TranscribeValues> = {
  name: "transcribe",
  summary: "Write down what is said in recordings",
  parameters: [{
    usage: "[file...]",
    description:
      "WAV, FLAC, MP3, Ogg, WebM, Matroska, M4A or MP4, of any rate and channel count; " +
      "- is standard input",
  }],
  options: [
    {
      name: "model",
      short: "m",
      description: "folder of a checkpoint, or owner/name[@revision] on the hub",
      value: { kind: "text", name: "model" },
      default: "the one in models/, where there is one",
    },
    LANGUAGE_OPTION,
    {
      name: "format",
      short: "f",
      description: "what to write",
      value: { kind: "choice", name: "format", choices: TRANSCRIPT_FORMATS },
      default: "text",
    },
    {
      name: "timestamps",
      short: "t",
      description: "text in lines, each with its times",
      value: { kind: "flag" },
    },
    {
      name: "output",
      short: "o",
      description: "file to write, or folder for a file each",
      value: { kind: "text", name: "path" },
      default: "standard output",
    },
    {
      name: "backend",
      short: "b",
      description: "where to compute",
      value: { kind: "choice", name: "backend", choices: BACKEND_CHOICES },
      default: "auto",
    },
    {
      name: "dtype",
      short: "d",
      description: "how to compute",
      value: { kind: "choice", name: "dtype", choices: DTYPES },
      default: "float32",
    },
    {
      name: "threads",
      description: "threads that compute, on cpu and wasm",
      value: { kind: "count", name: "count" },
      default: "all",
    },
    {
      name: "decoder",
      description: "how letters become words; beam is slower, and heeds a language model",
      value: { kind: "choice", name: "decoder", choices: ["greedy", "beam"] },
      default: "beam with a language model, else greedy",
    },
    {
      name: "language-model",
      description: "file in ARPA's text format, plain or gzipped",
      value: { kind: "text", name: "path" },
      default: "the one in the checkpoint's language_model/, if any",
    },
    {
      name: "device-info",
      description: "say which backend and device are used, and why; without a file nothing else",
      value: { kind: "flag" },
    },
  ],
  notes: `Examples:
  hubcap transcribe talk.mp3 --model facebook/hubert-large-ls960-ft
  hubcap transcribe *.wav --format srt --output subtitles/
  ffmpeg -i video.avi -f wav - | hubcap transcribe - --format json

JSON is one object a line and file: file, model, backend, dtype, text, seconds, words.
Text of several files begins each line with the file's name.
A file that cannot be transcribed is reported, and the others are done all the same.`,
  run: runTranscribe,
};

async function runTranscribe(
  files: readonly string[],
  values: TranscribeValues,
  terminal: Terminal,
): Promise<number> {
  const { format = "text", output, deviceInfo = false } = values;
  if (files.length === 0 && !deviceInfo) {
    throw new UsageError("Cannot transcribe nothing: give a file, or - for standard input");
  }
  if (files.includes(STANDARD_INPUT) && terminal.isInputTerminal) {
    throw new UsageError("Cannot read audio from the keyboard: pipe it into standard input");
  }
  const jobs = await planOutputs(files, { format, output });
  if (files.length === 0) return await showDevice(values, terminal);
  const source = values.model ?? await defaultModel();
  if (source === undefined) {
    throw new UsageError(
      "Cannot transcribe without a model: give --model, a folder that save_pretrained wrote or a " +
        "CTC model of the hub such as facebook/hubert-large-ls960-ft",
    );
  }
  const progress = new Progress(terminal);
  try {
    await using model = await openModel(source, values, { terminal, progress });
    if (deviceInfo) terminal.writeError(`${deviceText(model)}\n`);
    return await transcribeAll(jobs, { model, values, terminal, progress });
  } finally {
    progress.clear();
  }
}

/** Without a recording, the device is looked for without a model. */
async function showDevice(
  { backend = "auto", threads }: TranscribeValues,
  terminal: Terminal,
): Promise<number> {
  const opened = await openBackend(backend, {
    signal: terminal.signal,
    ...(threads === undefined ? {} : { threadCount: threads }),
  });
  await opened.backend[Symbol.asyncDispose]();
  terminal.write(`${opened.report.reason}\n`);
  return EXIT_CODES.ok;
}

function deviceText({ selection, dtype }: SpeechModel): string {
  return `backend: ${selection.reason}, ${dtype}`;
}

async function openModel(
  source: string,
  { backend, dtype, threads, language, decoder, languageModel }: TranscribeValues,
  { terminal, progress }: { terminal: Terminal; progress: Progress },
): Promise<SpeechModel<"ctc">> {
  progress.show({ label: source, detail: "loading" });
  const model = await loadModel(source, {
    task: "ctc",
    ...downloadOptions(terminal, progress),
    ...(backend === undefined ? {} : { backend }),
    ...(dtype === undefined ? {} : { dtype }),
    ...(threads === undefined ? {} : { threadCount: threads }),
    ...(language === undefined ? {} : { targetLang: language }),
    ...(languageModel === undefined ? {} : { languageModel }),
    ...(decoder === "greedy" ? { languageModel: false as const } : {}),
  });
  progress.clear();
  return model;
}

interface Work {
  readonly model: SpeechModel<"ctc">;
  readonly values: TranscribeValues;
  readonly terminal: Terminal;
  readonly progress: Progress;
}

/** Does every job; one that fails does not keep the others. */
async function transcribeAll(jobs: readonly TranscriptJob[], work: Work): Promise<number> {
  const { terminal, progress, values: { debug = false } } = work;
  let failureCount = 0;
  for (const job of jobs) {
    try {
      await transcribeOne(job, { ...work, isAlone: jobs.length === 1 });
    } catch (error) {
      terminal.signal.throwIfAborted();
      if (error instanceof Deno.errors.BrokenPipe) throw error;
      failureCount++;
      progress.clear();
      terminal.writeError(errorText(error, { debug, terminal, place: job.file }));
    }
  }
  return failureCount === 0 ? EXIT_CODES.ok : EXIT_CODES.failure;
}

async function transcribeOne(
  job: TranscriptJob,
  { model, values, terminal, progress, isAlone }: Work & { isAlone: boolean },
): Promise<void> {
  const { file, outputPath } = job;
  const { format = "text", timestamps = false } = values;
  const isLive = format === "text" && outputPath === undefined && terminal.isTerminal;
  const pieces: string[] = [];
  const { sampleRateHz } = model;
  const writer = new TextWriter(isLive ? terminal.write : (text) => pieces.push(text), {
    sampleRateHz,
    timestamps,
    prefix: isAlone || outputPath !== undefined ? "" : `${file}: `,
  });
  const { source, fractionRead } = await openAudioInput(file, terminal);
  const startMs = performance.now();
  const speed = (seconds: number) =>
    `${seconds.toFixed(1)} s, ${(seconds * 1000 / (performance.now() - startMs)).toFixed(1)}×`;
  progress.show({ label: file, fraction: 0, detail: "" });
  try {
    const transcript = await transcribe(source, {
      model,
      decoder: values.decoder,
      signal: terminal.signal,
      onProgress: ({ seconds, words }) => {
        if (isLive && words.length > 0) progress.clear();
        writer.push(words, seconds);
        if (isLive && writer.isInLine) return; // the bar would write over the text
        progress.show({ label: file, fraction: fractionRead(), detail: speed(seconds) });
      },
    });
    progress.clear();
    writer.end();
    const text = format === "text"
      ? pieces.join("")
      : format === "json"
      ? transcriptJson(transcript, originOf(file, model))
      : subtitleFile(transcript, format);
    if (outputPath === undefined) terminal.write(text);
    else await Deno.writeTextFile(outputPath, text);
    if (terminal.isErrorTerminal) terminal.writeError(`${file}: ${speed(transcript.seconds)}\n`);
  } catch (error) {
    if (isLive && writer.isInLine) terminal.write("\n");
    throw error;
  }
}

function originOf(file: string, { source, selection, dtype }: SpeechModel) {
  return { file, model: source, backend: selection.chosen, dtype };
}
