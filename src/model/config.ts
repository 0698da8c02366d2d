/**
 * `config.json` of HuBERT and wav2vec 2.0 checkpoints, checked in full before
 * any weight is read. Fields and defaults are those of transformers'
 * `HubertConfig`; wav2vec 2.0 is the same network with two switches fixed.
 *
 * @module
 */
import { z } from "zod";
import { UnsupportedConfigError } from "../errors.ts";
import type { Activation } from "./activation.ts";
import {
  type CommonConfig,
  commonFields,
  completeLabels,
  labelConstraints,
} from "./common_config.ts";
import {
  activation,
  type Constraint,
  count,
  counts,
  flag,
  fraction,
  oneOf,
  parseFields,
  positive,
} from "./config_fields.ts";

export type { Activation } from "./activation.ts";

/** What a model is for; each has its head. */
export type Task = "base" | "ctc" | "sequence-classification" | "frame-classification" | "x-vector";

/** What HuBERT and wav2vec 2.0 are for. */
export type HubertTask = Exclude<Task, "frame-classification" | "x-vector">;

/** The network, its heads and their losses, as `config.json` describes them. */
export interface HubertConfig extends CommonConfig {
  /** Names the weights: `hubert.…` or `wav2vec2.…`. */
  readonly model_type: "hubert" | "wav2vec2";

  /** Tokens of the CTC head. @default {32} */
  readonly vocab_size: number;
  /** Width of the transformer. @default {768} */
  readonly hidden_size: number;
  /** Layers of the transformer. @default {12} */
  readonly num_hidden_layers: number;
  /** Heads of each attention; they divide `hidden_size`. @default {12} */
  readonly num_attention_heads: number;
  /** Width inside the feed-forward blocks. @default {3072} */
  readonly intermediate_size: number;
  /** Activation of the feed-forward blocks. @default {"gelu"} */
  readonly hidden_act: Activation;
  /** Epsilon of the transformer's layer norms and of the feature projection's, not of the front end's. @default {1e-5} */
  readonly layer_norm_eps: number;
  /** Whether layers normalise before their branches and not after. @default {false} */
  readonly do_stable_layer_norm: boolean;
  /** Width of the language adapter in each layer; only layers that normalise first have one. @default {null} */
  readonly adapter_attn_dim: number | null;

  /** Norm of the front end: `group` after its first layer, `layer` after each. @default {"group"} */
  readonly feat_extract_norm: "group" | "layer";
  /** Activation of the front end and of the positional convolution. @default {"gelu"} */
  readonly feat_extract_activation: Activation;
  /** Channels of each front end layer. @default {[512, 512, 512, 512, 512, 512, 512]} */
  readonly conv_dim: readonly number[];
  /** Stride of each front end layer. @default {[5, 2, 2, 2, 2, 2, 2]} */
  readonly conv_stride: readonly number[];
  /** Kernel of each front end layer. @default {[10, 3, 3, 3, 3, 2, 2]} */
  readonly conv_kernel: readonly number[];
  /** Layers of the front end. @default {conv_dim.length} */
  readonly num_feat_extract_layers: number;
  /** Whether the front end's convolutions have a bias. @default {false} */
  readonly conv_bias: boolean;
  /** Whether features are normalised before their projection; always in wav2vec 2.0. @default {true} */
  readonly feat_proj_layer_norm: boolean;
  /** Kernel of the positional convolution. @default {128} */
  readonly num_conv_pos_embeddings: number;
  /** Groups of the positional convolution; they divide `hidden_size`. @default {16} */
  readonly num_conv_pos_embedding_groups: number;
  /** Whether the positional convolution has batch norm instead of weight norm; never in wav2vec 2.0. @default {false} */
  readonly conv_pos_batch_norm: boolean;

  /** Width between projector and classifier. @default {256} */
  readonly classifier_proj_size: number;
  /** Training only. @default {0.1} */
  readonly hidden_dropout: number;
  /** Training only. @default {0.1} */
  readonly activation_dropout: number;
  /** Training only. @default {0.1} */
  readonly attention_dropout: number;
  /** wav2vec 2.0's convolutions on top of the encoder; only `false` is supported. @default {false} */
  readonly add_adapter: boolean;
}

const fields = commonFields.and(z.object({
  model_type: oneOf(["hubert", "wav2vec2"]),

  vocab_size: count.default(32),
  hidden_size: count.default(768),
  num_hidden_layers: count.default(12),
  num_attention_heads: count.default(12),
  intermediate_size: count.default(3072),
  hidden_act: activation.default("gelu"),
  layer_norm_eps: positive.default(1e-5),
  do_stable_layer_norm: flag.default(false),
  adapter_attn_dim: count.nullable().default(null),

  feat_extract_norm: oneOf(["group", "layer"]).default("group"),
  feat_extract_activation: activation.default("gelu"),
  conv_dim: counts.default([512, 512, 512, 512, 512, 512, 512]),
  conv_stride: counts.default([5, 2, 2, 2, 2, 2, 2]),
  conv_kernel: counts.default([10, 3, 3, 3, 3, 2, 2]),
  num_feat_extract_layers: count.optional(),
  conv_bias: flag.default(false),
  feat_proj_layer_norm: flag.default(true),
  num_conv_pos_embeddings: count.default(128),
  num_conv_pos_embedding_groups: count.default(16),
  conv_pos_batch_norm: flag.default(false),

  classifier_proj_size: count.default(256),
  hidden_dropout: fraction.default(0.1),
  activation_dropout: fraction.default(0.1),
  attention_dropout: fraction.default(0.1),
  add_adapter: z.literal(false, "false").default(false),
}, "an object of fields"));

type Fields = z.infer<typeof fields>;

/** Options of {@linkcode parseHubertConfig}. */
export interface ParseConfigOptions {
  /** The file the JSON came from, for the error. */
  readonly path?: string;
}

/**
 * Checks the content of a `config.json` and fills in what it leaves out.
 * Fields it does not know are ignored, as in transformers.
 *
 * @param json The parsed file.
 * @returns The config, every field present.
 * @throws {UnsupportedConfigError} If a field, or how two of them go together, is not supported.
 *
 * @example
 * ```ts
 * import { parseHubertConfig } from "./config.ts";
 * import { assertEquals } from "../../tests/assert.ts";
 *
 * const config = parseHubertConfig({ model_type: "hubert", hidden_size: 1024, num_attention_heads: 16 });
 * assertEquals(config.intermediate_size, 3072);
 * ```
 */
export function parseHubertConfig(
  json: unknown,
  { path }: ParseConfigOptions = {},
): HubertConfig {
  return complete(parseFields(json, fields, { what: "config.json", path, constraints }));
}

function constraints(config: Fields): Constraint<keyof Fields>[] {
  const layerCount = config.conv_dim.length;
  const perLayer = `one entry for each of the ${layerCount} entries of conv_dim`;
  const divides = `a divisor of hidden_size (${config.hidden_size})`;
  return [
    {
      field: "conv_stride",
      accepted: config.conv_stride.length === layerCount,
      supported: perLayer,
    },
    {
      field: "conv_kernel",
      accepted: config.conv_kernel.length === layerCount,
      supported: perLayer,
    },
    {
      field: "num_feat_extract_layers",
      accepted: (config.num_feat_extract_layers ?? layerCount) === layerCount,
      supported: `the length of conv_dim (${layerCount})`,
    },
    {
      field: "num_attention_heads",
      accepted: config.hidden_size % config.num_attention_heads === 0,
      supported: divides,
    },
    {
      field: "num_conv_pos_embedding_groups",
      accepted: config.hidden_size % config.num_conv_pos_embedding_groups === 0,
      supported: divides,
    },
    ...labelConstraints(config),
    {
      field: "pad_token_id",
      accepted: config.pad_token_id === null || config.pad_token_id < config.vocab_size ||
        !config.architectures.some((name) => name.endsWith("ForCTC")),
      supported: `a token below vocab_size (${config.vocab_size}), as it is the CTC blank`,
    },
  ];
}

function complete({ num_labels, ...config }: Fields): HubertConfig {
  const isWav2Vec2 = config.model_type === "wav2vec2";
  return {
    ...config,
    ...completeLabels({ ...config, num_labels }),
    num_feat_extract_layers: config.conv_dim.length,
    feat_proj_layer_norm: isWav2Vec2 || config.feat_proj_layer_norm,
    conv_pos_batch_norm: !isWav2Vec2 && config.conv_pos_batch_norm,
  };
}

/** The tasks by the class that was saved, without the names of family and framework. */
const TASKS: ReadonlyMap<string, HubertTask> = new Map([
  ["Model", "base"],
  ["ForPreTraining", "base"],
  ["ForCTC", "ctc"],
  ["ForSequenceClassification", "sequence-classification"],
]);

/**
 * The task a checkpoint was saved for.
 *
 * @throws {UnsupportedConfigError} If `architectures` names no supported class first.
 */
export function taskOf(config: HubertConfig): HubertTask {
  const name = config.architectures[0];
  const task = TASKS.get(name?.replace(/^(TF|Flax)?(Hubert|Wav2Vec2)/, "") ?? "");
  if (task !== undefined) return task;
  const suffixes = [...TASKS.keys()].map((suffix) => `Hubert${suffix}`).join(", ");
  throw new UnsupportedConfigError(
    "architectures",
    config.architectures,
    `one of ${suffixes}, or their Wav2Vec2 twins, unless the task is given`,
  );
}
