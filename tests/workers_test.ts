import { defaultModel } from "../src/default_model.ts";
import { CaptionEngine } from "../src/engine.ts";
import { join } from "../src/std.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import { elementCount } from "../src/tensor.ts";
import { planWorkers } from "../src/workers.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "./assert.ts";
import { echoModel } from "./echo_device.ts";
import { GOLDEN_FOLDER } from "./golden.ts";
import { writeTinyCheckpoint } from "./tiny_checkpoint.ts";

const FOLDER = join(GOLDEN_FOLDER, "ctc_adapter");

Deno.test("threads are shared out among as many workers as are wanted", async () => {
  for (
    const [options, workers, threads] of [
      [{ threadCount: 1 }, 1, "1 thread"],
      [{ threadCount: 2 }, 2, "1 thread"],
      [{ threadCount: 5 }, 2, "2 threads"],
      [{ threadCount: 2, workerCount: 1 }, 1, "2 threads"],
      [{ threadCount: 2, workerCount: 3 }, 3, "1 thread"],
    ] as const
  ) {
    await using engine = await CaptionEngine.load(FOLDER, { backend: "cpu", ...options });
    assertEquals(engine.stats.workerCount, workers);
    assertStringIncludes(engine.model.selection.reason, `, ${threads})`);
  }
});

Deno.test("a GPU has one worker, unless more are wanted", async () => {
  const model = { selection: { chosen: "webgpu", reason: "", candidates: [] } } as const;
  const countOf = async (workerCount?: number) => {
    const { countWith } = await planWorkers(FOLDER, { threadCount: 8, workerCount });
    return countWith(model as unknown as SpeechModel);
  };
  assertEquals([await countOf(), await countOf(2)], [1, 2]);
});

Deno.test("a second copy by itself only where the weights of both take at most 1 GiB", async () => {
  for (
    const [megabytes, dtype, workerCount, workers, threads] of [
      [500, "float32", undefined, 2, "2 threads"],
      [520, "float32", undefined, 1, "4 threads"],
      [520, "float16", undefined, 2, "2 threads"],
      [520, "float32", 2, 2, "2 threads"],
    ] as const
  ) {
    await using folder = await bigCheckpoint(megabytes);
    const options = { backend: "cpu", threadCount: 4, dtype, workerCount } as const;
    const { load, countWith } = await planWorkers(folder.path, options);
    await using model = await load(undefined, 0);
    assertEquals(countWith(model), workers, `${megabytes} MiB, ${dtype}`);
    assertStringIncludes(model.selection.reason, `, ${threads})`);
  }
});

/** A tiny checkpoint but for its head, which makes it so many MiB: a hole in the file. */
async function bigCheckpoint(megabytes: number): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "hubcap-test-" });
  const vocabularySize = Math.floor(megabytes * 2 ** 20 / 4 / (4 + 1)); // a row of weights, a bias
  await writeTinyCheckpoint(path, { config: { vocab_size: vocabularySize } });
  const weights = join(path, "model.safetensors");
  const small = await Deno.readFile(weights);
  const headerLength = Number(new DataView(small.buffer).getBigUint64(0, true));
  const header: Record<string, { shape: number[]; data_offsets: number[] }> = JSON.parse(
    new TextDecoder().decode(small.subarray(8, 8 + headerLength)),
  );
  let position = 0;
  for (const [name, tensor] of Object.entries(header)) {
    if (name.startsWith("lm_head.")) tensor.shape[0] = vocabularySize;
    tensor.data_offsets = [position, position += 4 * elementCount(tensor.shape)];
  }
  const text = new TextEncoder().encode(JSON.stringify(header).padEnd(headerLength));
  await Deno.writeFile(weights, Uint8Array.of(...small.subarray(0, 8), ...text));
  await Deno.truncate(weights, 8 + text.length + position);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("the first worker decides on the backend; all share the language model it has read", async () => {
  const { load } = await planWorkers((await defaultModel())!, { threadCount: 2 });
  await using first = await load(undefined, 0);
  await using second = await load(undefined, 1);
  await using anew = await load(undefined, 0);
  assertStringIncludes(second.selection.reason, "asked for by name");
  assertEquals(second.selection.chosen, first.selection.chosen);
  assert(first.languageModel !== undefined);
  for (const { languageModel } of [second, anew]) assert(languageModel === first.languageModel);
});

Deno.test("workers that cannot be are refused before a model is loaded", async () => {
  for (const workerCount of [0, 1.5, NaN]) {
    await assertRejects(() => CaptionEngine.load("nowhere", { workerCount }), RangeError, "whole");
  }
  await using echo = await echoModel();
  await using _model = echo.model;
  const options = { backend: echo.device, workerCount: 2 };
  await assertRejects(() => CaptionEngine.load(FOLDER, options), RangeError, "open backend");
});
