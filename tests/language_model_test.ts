import { assertEquals, assertRejects } from "./assert.ts";
import { CheckpointError } from "../src/errors.ts";
import { loadLanguageModel } from "../src/language_model.ts";
import { loadModel } from "../src/load_model.ts";
import { join } from "../src/std.ts";
import { plainCheckpoint } from "./echo_device.ts";
import { GOLDEN_FOLDER } from "./golden.ts";

const SMALL = join(GOLDEN_FOLDER, "language_model", "small.arpa");

async function packed(path: string): Promise<Uint8Array> {
  const { readable } = await Deno.open(path);
  return await new Response(readable.pipeThrough(new CompressionStream("gzip"))).bytes();
}

/** A checkpoint with the small language model as `Wav2Vec2ProcessorWithLM` puts it there. */
async function checkpoint(attributes: string, file = "small.arpa") {
  const folder = await plainCheckpoint("ctc_adapter");
  const inner = join(folder.path, "language_model");
  await Deno.mkdir(inner);
  await Deno.writeTextFile(join(inner, "attrs.json"), attributes);
  await Deno.writeTextFile(join(inner, "unigrams.txt"), "");
  await Deno.copyFile(SMALL, join(inner, file));
  return folder;
}

const ATTRIBUTES = '{"alpha": 0.7, "beta": 2, "unk_score_offset": -5, "score_boundary": false}';

Deno.test("a file, plain or gzipped whatever its name, and folders", async () => {
  await using folder = await checkpoint(ATTRIBUTES);
  const gzipped = join(folder.path, "gzipped.lm");
  await Deno.writeFile(gzipped, await packed(SMALL));
  for (const path of [SMALL, gzipped, folder.path, join(folder.path, "language_model")]) {
    const { ngrams, weights } = await loadLanguageModel(path);
    assertEquals([ngrams.order, ngrams.words.length], [3, 12], path);
    const isFolder = (await Deno.stat(path)).isDirectory;
    const expected = { weight: 0.7, wordBonus: 2, unknownScore: -5, isSentence: false };
    assertEquals(weights, isFolder ? expected : {});
  }
});

Deno.test("a checkpoint's own language model comes with it, unless another or none is wanted", async () => {
  await using folder = await checkpoint(ATTRIBUTES, "5gram.arpa");
  const load = async (languageModel?: string | false) => {
    await using model = await loadModel(folder.path, {
      ...{ task: "ctc", backend: "cpu", parts: [] },
      ...(languageModel === undefined ? {} : { languageModel }),
    });
    return model.languageModel;
  };
  assertEquals((await load())?.weights.weight, 0.7);
  assertEquals((await load(SMALL))?.weights, {});
  assertEquals(await load(false), undefined);
  await assertRejects(() => load("./nowhere.arpa"), CheckpointError, "nowhere.arpa");
});

Deno.test("what is no language model is refused; KenLM's binary one is not taken for one", async () => {
  await using folder = await checkpoint(ATTRIBUTES, "5gram.bin");
  await assertRejects(() => loadLanguageModel(folder.path), CheckpointError, "binary");
  await using model = await loadModel(folder.path, { task: "ctc", backend: "cpu", parts: [] });
  assertEquals(model.languageModel, undefined);
  await using wrong = await checkpoint('{"alpha": "much"}');
  await assertRejects(() => loadLanguageModel(wrong.path), CheckpointError, "attrs.json");
  const config = join(folder.path, "config.json");
  await assertRejects(() => loadLanguageModel(config), CheckpointError, "no \\data\\");
});
