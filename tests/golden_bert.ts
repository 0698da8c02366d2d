/**
 * The golden cases of Wav2Vec2-BERT, and their checkpoints.
 * `tests/golden/README_bert.md` says what each tensor is.
 *
 * @module
 */
import {
  GOLDEN_FOLDER,
  type GoldenCase,
  type GoldenTensor,
  type GoldenTensors,
  readGoldenTensors,
} from "./golden.ts";
import { openSafetensors } from "../src/checkpoint/safetensors.ts";
import { serializeInline } from "../src/graph/serialize.ts";
import type { Precision } from "../src/model/layers.ts";
import { ParameterReader } from "../src/model/parameters.ts";
import { AM_SOFTMAX_WEIGHT } from "../src/model/speaker_losses.ts";
import { WAV2VEC2_BERT_MODULES, WAV2VEC2_BERT_PREFIX } from "../src/model/wav2vec2_bert.ts";
import {
  parseWav2Vec2BertConfig,
  type Wav2Vec2BertConfig,
  wav2Vec2BertTaskOf,
} from "../src/model/wav2vec2_bert_config.ts";
import {
  buildWav2Vec2BertGraph,
  type Wav2Vec2BertGraphRequest,
} from "../src/model/wav2vec2_bert_graph.ts";
import type { GraphSource } from "../src/runtime/backend.ts";
import { join } from "../src/std.ts";
import type { Tensor } from "../src/tensor.ts";

/** One case of `bert_cases.json`; frames are counted after the adapter. */
export type BertCase = GoldenCase;

/** Every case, in the order they were made. */
export function bertCases(): BertCase[] {
  return JSON.parse(Deno.readTextFileSync(join(GOLDEN_FOLDER, "bert_cases.json")));
}

/** The tensors of one case. */
export function bertTensors({ name }: BertCase): GoldenTensors {
  return {
    inputs: readGoldenTensors(join(GOLDEN_FOLDER, name, "inputs.safetensors")),
    expected: readGoldenTensors(join(GOLDEN_FOLDER, name, "expected.safetensors")),
  };
}

/** The config of a case's checkpoint. */
export function bertConfig({ checkpoint }: BertCase): Wav2Vec2BertConfig {
  const path = join(GOLDEN_FOLDER, checkpoint, "config.json");
  return parseWav2Vec2BertConfig(JSON.parse(Deno.readTextFileSync(path)), { path });
}

const SINGLE: Precision = { activations: "float32", matrices: "full" };

/** The graph a case needs. */
export function bertRequest({ inputs, outputs }: BertCase): Wav2Vec2BertGraphRequest {
  return {
    hasFrameMask: inputs.includes("attention_mask"),
    hasMaskTimeIndices: inputs.includes("mask_time_indices"),
    givesHiddenStates: outputs.includes("hidden_states.0"),
    givesAttentions: outputs.includes("attentions.0"),
  };
}

/** A case's checkpoint as a graph to load; every tensor of it must be used. */
export async function bertGraph(
  golden: BertCase,
  { precision = SINGLE, ...changes }: Partial<Wav2Vec2BertGraphRequest> & {
    precision?: Precision;
  } = {},
): Promise<GraphSource> {
  const config = bertConfig(golden);
  await using weights = await openSafetensors(
    join(GOLDEN_FOLDER, golden.checkpoint, "model.safetensors"),
  );
  const parameters = new ParameterReader(weights, {
    basePrefixes: [WAV2VEC2_BERT_PREFIX],
    baseModules: WAV2VEC2_BERT_MODULES,
    optional: ["masked_spec_embed"],
  });
  const graph = buildWav2Vec2BertGraph(config, wav2Vec2BertTaskOf(config), {
    ...bertRequest(golden),
    // the reference ignores mask_time_indices so too
    ...(config.apply_spec_augment ? {} : { hasMaskTimeIndices: false }),
    ...changes,
    parameters,
    precision,
  });
  const unused = parameters.check().filter((name) =>
    name !== AM_SOFTMAX_WEIGHT && !name.endsWith("masked_spec_embed")
  );
  if (unused.length > 0) throw new Error(`the graph leaves out ${unused}`);
  return { kind: "bytes", model: await serializeInline(graph) };
}

/** A case's inputs by the names of the graph's. */
export function bertFeeds(golden: BertCase): Record<string, Tensor> {
  const { inputs } = bertTensors(golden);
  const floats = ({ data, shape }: GoldenTensor) => ({ data: Float32Array.from(data), shape });
  const feeds: Record<string, Tensor> = { input_features: floats(inputs.input_features!) };
  if (inputs.attention_mask) feeds.frame_mask = floats(inputs.attention_mask);
  if (inputs.mask_time_indices && bertConfig(golden).apply_spec_augment) {
    feeds.mask_time_indices = floats(inputs.mask_time_indices);
  }
  return feeds;
}
