import { AudioError } from "../src/errors.ts";
import { loadModel } from "../src/load_model.ts";
import { fromFileUrl, join } from "../src/std.ts";
import { transcribe } from "../src/transcribe.ts";
import { readSpeech } from "../src/audio/decode.ts";
import type { Tensor } from "../src/tensor.ts";
import { assert, assertEquals, assertRejects } from "./assert.ts";
import { bertCheckpoint } from "./bert_checkpoint.ts";
import { GOLDEN_FOLDER, goldenCases, goldenTensors } from "./golden.ts";
import { shortModel } from "./short_model.ts";

const MODEL = join(GOLDEN_FOLDER, "ctc_adapter");
const SAMPLE = fromFileUrl(new URL("../samples/harbour.wav", import.meta.url));

Deno.test("transcribe() gives a recording that fits one window the reference's text", async () => {
  const golden = goldenCases().find(({ name }) => name === "ctc_group")!;
  await using model = await loadModel(join(GOLDEN_FOLDER, "ctc_group"), {
    task: "ctc",
    backend: "cpu",
  });
  const { inputs } = goldenTensors(golden);
  const { data, shape } = inputs.input_values!;
  const sampleCount = shape[1]!;
  for (const [row, expected] of golden.text!.entries()) {
    const samples = Float32Array.from(data.slice(row * sampleCount, (row + 1) * sampleCount));
    const { words, text } = await transcribe(samples, { model });
    assertEquals(text, expected.trim().split(/ +/).filter((word) => word !== "").join(" "));
    assert(words.every(({ startSample, endSample }) => startSample < endSample));
    assert(words.every(({ confidence }) => confidence > 0 && confidence <= 1));
  }
});

/** The likeliest token of each frame. logits: [1, T, V] → [T] */
function greedyIds({ data, shape: [, frameCount, size] }: Tensor): number[] {
  return Array.from({ length: frameCount! }, (_, frame) => {
    const scores = data.subarray(frame * size!, (frame + 1) * size!);
    return scores.indexOf(Math.max(...scores));
  });
}

Deno.test("transcribe() with Wav2Vec2-BERT gives what a forward pass gives, and the same in windows", async (test) => {
  const samples = await readSpeech(SAMPLE);
  for (const name of ["bert_ctc", "bert_ctc_adapter"] as const) {
    await test.step(name, async () => {
      await using folder = await bertCheckpoint(name);
      await using model = await loadModel(folder.path, { task: "ctc", backend: "cpu" });
      const { inputFeatures } = model.prepare([samples], { padToMultipleOf: 1 });
      const { logits } = await model.forward({ inputFeatures });
      // words have no special tokens, which a random network says all the time
      const spoken = model.tokenizer.decode(greedyIds(logits)).replaceAll(/<[^>]*>/g, "");
      const expected = spoken.split(" ").filter((word) => word !== "");
      const { text, words } = await transcribe(samples, { model });
      assertEquals(text, expected.join(" "));
      assert(words.length > 0);
      const windows = { leftMs: 1000, rightMs: 500, maxWindowMs: 2500 };
      const { words: inWindows, seconds } = await transcribe(samples, { model, ...windows });
      assertEquals(seconds, samples.length / 16_000);
      assert(inWindows.length > 0);
      assert(inWindows.every(({ startSample, endSample }) => startSample < endSample));
    });
  }
});

Deno.test("transcribe() takes a path, bytes, a stream and samples alike", async () => {
  await using model = await loadModel(MODEL, { task: "ctc", backend: "cpu" });
  const bytes = await Deno.readFile(SAMPLE);
  const sources = [SAMPLE, bytes, new Blob([bytes]).stream(), await readSpeech(SAMPLE)];
  const texts = new Set<string>();
  for (const source of sources) texts.add((await transcribe(source, { model })).text);
  assertEquals(texts.size, 1);
  assert([...texts][0] !== "");
});

Deno.test("transcribe() reports its way through a long recording, and stops when asked", async () => {
  await using model = await loadModel(MODEL, { task: "ctc", backend: "cpu" });
  const samples = Float32Array.from({ length: 16_000 * 40 }, (_, i) => Math.sin(i * i * 1e-6));
  const windows = { leftMs: 1000, rightMs: 500, maxWindowMs: 6000 };
  const reported: number[] = [];
  let wordCount = 0;
  const { seconds, words } = await transcribe(samples, {
    model,
    ...windows,
    onProgress: (progress) => {
      reported.push(progress.seconds);
      wordCount += progress.words.length;
    },
  });
  assertEquals(seconds, 40);
  assertEquals(wordCount, words.length);
  assert(reported.length > 5);
  assertEquals(reported, reported.toSorted((a, b) => a - b));
  const controller = new AbortController();
  const reason = new DOMException("enough", "AbortError");
  const error = await assertRejects(() =>
    transcribe(samples, {
      model,
      ...windows,
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    })
  );
  assertEquals(error as unknown, reason);
});

Deno.test("transcribe() of less than a frame has no words, of NaN says where", async () => {
  await using model = await loadModel(MODEL, { task: "ctc", backend: "cpu" });
  const tooShort = new Float32Array(model.geometry.receptiveFieldSamples - 1).fill(0.1);
  const { text, words } = await transcribe(tooShort, { model });
  assertEquals([text, words.length], ["", 0]);
  const samples = new Float32Array(2000).fill(0.1);
  samples[1234] = NaN;
  await assertRejects(() => transcribe(samples, { model }), AudioError, "sample 1234 is NaN");
  await assertRejects(() => transcribe(new Uint8Array(0), { model }), AudioError, "empty");
});

Deno.test("transcribe() keeps to the longest input a model was made for, however short", async () => {
  for (const [seconds, leastCount] of [[8, 4], [1, 30]] as const) {
    await using folder = await shortModel(seconds);
    await using model = await loadModel(folder.path, { task: "ctc", backend: "cpu" });
    assertEquals(model.maxInputMs, 1000 * seconds);
    const samples = new Float32Array(16_000 * 20).fill(0.1);
    let windowCount = 0;
    await transcribe(samples, { model, onProgress: () => windowCount++ });
    assert(windowCount >= leastCount, `20 s in ${windowCount} windows of ${seconds} s`);
  }
});
