import { describeModel } from "../src/describe_model.ts";
import { CheckpointError } from "../src/errors.ts";
import { exportModel } from "../src/export_model.ts";
import { loadModel } from "../src/load_model.ts";
import { join } from "../src/std.ts";
import { elementCount } from "../src/tensor.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { bertCheckpoint } from "./bert_checkpoint.ts";
import { TemporaryFolder } from "./checkpoint/files.ts";
import { GOLDEN_FOLDER, goldenCases, readGoldenTensors } from "./golden.ts";

const CHECKPOINTS = new Set(goldenCases().map(({ checkpoint }) => checkpoint));

Deno.test("describeModel: plain data of every golden checkpoint, weights smaller by precision", async () => {
  for (const checkpoint of CHECKPOINTS) {
    const description = await describeModel(join(GOLDEN_FOLDER, checkpoint));
    assertEquals(JSON.parse(JSON.stringify(description)).task, description.task);
    const { float32, float16 } = description.weightByteLengths;
    assert(description.parameterCount! > 0);
    // shapes and scalars stay as they are in half precision
    assert(float32! > 1.9 * float16! && float32! < 2 * float16!, `${checkpoint}: ${float16}`);
  }
});

Deno.test("describeModel: of Wav2Vec2-BERT, its grid, layers and classes", async () => {
  await using folder = await bertCheckpoint("bert_ctc_adapter");
  const { family, task, frames, architecture, vocabulary } = await describeModel(folder.path);
  assertEquals([family, task, frames.strideMs], ["wav2vec2-bert", "ctc", 40]);
  assert(architecture.input === "features");
  assertEquals([architecture.featureSize, architecture.adapterStrides], [20, [2]]);
  assertEquals(vocabulary?.size, vocabulary?.tokens.length);
  const { labels, unusedTensors } = await describeModel(join(GOLDEN_FOLDER, "bert_frames"));
  assert(labels!.length > 0);
  assertEquals(unusedTensors.filter((name) => !name.endsWith("masked_spec_embed")), []);
});

Deno.test("describeModel: counts the numbers in the tensors that are used", async () => {
  const folder = join(GOLDEN_FOLDER, "ctc_group");
  const { parameterCount, unusedTensors, files } = await describeModel(folder);
  const tensors = Object.entries(readGoldenTensors(join(folder, "model.safetensors")));
  const used = tensors.filter(([name]) => !unusedTensors.includes(name));
  assertEquals(parameterCount, used.reduce((sum, [, { shape }]) => sum + elementCount(shape), 0));
  const { size } = await Deno.stat(join(folder, "model.safetensors"));
  assertEquals(files.find(({ name }) => name === "model.safetensors")?.byteLength, size);
});

Deno.test("describeModel: says how the weights are quantised on disk, and which", async () => {
  const inLayers = /^hubert\.encoder\.layers\.\d\.(attention|feed_forward)\.\w+$/;
  const ends = ["hubert.feature_projection.projection", "lm_head"];
  for (
    const [checkpoint, format, isDouble, outside] of [
      ["ctc_group", undefined, false, []],
      ["quantized_int8", "int8", false, ends],
      ["quantized_int8_sharded", "int8", false, []],
      ["quantized_nf4", "nf4", false, ends],
      ["quantized_fp4", "fp4", false, ends],
      ["quantized_nf4_double", "nf4", true, ends],
    ] as const
  ) {
    const { quantization } = await describeModel(join(GOLDEN_FOLDER, checkpoint));
    const ways = quantization.map(({ format, isDouble }) => ({ format, isDouble }));
    assertEquals(ways, format === undefined ? [] : [{ format, isDouble }], checkpoint);
    const modules = quantization.flatMap(({ modules }) => modules);
    assertEquals(modules.filter((name) => !inLayers.test(name)).sort(), outside, checkpoint);
    assertEquals(new Set(modules).size, modules.length);
    assertEquals(format !== undefined, modules.some((name) => inLayers.test(name)), checkpoint);
  }
});

Deno.test("describeModel: agrees with the loaded model", async () => {
  const folder = join(GOLDEN_FOLDER, "ctc_adapter");
  const { frames, vocabulary, unusedTensors } = await describeModel(folder, { targetLang: "deu" });
  await using model = await loadModel(folder, { targetLang: "deu", backend: "cpu", parts: [] });
  assertEquals(frames.strideSamples, model.geometry.strideSamples);
  assertEquals(frames.receptiveFieldSamples, model.geometry.receptiveFieldSamples);
  assertEquals(vocabulary?.size, model.config.vocab_size);
  assertEquals(vocabulary?.tokens.slice(5), ["a", "ß", "ü"]);
  assertEquals(unusedTensors, model.unusedTensors);
});

Deno.test("describeModel: of a ready export, the graphs and the language it has", async () => {
  await using folder = new TemporaryFolder();
  const checkpoint = join(GOLDEN_FOLDER, "ctc_adapter");
  await exportModel(checkpoint, folder.path, { targetLang: "fra" });
  const { parameterCount, weightByteLengths, languages } = await describeModel(folder.path);
  assertEquals(parameterCount, undefined);
  assertEquals(Object.keys(weightByteLengths), ["float32"]);
  assertEquals(languages, ["fra"]);
});

Deno.test("describeModel: refuses a checkpoint that does not fit, as loading does", async () => {
  const folder = join(GOLDEN_FOLDER, "ctc_group");
  await assertRejects(
    () => describeModel(folder, { targetLang: "deu" }),
    CheckpointError,
    "adapter_attn_dim is null",
  );
  await assertRejects(
    () => describeModel(folder, { task: "sequence-classification" }),
    CheckpointError,
    "missing projector.weight",
  );
});
