import { assertEquals, assertRejects, assertStringIncludes } from "./assert.ts";
import { CheckpointError } from "../src/errors.ts";
import { loadLanguageModel } from "../src/language_model.ts";
import { loadModel } from "../src/load_model.ts";
import { join } from "../src/std.ts";
import { TemporaryFolder } from "./checkpoint/files.ts";
import { FakeHub } from "./checkpoint/hub_server.ts";
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
  const notices: string[] = [];
  await using model = await loadModel(folder.path, {
    ...{ task: "ctc", backend: "cpu", parts: [] },
    onNotice: (notice) => notices.push(notice),
  });
  assertEquals(model.languageModel, undefined);
  assertEquals(notices.length, 1);
  assertStringIncludes(notices[0]!, "5gram.bin is in KenLM's binary format");
  await using wrong = await checkpoint('{"alpha": "much"}');
  await assertRejects(() => loadLanguageModel(wrong.path), CheckpointError, "attrs.json");
  const config = join(folder.path, "config.json");
  await assertRejects(() => loadLanguageModel(config), CheckpointError, "no \\data\\");
});

Deno.test("a model of the hub comes with its language model, unless another or none is wanted", async () => {
  await using folder = await checkpoint(ATTRIBUTES);
  await using hub = new FakeHub();
  await using cache = new TemporaryFolder();
  const files: Record<string, Uint8Array> = {};
  for (const inner of [".", "language_model"]) {
    for await (const { name, isFile } of Deno.readDir(join(folder.path, inner))) {
      const key = inner === "." ? name : `${inner}/${name}`;
      if (isFile) files[key] = await Deno.readFile(join(folder.path, key));
    }
  }
  hub.models.set("owner/name", { commit: "0123456789abcdef0123456789abcdef01234567", files });
  const load = async (languageModel?: string | false) => {
    await using model = await loadModel("owner/name", {
      ...{ endpoint: hub.endpoint, cacheFolder: cache.path, token: false, offline: false },
      ...{ task: "ctc", backend: "cpu", parts: [] },
      ...(languageModel === undefined ? {} : { languageModel }),
    });
    return model.languageModel;
  };
  assertEquals(await load(false), undefined);
  assertEquals((await load(SMALL))?.weights, {});
  assertEquals(hub.seen.filter(({ path }) => path.includes("language_model")), []);
  const own = await load();
  assertEquals([own?.ngrams.order, own?.weights.weight], [3, 0.7]);
});
