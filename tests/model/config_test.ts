import { UnsupportedConfigError } from "../../src/errors.ts";
import { type HubertConfig, parseHubertConfig, taskOf } from "../../src/model/config.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const hubert = { model_type: "hubert" };

function refusal(json: unknown): UnsupportedConfigError {
  return assertThrows(() => parseHubertConfig(json), UnsupportedConfigError);
}

Deno.test("parseHubertConfig() fills in what transformers does", () => {
  const config = parseHubertConfig(hubert);
  const base: Partial<HubertConfig> = {
    vocab_size: 32,
    hidden_size: 768,
    num_hidden_layers: 12,
    num_attention_heads: 12,
    intermediate_size: 3072,
    hidden_act: "gelu",
    feat_extract_norm: "group",
    feat_proj_layer_norm: true,
    conv_dim: [512, 512, 512, 512, 512, 512, 512],
    conv_stride: [5, 2, 2, 2, 2, 2, 2],
    conv_kernel: [10, 3, 3, 3, 3, 2, 2],
    num_conv_pos_embeddings: 128,
    num_conv_pos_embedding_groups: 16,
    adapter_attn_dim: null,
    pad_token_id: 0,
    id2label: { 0: "LABEL_0", 1: "LABEL_1" },
    label2id: { LABEL_0: 0, LABEL_1: 1 },
  };
  for (const [field, value] of Object.entries(base)) {
    assertEquals(config[field as keyof HubertConfig], value, field);
  }
});

Deno.test("parseHubertConfig() ignores fields it does not know", () => {
  const json = { ...hubert, gradient_checkpointing: false, torch_dtype: "float32" };
  assertEquals(parseHubertConfig(json), parseHubertConfig(hubert));
});

Deno.test("parseHubertConfig() fixes the two switches wav2vec 2.0 does not have", () => {
  const json = { feat_proj_layer_norm: false, conv_pos_batch_norm: true };
  const wav2vec2 = parseHubertConfig({ ...json, model_type: "wav2vec2" });
  assertEquals([wav2vec2.feat_proj_layer_norm, wav2vec2.conv_pos_batch_norm], [true, false]);
  const other = parseHubertConfig({ ...json, ...hubert });
  assertEquals([other.feat_proj_layer_norm, other.conv_pos_batch_norm], [false, true]);
});

Deno.test("parseHubertConfig() reads labels", () => {
  const named = parseHubertConfig({
    ...hubert,
    id2label: { 0: "yes", 1: "no", 2: "up" },
    label2id: { yes: "0", no: 1, up: 2 },
  });
  assertEquals(named.id2label[2], "up");
  assertEquals(named.label2id, { yes: 0, no: 1, up: 2 });
  const counted = parseHubertConfig({ ...hubert, num_labels: 3 });
  assertEquals(counted.id2label, { 0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2" });
});

/** Every field with a value nobody supports. */
const REFUSED: readonly (readonly [keyof HubertConfig | "num_labels", unknown])[] = [
  ["model_type", "wav2vec2-conformer"],
  ["architectures", "HubertForCTC"],
  ["vocab_size", 0],
  ["hidden_size", "768"],
  ["num_hidden_layers", 1.5],
  ["num_attention_heads", 7],
  ["intermediate_size", -1],
  ["hidden_act", "xielu"],
  ["layer_norm_eps", 0],
  ["do_stable_layer_norm", "true"],
  ["adapter_attn_dim", 0],
  ["feat_extract_norm", "batch"],
  ["feat_extract_activation", 1],
  ["conv_dim", []],
  ["conv_stride", [5, 2, 2, 2, 2, 2]],
  ["conv_kernel", [10, 3, 3, 3, 3, 2, 0]],
  ["num_feat_extract_layers", 8],
  ["conv_bias", 0],
  ["feat_proj_layer_norm", null],
  ["num_conv_pos_embeddings", 0],
  ["num_conv_pos_embedding_groups", 5],
  ["conv_pos_batch_norm", []],
  ["pad_token_id", -1],
  ["bos_token_id", "1"],
  ["eos_token_id", [2, -3]],
  ["ctc_loss_reduction", "none"],
  ["ctc_zero_infinity", 1],
  ["use_weighted_layer_sum", 1],
  ["classifier_proj_size", 0],
  ["num_labels", 0],
  ["id2label", { 1: "one" }],
  ["label2id", { one: "first" }],
  ["problem_type", "ranking"],
  ["apply_spec_augment", "no"],
  ["mask_time_prob", 2],
  ["mask_time_length", 0],
  ["mask_time_min_masks", -1],
  ["mask_feature_prob", -1],
  ["mask_feature_length", 0],
  ["mask_feature_min_masks", 0.5],
  ["hidden_dropout", 1.1],
  ["activation_dropout", "0.1"],
  ["attention_dropout", null],
  ["feat_proj_dropout", -0.1],
  ["final_dropout", 2],
  ["layerdrop", 2],
  ["initializer_range", "small"],
  ["add_adapter", true],
];

for (const [field, value] of REFUSED) {
  Deno.test(`parseHubertConfig() refuses ${field} ${JSON.stringify(value)} by name`, () => {
    const error = refusal({ ...hubert, [field]: value });
    assertEquals([error.field, error.value], [field, value]);
  });
}

Deno.test("parseHubertConfig() has a refusal tested for every field", () => {
  const tested = new Set<string>(REFUSED.map(([field]) => field));
  assertEquals(Object.keys(parseHubertConfig(hubert)).filter((field) => !tested.has(field)), []);
});

Deno.test("parseHubertConfig() refuses what is no config and says where it was", () => {
  for (const json of [null, [], "hubert", 1]) assertEquals(refusal(json).field.length > 0, true);
  const error = assertThrows(
    () => parseHubertConfig({ model_type: "bert" }, { path: "a/config.json" }),
    UnsupportedConfigError,
    'Cannot use config field "model_type" with value "bert": supported is one of "hubert", "wav2vec2"',
  );
  assertEquals(error.path, "a/config.json");
});

Deno.test("parseHubertConfig() refuses a blank that is no token of the CTC head", () => {
  const json = { ...hubert, architectures: ["HubertForCTC"], vocab_size: 5, pad_token_id: 5 };
  assertEquals(refusal(json).field, "pad_token_id");
  assertEquals(parseHubertConfig({ ...json, architectures: ["HubertModel"] }).pad_token_id, 5);
});

Deno.test("parseHubertConfig() refuses class counts that contradict each other", () => {
  assertEquals(refusal({ ...hubert, num_labels: 3, id2label: { 0: "a" } }).field, "num_labels");
});

Deno.test("taskOf() reads the task off the class that was saved", () => {
  const tasks = [
    ["HubertModel", "base"],
    ["HubertForCTC", "ctc"],
    ["TFHubertForCTC", "ctc"],
    ["HubertForSequenceClassification", "sequence-classification"],
    ["Wav2Vec2ForCTC", "ctc"],
    ["Wav2Vec2ForPreTraining", "base"],
  ] as const;
  for (const [name, task] of tasks) {
    assertEquals(taskOf(parseHubertConfig({ ...hubert, architectures: [name] })), task);
  }
  for (const architectures of [undefined, null, [], ["Wav2Vec2ForXVector"], ["ForCTC2"]]) {
    const config = parseHubertConfig({ ...hubert, architectures });
    assertThrows(() => taskOf(config), UnsupportedConfigError, "architectures");
  }
});
