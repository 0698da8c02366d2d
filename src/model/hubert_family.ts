/**
 * HuBERT and wav2vec 2.0 as a family: convolutions over samples, then a
 * transformer.
 *
 * @module
 */
import { UnsupportedConfigError } from "../errors.ts";
import { convGeometry, type FrameGeometry } from "../geometry.ts";
import type { Tensor } from "../tensor.ts";
import {
  type HubertConfig,
  type HubertTask,
  parseHubertConfig,
  type Task,
  taskOf,
} from "./config.ts";
import type { InputGrid, ModelFamily } from "./family.ts";
import { prefixRows, rowSums } from "./mask_rows.ts";
import { HUBERT_MODULES } from "./hubert.ts";
import { buildHubertGraph } from "./hubert_graph.ts";
import { parseWaveformConfig, prepareWaveforms, type WaveformConfig } from "./waveform.ts";

/** Endings of the classes' names. */
const CLASSES: Readonly<Record<HubertTask, string>> = {
  "base": "Model",
  "ctc": "ForCTC",
  "sequence-classification": "ForSequenceClassification",
};

/** HuBERT and wav2vec 2.0. */
export const HUBERT_FAMILY: ModelFamily<HubertConfig, WaveformConfig> = {
  modelTypes: ["hubert", "wav2vec2"],
  exported: {},
  parameters: {
    basePrefixes: ["hubert", "wav2vec2"],
    baseModules: HUBERT_MODULES,
    optional: ["masked_spec_embed"],
  },
  parseConfig: parseHubertConfig,
  parsePreprocessor: (json, { path }) => parseWaveformConfig(json ?? {}, { path }),
  taskOf,
  checkTask: (config, task) => void requireTask(config, task),
  classNameOf(config, task) {
    const family = config.model_type === "hubert" ? "Hubert" : "Wav2Vec2";
    return `${family}${CLASSES[requireTask(config, task)]}`;
  },
  geometryOf: ({ conv_kernel, conv_stride }) => convGeometry(conv_kernel, conv_stride),
  inputGrid: (_config, { geometry }) => sampleGrid(geometry),
  buildGraph: (config, task, options) =>
    buildHubertGraph(config, requireTask(config, task), options),
  prepare: prepareWaveforms,
};

function requireTask({ model_type }: HubertConfig, task: Task): HubertTask {
  if (task in CLASSES) return task as HubertTask;
  throw new UnsupportedConfigError("model_type", model_type, `"wav2vec2-bert" for ${task}`);
}

function sampleGrid(geometry: FrameGeometry): InputGrid {
  const { frameCount } = geometry;
  return {
    name: "inputValues",
    graphName: "input_values",
    dimensions: ["batch", "samples"],
    unit: "samples",
    leastLength: geometry.receptiveFieldSamples,
    leastSamples: geometry.receptiveFieldSamples,
    encoderFrameCount: frameCount,
    outputFrameCount: frameCount,
    frameMask: (attentionMask: Tensor<Int32Array>) =>
      prefixRows(rowSums(attentionMask).map(frameCount), frameCount(attentionMask.shape[1]!)),
  };
}
