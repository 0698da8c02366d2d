/**
 * Wav2Vec2-BERT as a family: log-mel features, then Conformer blocks.
 *
 * @module
 */
import { UnsupportedConfigError } from "../errors.ts";
import type { FrameGeometry } from "../geometry.ts";
import type { Task } from "./config.ts";
import type { InputGrid, ModelFamily } from "./family.ts";
import { extractFbank, type FbankConfig, parseFbankConfig } from "./fbank.ts";
import { adapterFrameCount, labelledFrameCount, wav2Vec2BertGeometry } from "./fbank_geometry.ts";
import { xVectorFrameCount } from "./speaker_heads.ts";
import { WAV2VEC2_BERT_MODULES, WAV2VEC2_BERT_PREFIX } from "./wav2vec2_bert.ts";
import {
  checkTask,
  parseWav2Vec2BertConfig,
  wav2Vec2BertClassName,
  type Wav2Vec2BertConfig,
  wav2Vec2BertTaskOf,
} from "./wav2vec2_bert_config.ts";
import { buildWav2Vec2BertGraph } from "./wav2vec2_bert_graph.ts";

/** Wav2Vec2-BERT. */
export const WAV2VEC2_BERT_FAMILY: ModelFamily<Wav2Vec2BertConfig, FbankConfig> = {
  modelTypes: ["wav2vec2-bert"],
  exported: { hasAttentionMask: true },
  parameters: {
    basePrefixes: [WAV2VEC2_BERT_PREFIX],
    baseModules: WAV2VEC2_BERT_MODULES,
    optional: ["masked_spec_embed"],
  },
  parseConfig: parseWav2Vec2BertConfig,
  parsePreprocessor(json, { config, path }) {
    const size = config.feature_projection_input_dim;
    const fitting = { num_mel_bins: size / 2, feature_size: size / 2 };
    const preprocessor = parseFbankConfig(json ?? fitting, { path });
    const { num_mel_bins, stride } = preprocessor;
    if (num_mel_bins * stride === size) return preprocessor;
    const supported =
      `a number of bins that times stride (${stride}) is the config's feature_projection_input_dim (${size})`;
    throw new UnsupportedConfigError("num_mel_bins", num_mel_bins, supported, { path });
  },
  taskOf: wav2Vec2BertTaskOf,
  checkTask: (config, task) => checkTask(config, task),
  classNameOf: (_config, task) => wav2Vec2BertClassName(task),
  geometryOf: (config, { stride }) => wav2Vec2BertGeometry(config, { stackedFrames: stride }),
  inputGrid: (config, { task, geometry }) => featureGrid(config, task, geometry),
  buildGraph(config, task, { part = "whole", ...options }) {
    if (part === "whole") return buildWav2Vec2BertGraph(config, task, options);
    throw new RangeError(
      `Cannot build the ${part} of Wav2Vec2-BERT by itself as its features come from outside: ask for the whole`,
    );
  },
  prepare: extractFbank,
};

function featureGrid(
  config: Wav2Vec2BertConfig,
  task: Task,
  geometry: FrameGeometry,
): InputGrid {
  const outputFrameCount = (length: number) => labelledFrameCount(config, length);
  const fewestFrames = task === "x-vector" ? xVectorFrameCount(config) : 1;
  let leastLength = fewestFrames;
  while (adapterFrameCount(config, leastLength) < fewestFrames) leastLength++;
  return {
    name: "inputFeatures",
    graphName: "input_features",
    dimensions: ["batch", "frames", config.feature_projection_input_dim],
    unit: "frames",
    leastLength,
    leastSamples: geometry.sampleCount(fewestFrames),
    encoderFrameCount: (length) => length,
    outputFrameCount,
    frameMask: ({ data }) => Float32Array.from(data),
  };
}
