/**
 * A CTC checkpoint of the smallest size that is one: quick over hours of audio.
 *
 * @module
 */
import { join } from "../src/std.ts";
import { elementCount } from "../src/tensor.ts";

const H = 4;
const V = 5;
const KERNEL = 2000;

const CONFIG = {
  model_type: "hubert",
  architectures: ["HubertForCTC"],
  vocab_size: V,
  hidden_size: H,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  intermediate_size: H,
  feat_extract_norm: "layer",
  conv_dim: [H],
  conv_kernel: [KERNEL],
  conv_stride: [1600],
  num_conv_pos_embeddings: 2,
  num_conv_pos_embedding_groups: 1,
};

const norm = (name: string) => ({ [`${name}.weight`]: [H], [`${name}.bias`]: [H] });
const linear = (name: string) => ({ [`${name}.weight`]: [H, H], [`${name}.bias`]: [H] });
const layer = "encoder.layers.0";

const SHAPES: Readonly<Record<string, readonly number[]>> = {
  "feature_extractor.conv_layers.0.conv.weight": [H, 1, KERNEL],
  ...norm("feature_extractor.conv_layers.0.layer_norm"),
  ...norm("feature_projection.layer_norm"),
  ...linear("feature_projection.projection"),
  "encoder.pos_conv_embed.conv.weight": [H, H, 2],
  "encoder.pos_conv_embed.conv.bias": [H],
  ...norm("encoder.layer_norm"),
  ...linear(`${layer}.attention.q_proj`),
  ...linear(`${layer}.attention.k_proj`),
  ...linear(`${layer}.attention.v_proj`),
  ...linear(`${layer}.attention.out_proj`),
  ...norm(`${layer}.layer_norm`),
  ...linear(`${layer}.feed_forward.intermediate_dense`),
  ...linear(`${layer}.feed_forward.output_dense`),
  ...norm(`${layer}.final_layer_norm`),
  "lm_head.weight": [V, H],
  "lm_head.bias": [V],
};

/** What a test changes of the checkpoint. */
export interface TinyCheckpointOptions {
  /** Fields of `config.json` that differ. */
  readonly config?: object;
  /** Shapes of tensors that differ; `undefined` leaves one out. */
  readonly shapes?: Readonly<Record<string, readonly number[] | undefined>>;
}

/** Writes the checkpoint into a folder that is there. */
export async function writeTinyCheckpoint(
  folder: string,
  { config = {}, shapes = {} }: TinyCheckpointOptions = {},
): Promise<void> {
  const vocabulary = { "<pad>": 0, "<unk>": 1, "|": 2, "a": 3, "b": 4 };
  const tokenizer = { tokenizer_class: "Wav2Vec2CTCTokenizer", bos_token: null, eos_token: null };
  const json: Record<string, object> = {
    "config.json": { ...CONFIG, ...config },
    "vocab.json": vocabulary,
    "tokenizer_config.json": tokenizer,
    "preprocessor_config.json": { do_normalize: true, sampling_rate: 16_000 },
  };
  for (const [name, content] of Object.entries(json)) {
    await Deno.writeTextFile(join(folder, name), JSON.stringify(content));
  }
  const entries = Object.entries({ ...SHAPES, ...shapes }).flatMap(([name, shape]) =>
    shape === undefined ? [] : [[name, shape] as const]
  );
  await Deno.writeFile(join(folder, "model.safetensors"), safetensors(entries));
}

function safetensors(entries: readonly (readonly [string, readonly number[]])[]): Uint8Array {
  const header: Record<string, object> = {};
  let position = 0;
  for (const [name, shape] of entries) {
    const end = position + 4 * elementCount(shape);
    header[name] = { dtype: "F32", shape, data_offsets: [position, end] };
    position = end;
  }
  const text = new TextEncoder().encode(JSON.stringify(header).padEnd(4096));
  const file = new Uint8Array(8 + text.length + position);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  const values = Float32Array.from({ length: position / 4 }, (_, i) => Math.sin(i * 0.7));
  file.set(new Uint8Array(values.buffer), 8 + text.length);
  return file;
}
