/**
 * `hubcap inspect`: what a checkpoint is.
 *
 * @module
 */
import {
  describeModel,
  type ModelDescription,
  type QuantizationDescription,
} from "../describe_model.ts";
import type { Task } from "../model/config.ts";
import { byteSize } from "./byte_size.ts";
import { type CommandSpec, EXIT_CODES } from "./command.ts";
import { downloadOptions } from "./download_options.ts";
import { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";
import { LANGUAGE_OPTION, MODEL_PARAMETER, TASK_OPTION } from "./shared_options.ts";

/** Values of the options of `hubcap inspect`. */
export interface InspectValues {
  readonly json?: boolean;
  readonly language?: string;
  readonly task?: Task;
}

/** The command. */
export const inspectCommand: CommandSpec<InspectValues> = {
  name: "inspect",
  summary: "Say what a checkpoint is, without loading it",
  parameters: [MODEL_PARAMETER],
  options: [
    { name: "json", description: "write all of it as JSON", value: { kind: "flag" } },
    LANGUAGE_OPTION,
    TASK_OPTION,
  ],
  notes: `Of the weights only the headers are read; a model of the hub is downloaded first.

Examples:
  hubcap inspect facebook/hubert-base-ls960
  hubcap inspect ./my-model --json`,
  run: runInspect,
};

async function runInspect(
  [source]: readonly string[],
  { json = false, language, task }: InspectValues,
  terminal: Terminal,
): Promise<number> {
  const progress = new Progress(terminal);
  const description = await describeModel(source!, {
    ...downloadOptions(terminal, progress),
    task,
    targetLang: language,
  });
  progress.clear();
  terminal.write(json ? `${JSON.stringify(description, null, 2)}\n` : describe(description));
  return EXIT_CODES.ok;
}

/** A description in lines of text. */
export function describe(description: ModelDescription): string {
  const { family, task, architecture, frames, languages } = description;
  const { labels, unusedTensors, parameterCount } = description;
  const rows: [string, string][] = [
    ["model", description.source],
    ["folder", description.folder],
    ["family", `${family}, saved from ${architecture.classes.join(", ") || "no named class"}`],
    ["task", task],
    ["front end", frontEndText(architecture)],
    ["encoder", encoderText(architecture)],
    ["frames", framesText(frames)],
    ["parameters", parameterCount?.toLocaleString("en") ?? "unknown: only a graph is there"],
    ["memory", weightsText(description)],
  ];
  for (const way of description.quantization) rows.push(["quantised", quantizationText(way)]);
  if (description.vocabulary) rows.push(["tokens", tokensText(description.vocabulary)]);
  if (labels) rows.push(["labels", `${labels.length}: ${labels.join(", ")}`]);
  if (languages.length > 0) rows.push(["languages", languages.join(", ")]);
  if (unusedTensors.length > 0) {
    rows.push(["unused", `${unusedTensors.length}: ${unusedTensors.join(", ")}`]);
  }
  rows.push(...description.files.map(({ name, byteLength }, i): [string, string] => {
    return [i === 0 ? "files" : "", `${byteSize(byteLength).padStart(7)}  ${name}`];
  }));
  return rows.map(([name, text]) => `${name.padEnd(12)} ${text}\n`).join("");
}

function frontEndText(architecture: ModelDescription["architecture"]): string {
  if (architecture.input === "features") return `log-mel features of ${architecture.featureSize}`;
  const { convChannels, convKernels, convStrides, convNorm } = architecture;
  return `${convChannels.length} convolutions, channels ${convChannels.join(" ")}, ` +
    `kernels ${convKernels.join(" ")}, strides ${convStrides.join(" ")}, ${convNorm} norm`;
}

function encoderText(architecture: ModelDescription["architecture"]): string {
  const { layerCount, hiddenSize, headCount, intermediateSize } = architecture;
  const sizes =
    `layers of width ${hiddenSize}, ${headCount} heads, feed-forward ${intermediateSize}`;
  if (architecture.input === "waveform") {
    const place = architecture.normalizesFirst ? "before" : "after";
    return `${layerCount} transformer ${sizes}, norm ${place} each branch`;
  }
  const { convKernel, positions, adapterStrides } = architecture;
  const adapter = adapterStrides.length === 0
    ? ""
    : `, adapter strides ${adapterStrides.join(" ")}`;
  return `${layerCount} conformer ${sizes}, kernel ${convKernel}, ` +
    `positions ${positions ?? "none"}${adapter}`;
}

function framesText(frames: ModelDescription["frames"]): string {
  const { sampleRateHz, strideSamples, strideMs, receptiveFieldSamples, receptiveFieldMs } = frames;
  return `one each ${strideSamples} samples (${strideMs} ms), seeing ${receptiveFieldSamples} ` +
    `(${receptiveFieldMs} ms), at ${sampleRateHz} Hz`;
}

function weightsText({ weightByteLengths }: ModelDescription): string {
  const sizes = Object.entries(weightByteLengths);
  return `weights ${sizes.map(([dtype, bytes]) => `${dtype} ${byteSize(bytes)}`).join(", ")}`;
}

function quantizationText({ format, isDouble, modules }: QuantizationDescription): string {
  const layers = new Set(modules.map((name) => name.replaceAll(/\.\d+(?=\.|$)/g, ".*")));
  const twice = isDouble ? ", its factors too" : "";
  return `on disk by bitsandbytes, ${format}${twice}: ` +
    `${modules.length} matrices, ${[...layers].join(", ")}`;
}

function tokensText(vocabulary: NonNullable<ModelDescription["vocabulary"]>): string {
  const { size, tokens, blank, wordDelimiter, language } = vocabulary;
  const shown = tokens.slice(0, 64).join(" ");
  const rest = tokens.length > 64 ? ` … and ${tokens.length - 64} more` : "";
  const of = language === undefined ? "" : ` of ${language}`;
  return `${size}${of}: ${shown}${rest} (blank ${blank}, between words ${wordDelimiter})`;
}
