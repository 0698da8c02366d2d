import { openAdapter, openFolder, openWeights } from "../../src/checkpoint/folder.ts";
import { CheckpointError } from "../../src/errors.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { safetensorsOf, statePickle, TemporaryFolder, tensorPickle, torchZip } from "./files.ts";

const torchFile = torchZip(statePickle(tensorPickle()));

Deno.test("openFolder() lists a folder and reads its configuration", async () => {
  await using at = new TemporaryFolder();
  await at.write("config.json", { model_type: "hubert" });
  await at.write("vocab.json", { a: 0 });
  await at.write("adapter.deu.bin", torchFile);
  await at.write("adapter.deu.safetensors", safetensorsOf({ w: [1] }));
  await at.write("adapter.azj-script_latin.bin", torchFile);
  await at.write("onnx/model.onnx", "");
  await at.write("onnx/model_q4.onnx", "");
  await at.write("onnx/other.onnx", "");
  await at.write("pytorch_model.bin", torchFile);
  const folder = await openFolder(at.path);
  assertEquals(folder.path, at.path);
  assertEquals(folder.weights, "pytorch_model.bin");
  assertEquals(folder.onnx, ["onnx/model.onnx", "onnx/model_q4.onnx"]);
  assertEquals(
    folder.adapters,
    new Map([
      ["azj-script_latin", "adapter.azj-script_latin.bin"],
      ["deu", "adapter.deu.safetensors"],
    ]),
  );
  assertEquals(
    [...folder.configs],
    [["config.json", { model_type: "hubert" }], ["vocab.json", { a: 0 }]],
  );
});

Deno.test("openFolder() says what is wrong with a folder", async () => {
  await using at = new TemporaryFolder();
  await assertRejects(() => openFolder(at.path), CheckpointError, "it has no config.json");
  await assertRejects(() => openFolder(at.path + "/gone"), CheckpointError, "is it there?");
  for (const [content, reason] of [["{", "not JSON"], ["\xff{}", "not JSON"], ["", "not JSON"]]) {
    const path = await at.write("config.json", content!);
    const error = await assertRejects(() => openFolder(at.path), CheckpointError, reason);
    assertEquals(error.path, path);
  }
});

Deno.test("openFolder() refuses configuration files too large to be any", async () => {
  await using at = new TemporaryFolder();
  await at.write("config.json", {});
  using file = await Deno.create(`${at.path}/vocab.json`);
  await file.truncate(65 << 20); // sparse
  await assertRejects(() => openFolder(at.path), CheckpointError, "over 67108864");
});

Deno.test("openWeights() takes the first of the four forms", async () => {
  await using at = new TemporaryFolder();
  const valuesNow = async () => {
    await using store = await openWeights(at.path);
    return [...await store.read("w")];
  };
  await at.write("shard.bin", torchZip(statePickle(tensorPickle({ offset: 1, shape: [3] }))));
  await at.write("pytorch_model.bin.index.json", { weight_map: { w: "shard.bin" } });
  assertEquals(await valuesNow(), [2, 3, 4]);
  await at.write("pytorch_model.bin", torchFile);
  assertEquals(await valuesNow(), [1, 2, 3, 4]);
  await at.write("shard.safetensors", safetensorsOf({ w: [5] }));
  await at.write("model.safetensors.index.json", { weight_map: { w: "shard.safetensors" } });
  assertEquals(await valuesNow(), [5]);
  await at.write("model.safetensors", safetensorsOf({ w: [6] }));
  assertEquals(await valuesNow(), [6]);
});

Deno.test("openWeights() says which files it takes", async () => {
  await using at = new TemporaryFolder();
  await assertRejects(
    () => openWeights(at.path),
    CheckpointError,
    "accepted are model.safetensors",
  );
  await at.write("flax_model.msgpack", "");
  const flax = await assertRejects(() => openWeights(at.path), CheckpointError);
  assertStringIncludes(flax.message, "from_flax=True");
  await at.write("tf_model.h5", "");
  const tensorflow = await assertRejects(() => openWeights(at.path), CheckpointError);
  assertStringIncludes(tensorflow.message, "tf_model.h5, flax_model.msgpack");
  assertStringIncludes(tensorflow.message, "from_tf=True");
});

Deno.test("openWeights() knows a Git LFS pointer", async () => {
  await using at = new TemporaryFolder();
  const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
  await at.write("model.safetensors", pointer);
  await assertRejects(() => openWeights(at.path), CheckpointError, "git lfs pull");
});

Deno.test("openAdapter() opens the adapter of a language", async () => {
  await using at = new TemporaryFolder();
  await at.write("adapter.deu.safetensors", safetensorsOf({ w: [1] }));
  await at.write("adapter.eng.bin", torchFile);
  await using german = await openAdapter(at.path, "deu");
  assertEquals(await german.read("w"), new Float32Array([1]));
  await using english = await openAdapter(at.path, "eng");
  assertEquals(await english.read("w"), new Float32Array([1, 2, 3, 4]));
  await assertRejects(() => openAdapter(at.path, "../x"), CheckpointError, "there are deu, eng");
});
