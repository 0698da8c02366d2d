/**
 * `config.json` of Wav2Vec2-BERT checkpoints, checked in full before any
 * weight is read. Fields and defaults are those of transformers'
 * `Wav2Vec2BertConfig`.
 *
 * @module
 */
import { z } from "zod";
import { UnsupportedConfigError } from "../errors.ts";
import type { Activation } from "./activation.ts";
import type { Task } from "./config.ts";
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
  index,
  oneOf,
  parseFields,
  positive,
} from "./config_fields.ts";

/** How attention knows where frames lie. */
export type PositionEmbeddingsType = "relative_key" | "relative" | "rotary";

/** The network, its heads and their losses, as `config.json` describes them. */
export interface Wav2Vec2BertConfig extends CommonConfig {
  /** Names the family. */
  readonly model_type: "wav2vec2-bert";

  /** Tokens of the CTC head; null without one. @default {null} */
  readonly vocab_size: number | null;
  /** Width of the encoder. @default {1024} */
  readonly hidden_size: number;
  /** Blocks of the encoder. @default {24} */
  readonly num_hidden_layers: number;
  /** Heads of each attention; they divide `hidden_size`. @default {16} */
  readonly num_attention_heads: number;
  /** Width inside the feed-forward blocks. @default {4096} */
  readonly intermediate_size: number;
  /** Width of the input: mel bins × stacked frames. @default {160} */
  readonly feature_projection_input_dim: number;
  /** Activation of the feed-forward and convolution blocks. @default {"swish"} */
  readonly hidden_act: Activation;
  /** Epsilon of every layer norm. @default {1e-5} */
  readonly layer_norm_eps: number;
  /** Kernel of the depthwise convolutions, odd. @default {31} */
  readonly conv_depthwise_kernel_size: number;

  /** How attention knows where frames lie; null: not at all. @default {"relative_key"} */
  readonly position_embeddings_type: PositionEmbeddingsType | null;
  /** Base of the rotation speeds of `rotary`. @default {10000} */
  readonly rotary_embedding_base: number;
  /** Length the reference prepares its table of `relative` for; it grows with longer inputs, so the values do not depend on it. @default {5000} */
  readonly max_source_positions: number;
  /** Frames before which `relative_key` no longer tells distances apart. @default {64} */
  readonly left_max_position_embeddings: number;
  /** Frames after which `relative_key` no longer tells distances apart. @default {8} */
  readonly right_max_position_embeddings: number;

  /** Whether sub-sampling layers stand on top of the encoder. @default {false} */
  readonly add_adapter: boolean;
  /** Kernel of each adapter layer. @default {3} */
  readonly adapter_kernel_size: number;
  /** Stride of each adapter layer. @default {2} */
  readonly adapter_stride: number;
  /** Adapter layers. @default {1} */
  readonly num_adapter_layers: number;
  /** Activation of the adapter's feed-forward blocks. @default {"relu"} */
  readonly adapter_act: Activation;
  /** Whether half a feed-forward block comes before the adapter. @default {false} */
  readonly use_intermediate_ffn_before_adapter: boolean;
  /** Width of the adapter. @default {hidden_size} */
  readonly output_hidden_size: number;

  /** Width between projector and classifier of sequence classification. @default {768} */
  readonly classifier_proj_size: number;
  /** Width of each time-delay layer of the x-vector head. @default {[512, 512, 512, 512, 1500]} */
  readonly tdnn_dim: readonly number[];
  /** Kernel of each time-delay layer. @default {[5, 3, 3, 1, 1]} */
  readonly tdnn_kernel: readonly number[];
  /** Dilation of each time-delay layer. @default {[1, 2, 3, 1, 1]} */
  readonly tdnn_dilation: readonly number[];
  /** Width of an x-vector. @default {512} */
  readonly xvector_output_dim: number;
  /** Training only. @default {0} */
  readonly hidden_dropout: number;
  /** Training only. @default {0} */
  readonly activation_dropout: number;
  /** Training only. @default {0} */
  readonly attention_dropout: number;
  /** Training only. @default {0.1} */
  readonly conformer_conv_dropout: number;
}

const fields = commonFields.and(z.object({
  model_type: z.literal("wav2vec2-bert", '"wav2vec2-bert"'),

  vocab_size: count.nullable().default(null),
  hidden_size: count.default(1024),
  num_hidden_layers: count.default(24),
  num_attention_heads: count.default(16),
  intermediate_size: count.default(4096),
  feature_projection_input_dim: count.default(160),
  hidden_act: activation.default("swish"),
  layer_norm_eps: positive.default(1e-5),
  conv_depthwise_kernel_size: count.default(31),

  position_embeddings_type: oneOf(["relative_key", "relative", "rotary"]).nullable()
    .default("relative_key"),
  rotary_embedding_base: positive.default(10000),
  max_source_positions: count.default(5000),
  left_max_position_embeddings: index.default(64),
  right_max_position_embeddings: index.default(8),

  add_adapter: flag.default(false),
  adapter_kernel_size: count.default(3),
  adapter_stride: count.default(2),
  num_adapter_layers: count.default(1),
  adapter_act: activation.default("relu"),
  use_intermediate_ffn_before_adapter: flag.default(false),
  output_hidden_size: count.nullable().default(null),

  classifier_proj_size: count.default(768),
  tdnn_dim: counts.default([512, 512, 512, 512, 1500]),
  tdnn_kernel: counts.default([5, 3, 3, 1, 1]),
  tdnn_dilation: counts.default([1, 2, 3, 1, 1]),
  xvector_output_dim: count.default(512),
  hidden_dropout: fraction.default(0),
  activation_dropout: fraction.default(0),
  attention_dropout: fraction.default(0),
  conformer_conv_dropout: fraction.default(0.1),
}, "an object of fields"));

type Fields = z.infer<typeof fields>;

/**
 * Checks the content of a `config.json` and fills in what it leaves out.
 * Fields it does not know are ignored, as in transformers.
 *
 * @param json The parsed file.
 * @param options `path` of the file, for the error.
 * @returns The config, every field present.
 * @throws {UnsupportedConfigError} If a field, or how two of them go together, is not supported.
 *
 * @example
 * ```ts
 * import { parseWav2Vec2BertConfig } from "./wav2vec2_bert_config.ts";
 * import { assertEquals } from "../../tests/assert.ts";
 *
 * const config = parseWav2Vec2BertConfig({ model_type: "wav2vec2-bert", hidden_size: 512 });
 * assertEquals(config.position_embeddings_type, "relative_key");
 * assertEquals(config.output_hidden_size, 512);
 * ```
 */
export function parseWav2Vec2BertConfig(
  json: unknown,
  { path }: { readonly path?: string } = {},
): Wav2Vec2BertConfig {
  const options = { what: "config.json", path, constraints };
  const { num_labels, ...parsed } = parseFields(json, fields, options);
  const config = {
    ...parsed,
    ...completeLabels({ ...parsed, num_labels }),
    output_hidden_size: parsed.output_hidden_size ?? parsed.hidden_size,
  };
  const task = TASKS.get(config.architectures[0] ?? "");
  if (task !== undefined) checkTask(config, task, { path });
  return config;
}

function constraints(config: Fields): Constraint<keyof Fields>[] {
  const { hidden_size, num_attention_heads, add_adapter } = config;
  const layerCount = config.tdnn_dim.length;
  const perLayer = `one entry for each of the ${layerCount} entries of tdnn_dim`;
  return [
    {
      field: "num_attention_heads",
      accepted: hidden_size % num_attention_heads === 0,
      supported: `a divisor of hidden_size (${hidden_size})`,
    },
    {
      field: "output_hidden_size",
      accepted: !add_adapter ||
        (config.output_hidden_size ?? hidden_size) % num_attention_heads === 0,
      supported: `a multiple of num_attention_heads (${num_attention_heads})`,
    },
    ...positionConstraints(config),
    {
      field: "conv_depthwise_kernel_size",
      accepted: config.conv_depthwise_kernel_size % 2 === 1,
      supported: "an odd number",
    },
    {
      field: "use_intermediate_ffn_before_adapter",
      accepted: !config.use_intermediate_ffn_before_adapter || add_adapter,
      supported: "false without add_adapter",
    },
    {
      field: "tdnn_kernel",
      accepted: config.tdnn_kernel.length === layerCount,
      supported: perLayer,
    },
    {
      field: "tdnn_dilation",
      accepted: config.tdnn_dilation.length === layerCount,
      supported: perLayer,
    },
    ...labelConstraints(config),
  ];
}

/** Sinusoids come in pairs of sine and cosine. */
function positionConstraints(
  { hidden_size, num_attention_heads, position_embeddings_type }: Fields,
): Constraint<"position_embeddings_type">[] {
  const headSize = hidden_size / num_attention_heads;
  return [
    {
      field: "position_embeddings_type",
      accepted: position_embeddings_type !== "rotary" || headSize % 2 === 0,
      supported: `"relative_key", "relative" or null, as the heads have an odd size (${headSize})`,
    },
    {
      field: "position_embeddings_type",
      accepted: position_embeddings_type !== "relative" || hidden_size % 2 === 0,
      supported: `"relative_key", "rotary" or null, as hidden_size is odd (${hidden_size})`,
    },
  ];
}

/** The tasks by the class that was saved. */
const TASKS: ReadonlyMap<string, Task> = new Map([
  ["Wav2Vec2BertModel", "base"],
  ["Wav2Vec2BertForCTC", "ctc"],
  ["Wav2Vec2BertForSequenceClassification", "sequence-classification"],
  ["Wav2Vec2BertForAudioFrameClassification", "frame-classification"],
  ["Wav2Vec2BertForXVector", "x-vector"],
]);

/**
 * The task a checkpoint was saved for.
 *
 * @throws {UnsupportedConfigError} If `architectures` names no supported class first.
 */
export function wav2Vec2BertTaskOf(
  { architectures }: Pick<Wav2Vec2BertConfig, "architectures">,
): Task {
  const task = TASKS.get(architectures[0] ?? "");
  if (task !== undefined) return task;
  const supported = `one of ${[...TASKS.keys()].join(", ")}, unless the task is given`;
  throw new UnsupportedConfigError("architectures", architectures, supported);
}

/** The class that computes a task. */
export function wav2Vec2BertClassName(task: Task): string {
  return [...TASKS].find(([, own]) => own === task)![0];
}

/**
 * Checks that a config has what a task's head needs.
 *
 * @throws {UnsupportedConfigError} If the reference has no such combination either.
 */
export function checkTask(
  config: Wav2Vec2BertConfig,
  task: Task,
  { path }: { readonly path?: string | undefined } = {},
): void {
  for (const { field, accepted, supported } of taskConstraints(config, task)) {
    if (accepted) continue;
    const where = path === undefined ? {} : { path };
    throw new UnsupportedConfigError(field, config[field], supported, where);
  }
}

function taskConstraints(
  config: Wav2Vec2BertConfig,
  task: Task,
): Constraint<keyof Wav2Vec2BertConfig>[] {
  const { vocab_size, pad_token_id, hidden_size, output_hidden_size, add_adapter } = config;
  switch (task) {
    case "base":
      return [];
    case "ctc":
      return [
        {
          field: "vocab_size",
          accepted: vocab_size !== null,
          supported: "a positive integer, as the model has a CTC head",
        },
        {
          field: "pad_token_id",
          accepted: pad_token_id === null || vocab_size === null || pad_token_id < vocab_size,
          supported: `a token below vocab_size (${vocab_size}), as it is the CTC blank`,
        },
      ];
    case "sequence-classification":
    case "frame-classification":
      return [
        { field: "add_adapter", accepted: !add_adapter, supported: `false for ${task}` },
      ];
    case "x-vector":
      return [{
        field: "output_hidden_size",
        accepted: !add_adapter || config.use_weighted_layer_sum ||
          output_hidden_size === hidden_size,
        supported: `hidden_size (${hidden_size}) for x-vector`,
      }];
    default:
      return task satisfies never;
  }
}
