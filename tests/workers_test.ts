import { defaultModel } from "../src/default_model.ts";
import { CaptionEngine } from "../src/engine.ts";
import { join } from "../src/std.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import { workerCountOf, workerLoader } from "../src/workers.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "./assert.ts";
import { echoModel } from "./echo_device.ts";
import { GOLDEN_FOLDER } from "./golden.ts";

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

Deno.test("a GPU has one worker, unless more are wanted", () => {
  const model = { selection: { chosen: "webgpu", reason: "", candidates: [] } } as const;
  const countOf = (options: Parameters<typeof workerCountOf>[1]) =>
    workerCountOf(model as unknown as SpeechModel, { threadCount: 8, ...options });
  assertEquals([countOf({}), countOf({ workerCount: 2 })], [1, 2]);
});

Deno.test("the first worker decides on the backend, and alone has the language model", async () => {
  const load = workerLoader((await defaultModel())!, { threadCount: 2 });
  await using first = await load(undefined, 0);
  await using second = await load(undefined, 1);
  assertStringIncludes(second.selection.reason, "asked for by name");
  assertEquals(second.selection.chosen, first.selection.chosen);
  assertEquals([first, second].map(({ languageModel }) => languageModel !== undefined), [
    true,
    false,
  ]);
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
