import { UnsupportedConfigError } from "../../src/errors.ts";
import {
  checkTask,
  parseWav2Vec2BertConfig,
  wav2Vec2BertTaskOf,
} from "../../src/model/wav2vec2_bert_config.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const parse = (json: Record<string, unknown>, path?: string) =>
  parseWav2Vec2BertConfig(
    { model_type: "wav2vec2-bert", ...json },
    path === undefined ? {} : { path },
  );

Deno.test("parseWav2Vec2BertConfig() fills in transformers' defaults", () => {
  const config = parse({});
  assertEquals(
    [config.hidden_size, config.num_hidden_layers, config.hidden_act, config.vocab_size],
    [1024, 24, "swish", null],
  );
  assertEquals([...config.tdnn_dim], [512, 512, 512, 512, 1500]);
  assertEquals(config.id2label, { 0: "LABEL_0", 1: "LABEL_1" });
  assertEquals(config.output_hidden_size, 1024);
});

Deno.test("parseWav2Vec2BertConfig() reads w2v-BERT 2.0's fields, those of its quantiser ignored", () => {
  const config = parse({
    architectures: ["Wav2Vec2BertModel"],
    activation_dropout: 0.0,
    adapter_act: "relu",
    codevector_dim: 768,
    conformer_conv_dropout: 0.1,
    contrastive_logits_temperature: 0.1,
    diversity_loss_weight: 0.1,
    eos_token_id: 2,
    feat_quantizer_dropout: 0.0,
    output_hidden_size: 1024,
    position_embeddings_type: "relative_key",
    torch_dtype: "float32",
    vocab_size: null,
  });
  assertEquals(wav2Vec2BertTaskOf(config), "base");
});

Deno.test("parseWav2Vec2BertConfig() names the field it does not support", () => {
  const bad: [string, Record<string, unknown>][] = [
    ["model_type", { model_type: "wav2vec2-conformer" }],
    ["hidden_act", { hidden_act: "glu" }],
    ["position_embeddings_type", { position_embeddings_type: "absolute" }],
    ["position_embeddings_type", {
      position_embeddings_type: "rotary",
      hidden_size: 9,
      num_attention_heads: 3,
    }],
    ["position_embeddings_type", {
      position_embeddings_type: "relative",
      hidden_size: 9,
      num_attention_heads: 3,
    }],
    ["num_attention_heads", { num_attention_heads: 7 }],
    ["output_hidden_size", { add_adapter: true, output_hidden_size: 100 }],
    ["conv_depthwise_kernel_size", { conv_depthwise_kernel_size: 30 }],
    ["use_intermediate_ffn_before_adapter", { use_intermediate_ffn_before_adapter: true }],
    ["tdnn_kernel", { tdnn_kernel: [5, 3] }],
    ["tdnn_dilation", { tdnn_dilation: [1] }],
    ["left_max_position_embeddings", { left_max_position_embeddings: -1 }],
    ["id2label", { id2label: { 1: "a" } }],
    ["num_labels", { id2label: { 0: "a" }, num_labels: 2 }],
    ["vocab_size", { architectures: ["Wav2Vec2BertForCTC"] }],
    ["pad_token_id", { architectures: ["Wav2Vec2BertForCTC"], vocab_size: 4, pad_token_id: 4 }],
    ["add_adapter", {
      architectures: ["Wav2Vec2BertForSequenceClassification"],
      add_adapter: true,
    }],
    ["add_adapter", {
      architectures: ["Wav2Vec2BertForAudioFrameClassification"],
      add_adapter: true,
    }],
    ["output_hidden_size", {
      architectures: ["Wav2Vec2BertForXVector"],
      add_adapter: true,
      output_hidden_size: 512,
    }],
  ];
  for (const [field, json] of bad) {
    const error = assertThrows(() => parse(json, "config.json"), UnsupportedConfigError);
    assertEquals([error.field, error.path], [field, "config.json"]);
  }
});

Deno.test("wav2Vec2BertTaskOf() reads the class that was saved", () => {
  const tasks = [
    ["Wav2Vec2BertModel", "base"],
    ["Wav2Vec2BertForCTC", "ctc"],
    ["Wav2Vec2BertForSequenceClassification", "sequence-classification"],
    ["Wav2Vec2BertForAudioFrameClassification", "frame-classification"],
    ["Wav2Vec2BertForXVector", "x-vector"],
  ] as const;
  for (const [name, task] of tasks) {
    assertEquals(wav2Vec2BertTaskOf(parse({ architectures: [name], vocab_size: 5 })), task);
  }
  assertThrows(
    () => wav2Vec2BertTaskOf(parse({ architectures: ["Wav2Vec2BertForPreTraining"] })),
    UnsupportedConfigError,
    "unless the task is given",
  );
});

Deno.test("checkTask() asks for what the head of a given task needs", () => {
  assertThrows(() => checkTask(parse({}), "ctc"), UnsupportedConfigError, "vocab_size");
  checkTask(parse({ vocab_size: 5 }), "ctc");
  checkTask(parse({ add_adapter: true }), "x-vector");
  const weighted = { add_adapter: true, output_hidden_size: 512, use_weighted_layer_sum: true };
  checkTask(parse(weighted), "x-vector");
});
