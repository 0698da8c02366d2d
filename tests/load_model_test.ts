import { CheckpointError, UnsupportedConfigError } from "../src/errors.ts";
import { loadModel } from "../src/load_model.ts";
import { cosineSimilarity, frameProbabilities } from "../src/model/head_scores.ts";
import { openCpu } from "../src/runtime/cpu.ts";
import { openBackend } from "../src/runtime/select.ts";
import { join } from "../src/std.ts";
import type { Tensor } from "../src/tensor.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "./assert.ts";
import { bertCheckpoint } from "./bert_checkpoint.ts";
import { assertAllClose, GOLDEN_FOLDER, goldenCases, goldenTensors } from "./golden.ts";

/** A copy of a golden checkpoint with some files changed. */
async function changedCheckpoint(
  name: string,
  change: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = await Deno.makeTempDir();
  for await (const { name: file } of Deno.readDir(join(GOLDEN_FOLDER, name))) {
    await Deno.copyFile(join(GOLDEN_FOLDER, name, file), join(folder, file));
  }
  await change(folder);
  return folder;
}

async function editConfig(folder: string, fields: object): Promise<void> {
  const path = join(folder, "config.json");
  const config = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...config, ...fields }));
}

function goldenInputs(name: string): Tensor {
  const golden = goldenCases().find((candidate) => candidate.name === name)!;
  return goldenTensors(golden).inputs.input_values as Tensor;
}

Deno.test("loadModel() changes language at run time, head and vocabulary with it", async () => {
  await using model = await loadModel(join(GOLDEN_FOLDER, "ctc_adapter"), {
    task: "ctc",
    backend: "cpu",
  });
  const sizes: number[] = [model.config.vocab_size!];
  for (const language of ["fra", "deu"]) {
    await model.setTargetLang(language);
    sizes.push(model.config.vocab_size!);
    const golden = goldenCases().find(({ name }) => name === `ctc_adapter_${language}`)!;
    const { inputs, expected } = goldenTensors(golden);
    const mask = inputs.attention_mask;
    const { logits } = await model.forward({
      inputValues: inputs.input_values as Tensor,
      ...(mask ? { attentionMask: { ...mask, data: Int32Array.from(mask.data) } } : {}),
    });
    assertAllClose(logits, expected.logits!, { atol: 1e-4, name: language });
    assertEquals(model.tokenizer.vocabulary.tokens.size <= sizes.at(-1)!, true);
  }
  assertEquals(sizes, [12, 16, 8]);
  await assertRejects(() => model.setTargetLang("xho"), RangeError, "deu");
  assertEquals(model.config.vocab_size, 8, "a failed change leaves the language as it was");
});

Deno.test("loadModel() shares a device between models and leaves it open", async () => {
  const opened = await openBackend("cpu");
  await using backend = opened.backend;
  const inputValues = goldenInputs("ctc_group");
  for (const task of ["ctc", "base"] as const) {
    await using model = await loadModel(join(GOLDEN_FOLDER, "ctc_group"), {
      task,
      backend: opened,
    });
    assertEquals(model.task, task);
    const { frameCounts } = await model.forward({ inputValues });
    assertEquals(frameCounts.length, inputValues.shape[0]);
  }
  assert(backend.busyMs > 0);
});

Deno.test("loadModel() names what does not fit before any weight is read", async (t) => {
  const refuse = async (
    name: string,
    expected: { change: (folder: string) => Promise<void>; words: readonly string[] },
  ) =>
    await t.step(name, async () => {
      const folder = await changedCheckpoint("ctc_group", expected.change);
      const error = await assertRejects(
        () => loadModel(folder, { backend: "cpu" }),
        CheckpointError,
      );
      for (const word of expected.words) assertStringIncludes(error.message, word);
      await Deno.remove(folder, { recursive: true });
    });

  await refuse("an unsupported value", {
    change: (folder) => editConfig(folder, { hidden_act: "xielu" }),
    words: ["hidden_act", "xielu", "gelu_new"],
  });
  await refuse("a layer too many", {
    change: (folder) => editConfig(folder, { num_hidden_layers: 1 }),
    words: ["hubert.encoder.layers.1.attention.k_proj.weight [24,24]", "not part of the model"],
  });
  await refuse("a layer too few", {
    change: (folder) => editConfig(folder, { num_hidden_layers: 3 }),
    words: ["missing encoder.layers.2.attention.q_proj.weight, expected [24,24]"],
  });
  await refuse("a wrong shape", {
    change: (folder) => editConfig(folder, { vocab_size: 99 }),
    words: ["lm_head.weight has shape [", "expected [99,24]"],
  });
  await refuse("a checkpoint without the head", {
    change: async (folder) => {
      await Deno.copyFile(
        join(GOLDEN_FOLDER, "model_group", "model.safetensors"),
        join(folder, "model.safetensors"),
      );
      await Deno.copyFile(
        join(GOLDEN_FOLDER, "model_group", "config.json"),
        join(folder, "config.json"),
      );
      await editConfig(folder, { architectures: ["HubertForCTC"] });
    },
    words: ["missing lm_head.weight"],
  });
  const folder = await changedCheckpoint(
    "ctc_group",
    (folder) => editConfig(folder, { architectures: ["HubertForSpelling"] }),
  );
  await assertRejects(() => loadModel(folder), UnsupportedConfigError, "HubertForSpelling");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("SpeechModel.forward() names inputs that do not fit", async (t) => {
  const opened = await openBackend("cpu");
  await using _backend = opened.backend;
  await using model = await loadModel(join(GOLDEN_FOLDER, "ctc_group"), { backend: opened });
  const { receptiveFieldSamples } = model.geometry;
  const tensor = (length: number, shape: number[], value = 0.5): Tensor => ({
    data: new Float32Array(length).fill(value),
    shape,
  });
  const refuse = async (name: string, inputValues: Tensor, words: string) =>
    await t.step(name, async () => {
      await assertRejects(() => model.forward({ inputValues }), RangeError, words);
    });
  await refuse("no batch", tensor(400, [400]), "[batch, samples]");
  await refuse("a shape that lies", tensor(400, [1, 500]), "holds 400 values");
  await refuse("not a number", tensor(400, [1, 400], NaN), "sample 0 of row 0 is NaN");
  await refuse(
    "too short",
    tensor(receptiveFieldSamples - 1, [1, receptiveFieldSamples - 1]),
    `at least ${receptiveFieldSamples} samples for one frame: row 0 has ${
      receptiveFieldSamples - 1
    }`,
  );
  await t.step("a mask of another shape", async () => {
    const inputValues = tensor(800, [1, 800]);
    const attentionMask = { data: new Int32Array(700).fill(1), shape: [1, 700] };
    await assertRejects(
      () => model.forward({ inputValues, attentionMask }),
      RangeError,
      "attentionMask must have shape [1,800]",
    );
  });
});

Deno.test("loadModel() of Wav2Vec2-BERT takes features, says so, and has no languages", async (t) => {
  const opened = await openBackend("cpu");
  await using _backend = opened.backend;
  await using folder = await bertCheckpoint();
  await using model = await loadModel(folder.path, { backend: opened, parts: [] });
  const waveforms = [8000, 5000].map((length) =>
    Float32Array.from({ length }, (_, i) => Math.sin(i * i * 1e-4) * 0.1)
  );
  await t.step("rows of a batch are as alone", async () => {
    const inputs = model.prepare(waveforms);
    assertEquals(inputs.inputFeatures!.shape, [2, 24, 160]);
    const { frameCounts } = await model.forward(inputs);
    assertEquals(frameCounts, [24, 14]);
    const unpadded = waveforms.map(({ length }) => model.geometry.frameCount(length));
    assertEquals(unpadded, [24, 14]);
  });
  await t.step("the other family's input", async () => {
    const inputValues = { data: waveforms[0]!, shape: [1, 8000] };
    await assertRejects(() => model.forward({ inputValues }), TypeError, "got inputValues");
    await assertRejects(() => model.forward({}), TypeError, "it takes inputFeatures");
  });
  await t.step("features of another width", async () => {
    const inputFeatures = { data: new Float32Array(20), shape: [1, 1, 20] };
    await assertRejects(
      () => model.forward({ inputFeatures }),
      RangeError,
      "[batch, frames, 160]",
    );
  });
  await t.step("a language, when loaded and later", async () => {
    const asked = () => loadModel(folder.path, { backend: opened, targetLang: "deu" });
    await assertRejects(
      asked,
      CheckpointError,
      'Cannot use language "deu" as Wav2Vec2-BERT has no',
    );
    await assertRejects(() => model.setTargetLang("deu"), CheckpointError, "load it without one");
  });
  await t.step("a vocabulary of several languages", async () => {
    await using several = await bertCheckpoint();
    for (const file of ["vocab.json", "tokenizer_config.json"]) {
      await Deno.copyFile(join(GOLDEN_FOLDER, "ctc_adapter", file), join(several.path, file));
    }
    await using polyglot = await loadModel(several.path, {
      task: "ctc",
      backend: opened,
      parts: [],
    });
    assertEquals(polyglot.tokenizer.decode([7]), "e"); // tokenizer_config.json says English
    assertEquals(polyglot.tokenizer.forLanguage("deu").decode([7]), "ü");
  });
  await t.step("a front end, another family's head", async () => {
    const options = { backend: opened };
    await assertRejects(() => model.session({ part: "front-end" }), RangeError, "front-end");
    await assertRejects(
      () => loadModel(join(GOLDEN_FOLDER, "ctc_group"), { ...options, task: "x-vector" }),
      UnsupportedConfigError,
      "x-vector",
    );
  });
  await t.step("a preprocessor of another model", async () => {
    await folder.write("preprocessor_config.json", { num_mel_bins: 40, feature_size: 40 });
    await assertRejects(
      () => loadModel(folder.path, { backend: opened }),
      UnsupportedConfigError,
      "feature_projection_input_dim (160)",
    );
  });
});

Deno.test("loadModel() gives who speaks and speaker vectors", async () => {
  const opened = await openBackend("cpu");
  await using _backend = opened.backend;
  const waveform = Float32Array.from({ length: 16_000 }, (_, i) => Math.sin(i * i * 1e-5) * 0.1);
  await using frames = await loadModel(join(GOLDEN_FOLDER, "bert_frames"), {
    task: "frame-classification",
    backend: opened,
  });
  const { logits, frameCounts } = await frames.forward(frames.prepare([waveform]));
  assertEquals(logits.shape, [1, 49, Object.keys(frames.config.id2label).length]);
  assertEquals(frameCounts, [49]);
  const flags = frameProbabilities(logits).data;
  assert(flags.every((share) => share > 0 && share < 1));

  await using speakers = await loadModel(join(GOLDEN_FOLDER, "bert_xvector"), {
    task: "x-vector",
    backend: opened,
  });
  assertEquals(speakers.unusedTensors.includes("objective.weight"), false);
  const { embeddings } = await speakers.forward(speakers.prepare([waveform, waveform]));
  const [rowCount, size] = embeddings.shape as [number, number];
  assertEquals(rowCount, 2);
  const [first, second] = [embeddings.data.subarray(0, size), embeddings.data.subarray(size)];
  assert(Math.abs(cosineSimilarity(first, second) - 1) < 1e-5);
  const short = speakers.prepare([waveform.subarray(0, 900)]);
  await assertRejects(() => speakers.forward(short), RangeError, "frames for one frame");
});

Deno.test("SpeechModel fails in one way once it is closed", async () => {
  const model = await loadModel(join(GOLDEN_FOLDER, "ctc_group"), { backend: "cpu" });
  const inputValues = goldenInputs("ctc_group");
  await model[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
  const error = await assertRejects(async () => await model.forward({ inputValues }), TypeError);
  assertStringIncludes(error.message, "closed");
});

Deno.test("loadModel() ends its backend when loading fails", async () => {
  // the test runner's sanitizer tells if the worker is left running
  await assertRejects(
    () =>
      loadModel(join(GOLDEN_FOLDER, "ctc_group"), {
        backend: "cpu",
        targetLang: "fra",
      }),
    CheckpointError,
    "adapter",
  );
  await using _cpu = await openCpu();
});
