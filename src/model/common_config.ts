/**
 * What `config.json` says alike in every family: tokens, classes, losses, masking and training.
 *
 * @module
 */
import { z } from "zod";
import { type Constraint, count, flag, fraction, index, oneOf } from "./config_fields.ts";

/** Fields of every config, with the same meaning and the same default. */
export interface CommonConfig {
  /** Classes the weights were saved from; the first one says the task. @default {[]} */
  readonly architectures: readonly string[];

  /** The CTC blank. @default {0} */
  readonly pad_token_id: number | null;
  /** Token that begins a sentence. @default {1} */
  readonly bos_token_id: number | null;
  /** Token or tokens that end a sentence. @default {2} */
  readonly eos_token_id: number | readonly number[] | null;
  /** How CTC losses of a batch become one. @default {"sum"} */
  readonly ctc_loss_reduction: "sum" | "mean";
  /** Whether infinite CTC losses count as 0. @default {false} */
  readonly ctc_zero_infinity: boolean;

  /** Whether classifiers see a learned mean of all layers. @default {false} */
  readonly use_weighted_layer_sum: boolean;
  /** Names of the classes, keyed 0, 1, 2 …. @default {{0: "LABEL_0", 1: "LABEL_1"}, or as many as `num_labels`} */
  readonly id2label: Readonly<Record<number, string>>;
  /** Classes by name. @default {the inverse of `id2label`} */
  readonly label2id: Readonly<Record<string, number>>;
  /** Loss of the classifier; null lets the labels decide. @default {null} */
  readonly problem_type:
    | "regression"
    | "single_label_classification"
    | "multi_label_classification"
    | null;

  /** Whether `mask_time_indices` has an effect. @default {true} */
  readonly apply_spec_augment: boolean;
  /** Training only; above 0, the checkpoint has a mask vector. @default {0.05} */
  readonly mask_time_prob: number;
  /** Training only. @default {10} */
  readonly mask_time_length: number;
  /** Training only. @default {2} */
  readonly mask_time_min_masks: number;
  /** Training only; above 0, the checkpoint has a mask vector. @default {0} */
  readonly mask_feature_prob: number;
  /** Training only. @default {10} */
  readonly mask_feature_length: number;
  /** Training only. @default {0} */
  readonly mask_feature_min_masks: number;
  /** Training only. @default {0} */
  readonly feat_proj_dropout: number;
  /** Training only. @default {0.1} */
  readonly final_dropout: number;
  /** Training only. @default {0.1} */
  readonly layerdrop: number;
  /** Training only. @default {0.02} */
  readonly initializer_range: number;
}

/** The same as the file has them: classes may be named, counted or left out. */
export interface CommonFields extends Omit<CommonConfig, "id2label" | "label2id"> {
  /** Names of the classes. */
  readonly id2label: Readonly<Record<string, string>> | null;
  /** Classes by name. */
  readonly label2id: Readonly<Record<string, number>> | null;
  /** How many classes there are. */
  readonly num_labels: number | null;
}

const classNames = "a list of class names";
const namesById = "names keyed by 0, 1, 2 …";
const idsByName = "class ids keyed by their names";

/** `label2id`; many training scripts wrote the ids as strings. */
const labelIds = z.record(
  z.string(),
  z.union([z.int().min(0), z.string().regex(/^\d+$/).transform(Number)], idsByName),
  idsByName,
);

/** Checks the fields of every config. */
export const commonFields: z.ZodType<CommonFields> = z.object({
  architectures: z.array(z.string(classNames), classNames).nullable().default([])
    .transform((names) => names ?? []),

  pad_token_id: index.nullable().default(0),
  bos_token_id: index.nullable().default(1),
  eos_token_id: z.union([index, z.array(index)], "a token id, a list of them, or null")
    .nullable().default(2),
  ctc_loss_reduction: oneOf(["sum", "mean"]).default("sum"),
  ctc_zero_infinity: flag.default(false),

  use_weighted_layer_sum: flag.default(false),
  num_labels: count.nullable().default(null),
  id2label: z.record(z.string(), z.string(namesById), namesById).nullable().default(null),
  label2id: labelIds.nullable().default(null),
  problem_type: oneOf(
    ["regression", "single_label_classification", "multi_label_classification"],
  ).nullable().default(null),

  apply_spec_augment: flag.default(true),
  mask_time_prob: fraction.default(0.05),
  mask_time_length: count.default(10),
  mask_time_min_masks: index.default(2),
  mask_feature_prob: fraction.default(0),
  mask_feature_length: count.default(10),
  mask_feature_min_masks: index.default(0),
  feat_proj_dropout: fraction.default(0),
  final_dropout: fraction.default(0.1),
  layerdrop: fraction.default(0.1),
  initializer_range: z.number("a number").default(0.02),
}, "an object of fields");

/** The classes, from whichever of `id2label` and `num_labels` the file has. */
export function completeLabels(
  { id2label, label2id, num_labels }: Pick<CommonFields, "id2label" | "label2id" | "num_labels">,
): Pick<CommonConfig, "id2label" | "label2id"> {
  const names: Readonly<Record<string, string>> = id2label ??
    Object.fromEntries(Array.from({ length: num_labels ?? 2 }, (_, id) => [id, `LABEL_${id}`]));
  const inverse = Object.entries(names).map(([id, name]) => [name, Number(id)]);
  return { id2label: names, label2id: label2id ?? Object.fromEntries(inverse) };
}

/** The conditions on the classes. */
export function labelConstraints(
  { id2label, num_labels }: Pick<CommonFields, "id2label" | "num_labels">,
): Constraint<"id2label" | "num_labels">[] {
  if (id2label === null) return [];
  const labelCount = Object.keys(id2label).length;
  const ids = Array.from({ length: labelCount }, (_, id) => id);
  return [
    {
      field: "id2label",
      accepted: labelCount > 0 && ids.every((id) => Object.hasOwn(id2label, id)),
      supported: "names keyed by 0, 1, 2 … without a gap",
    },
    {
      field: "num_labels",
      accepted: (num_labels ?? labelCount) === labelCount,
      supported: `the number of names in id2label (${labelCount})`,
    },
  ];
}
