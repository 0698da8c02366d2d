import { CheckpointError } from "../src/errors.ts";
import { exportModel } from "../src/export_model.ts";
import { loadModel } from "../src/load_model.ts";
import type { Dtype } from "../src/model/precision.ts";
import { openBackend, type OpenedBackend } from "../src/runtime/select.ts";
import { join } from "../src/std.ts";
import type { Tensor } from "../src/tensor.ts";
import { transcribe } from "../src/transcribe.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { bertCheckpoint } from "./bert_checkpoint.ts";
import { TemporaryFolder } from "./checkpoint/files.ts";
import { assertAllClose, GOLDEN_FOLDER } from "./golden.ts";

const WAVEFORM = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i * 0.03) * 0.3);

interface RunOptions {
  readonly backend: OpenedBackend;
  readonly dtype?: Dtype;
  readonly targetLang?: string;
}

async function outputOf(folder: string, options: RunOptions): Promise<Tensor> {
  await using model = await loadModel(folder, options);
  const { inputValues } = model.prepare([WAVEFORM]);
  const output = await model.forward({ inputValues });
  return "logits" in output ? output.logits : output.lastHiddenState;
}

Deno.test("exportModel: the folder alone gives what the checkpoint gives", async (test) => {
  const backend = await openBackend("cpu", { threadCount: 1 });
  await using _backend = backend.backend;
  for (const name of ["ctc_group", "wav2vec2_layer", "model_layer", "classify_weighted"]) {
    await test.step(name, async () => {
      await using folder = new TemporaryFolder();
      const checkpoint = join(GOLDEN_FOLDER, name);
      const { files, outputName } = await exportModel(checkpoint, folder.path);
      assertEquals(outputName, name === "model_layer" ? "last_hidden_state" : "logits");
      for (const file of files) assert((await Deno.stat(join(folder.path, file))).isFile);
      const expected = await outputOf(checkpoint, { backend });
      assertAllClose(await outputOf(folder.path, { backend }), expected, { atol: 1e-6 });
    });
  }
  await test.step("Wav2Vec2-BERT, which transcribes alike", async () => {
    await using checkpoint = await bertCheckpoint();
    await using folder = new TemporaryFolder();
    await exportModel(checkpoint.path, folder.path);
    await using model = await loadModel(checkpoint.path, { task: "ctc", backend });
    await using exported = await loadModel(folder.path, { task: "ctc", backend });
    const inputs = model.prepare([WAVEFORM]);
    const expected = await model.forward(inputs);
    assertEquals(inputs.attentionMask!.data.includes(0), true);
    const { logits } = await exported.forward(inputs);
    assertAllClose(logits, expected.logits, { atol: 1e-5 });
    const { text } = await transcribe(WAVEFORM, { model });
    assertEquals((await transcribe(WAVEFORM, { model: exported })).text, text);
    await exportModel(checkpoint.path, folder.path, { task: "base", overwrite: true });
    const config = JSON.parse(await Deno.readTextFile(join(folder.path, "config.json")));
    assertEquals(config.architectures, ["Wav2Vec2BertModel"]);
  });
  await test.step("in every precision, in one folder", async () => {
    await using folder = new TemporaryFolder();
    const checkpoint = join(GOLDEN_FOLDER, "ctc_group");
    const names: string[] = [];
    for (const dtype of ["float32", "float16", "int8", "int4"] as const) {
      const { files } = await exportModel(checkpoint, folder.path, { dtype });
      names.push(files[0]!);
      if (dtype === "float16" && !backend.backend.hasFloat16) continue;
      const options = { backend, dtype };
      const expected = await outputOf(checkpoint, options);
      assertAllClose(await outputOf(folder.path, options), expected, { atol: 1e-6, name: dtype });
    }
    assertEquals(
      names,
      ["model", "model_fp16", "model_int8", "model_q4"].map((name) => `onnx/${name}.onnx`),
    );
  });
  await test.step("of one language, which is then the only one", async () => {
    await using folder = new TemporaryFolder();
    const checkpoint = join(GOLDEN_FOLDER, "ctc_adapter");
    await exportModel(checkpoint, folder.path, { targetLang: "deu" });
    const expected = await outputOf(checkpoint, { backend, targetLang: "deu" });
    assertAllClose(await outputOf(folder.path, { backend }), expected, { atol: 1e-6 });
    await using model = await loadModel(folder.path, { task: "ctc", backend });
    assertEquals(model.tokenizer.vocabulary.targetLang, "deu");
    assertEquals(model.config.vocab_size, 8);
    await assertRejects(() => model.setTargetLang("fra"), CheckpointError, "one language");
    await assertRejects(() => loadModel(folder.path, { backend, targetLang: "fra" }));
  });
  await test.step("without the head, when asked", async () => {
    await using folder = new TemporaryFolder();
    const checkpoint = join(GOLDEN_FOLDER, "ctc_group");
    await exportModel(checkpoint, folder.path, { task: "base" });
    await using model = await loadModel(folder.path, { backend });
    assertEquals([model.task, model.isReadyExport], ["base", true]);
  });
});

Deno.test("exportModel: replaces nothing unasked, and leaves no half graph", async () => {
  await using folder = new TemporaryFolder();
  const group = join(GOLDEN_FOLDER, "ctc_group");
  await exportModel(group, folder.path);
  const error = await assertRejects(() => exportModel(group, folder.path));
  assert(error instanceof Deno.errors.AlreadyExists);
  // another model's files: only the configuration is in the way
  const other = join(GOLDEN_FOLDER, "ctc_adapter");
  const mixed = await assertRejects(() => exportModel(other, folder.path, { dtype: "int8" }));
  assert(mixed.message.includes("config.json") && !mixed.message.includes("model_int8"));
  await exportModel(other, folder.path, { overwrite: true });

  const reason = new Error("stop");
  const aborted = exportModel(group, folder.path, {
    overwrite: true,
    signal: AbortSignal.abort(reason),
  });
  assertEquals(await assertRejects(() => aborted), reason);
  const files = await Array.fromAsync(Deno.readDir(join(folder.path, "onnx")));
  assertEquals(files.map(({ name }) => name), ["model.onnx"]);
});

Deno.test("exportModel: a folder without weights, or an unknown dtype, is refused", async () => {
  await using folder = new TemporaryFolder();
  await exportModel(join(GOLDEN_FOLDER, "ctc_group"), folder.path);
  await assertRejects(
    () => exportModel(folder.path, join(folder.path, "again")),
    CheckpointError,
    "Cannot find weights",
  );
  await assertRejects(
    () => exportModel(folder.path, folder.path, { dtype: "int2" as Dtype }),
    RangeError,
    "int2",
  );
});
