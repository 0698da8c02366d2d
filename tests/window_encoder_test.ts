import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { BackendError } from "../src/errors.ts";
import { loadModel } from "../src/load_model.ts";
import { openBackend } from "../src/runtime/select.ts";
import type { WindowSpan } from "../src/schedule/planner.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import { join } from "../src/std.ts";
import {
  type EncodedWindow,
  type EncodeJob,
  type StreamMemory,
  WindowEncoder,
} from "../src/window_encoder.ts";
import { bertCheckpoint } from "./bert_checkpoint.ts";
import { echoModel, plainCheckpoint } from "./echo_device.ts";
import { GOLDEN_FOLDER, worstDifference } from "./golden.ts";

/** Something with a changing level, so that statistics differ from window to window. */
function recording(sampleCount: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: sampleCount }, (_, i) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const level = 0.02 + 0.1 * Math.abs(Math.sin(i / 3000 + seed));
    return level * (Math.sin(i * 0.11 * seed) + state / 2 ** 31 - 1);
  });
}

function window(model: SpeechModel<"ctc">, startFrame: number, endFrame: number): WindowSpan {
  const { strideSamples } = model.geometry;
  const startSample = startFrame * strideSamples;
  const endSample = startSample + model.geometry.sampleCount(endFrame - startFrame);
  return { startSample, endSample, startFrame, endFrame };
}

function job(encoder: WindowEncoder, samples: Float32Array, window: WindowSpan): EncodeJob {
  const memory = encoder.open();
  return { window, samples: samples.slice(window.startSample, window.endSample), memory };
}

function assertClose(actual: EncodedWindow, expected: { logits: Float32Array }, atol: number) {
  assertEquals(actual.logits.length, expected.logits.length);
  const { difference } = worstDifference(actual.logits, expected.logits);
  assert(difference <= atol, `scores differ by ${difference}`);
}

const CHECKPOINTS = { group: "ctc_group", layer: "ctc_adapter" } as const;

for (const [norm, name] of Object.entries(CHECKPOINTS)) {
  Deno.test(`${norm} norm: a window that holds the recording gives what the model gives`, async () => {
    await using model = await loadModel(join(GOLDEN_FOLDER, name), { task: "ctc", backend: "cpu" });
    for (const sampleCount of [135, 4000, 16_001]) {
      const samples = recording(sampleCount);
      const encoder = new WindowEncoder(model);
      const frameCount = model.geometry.frameCount(sampleCount);
      const whole = { ...window(model, 0, frameCount), endSample: sampleCount };
      const [encoded] = await encoder.encode([job(encoder, samples, whole)]);
      const { inputValues } = model.prepare([samples], { returnAttentionMask: false });
      const { logits } = await model.forward({ inputValues });
      assertClose(encoded!, { logits: logits.data }, 1e-4);
    }
  });

  Deno.test(`${norm} norm: together or one by one, padded or not, is the same`, async () => {
    await using model = await loadModel(join(GOLDEN_FOLDER, name), { task: "ctc", backend: "cpu" });
    for (const isShared of [false, true]) {
      for (const paddingFrames of [1, 16]) {
        const encoder = new WindowEncoder(model, { isShared, paddingFrames });
        const spans = [[0, 40], [3, 43], [7, 97], [2, 3], [0, 64]] as const;
        const jobs = spans.map(([start, end], i) =>
          job(encoder, recording(20_000, i + 1), window(model, start, end))
        );
        const together = await encoder.encode(jobs);
        for (const [i, each] of jobs.entries()) {
          const [alone] = await encoder.encode([each]);
          assertClose(together[i]!, alone!, 1e-4);
        }
      }
    }
  });
}

for (const scaling of ["none", "running"] as const) {
  Deno.test(`kept front-end frames give what computing them anew gives, scaling: ${scaling}`, async () => {
    await using plain = await plainCheckpoint("ctc_adapter");
    const path = scaling === "none" ? plain.path : join(GOLDEN_FOLDER, "ctc_adapter");
    await using model = await loadModel(path, { task: "ctc", backend: "cpu", parts: [] });
    const options = scaling === "none" ? {} : { normalization: scaling };
    const kept = new WindowEncoder(model, options);
    const anew = new WindowEncoder(model, { ...options, frontEndCache: false });
    assertEquals([kept.hasCache, anew.hasCache], [true, false]);
    const streams = [1, 2].map((seed) => recording(60_000, seed));
    let [known, unknown] = [kept, anew].map((encoder) => streams.map(() => encoder.open()));
    // windows as they come: growing, sliding, one skipped, the same again after a failure, a short
    // one as under load and a long one after it, a short rest
    const spans = [
      ...[[0, 30], [0, 60], [20, 100], [20, 100], [60, 140], [160, 240], [230, 260]],
      ...[[170, 290], [280, 291]],
    ] as [number, number][];
    for (const [start, end] of spans) {
      const span = window(model, start, end);
      const jobs = streams.map((samples) => {
        return { window: span, samples: samples.slice(span.startSample, span.endSample) };
      });
      const encode = (encoder: WindowEncoder, memories: readonly StreamMemory[]) =>
        encoder.encode(jobs.map((job, i) => ({ ...job, memory: memories[i]! })));
      const [actual, expected] = [await encode(kept, known!), await encode(anew, unknown!)];
      actual.forEach((encoded, i) => assertClose(encoded, expected[i]!, 1e-5));
      [known, unknown] = [actual, expected].map((all) => all.map(({ memory }) => memory));
    }
  });
}

Deno.test("only the samples of new frames go through the front end", async () => {
  await using echo = await echoModel();
  await using model = echo.model;
  const encoder = new WindowEncoder(model);
  const samples = new Float32Array(100_000);
  let memory = encoder.open();
  for (let end = 100; end <= 500; end += 40) {
    const [encoded] = await encoder.encode([{
      ...job(encoder, samples, window(model, Math.max(0, end - 300), end)),
      memory,
    }]);
    memory = encoded!.memory;
  }
  const fed = echo.device.shapes.filter(({ length }) => length === 2).map(([, length]) => length!);
  const once = [100, ...Array(10).fill(40)].map((frames) => model.geometry.sampleCount(frames));
  assertEquals(fed, once);
});

Deno.test("a running norm keeps frames of models that want scaling; its windows do not depend on the cache", async () => {
  await using model = await loadModel(join(GOLDEN_FOLDER, "ctc_adapter"), {
    task: "ctc",
    backend: "cpu",
    parts: [],
  });
  assertThrows(
    () => new WindowEncoder(model, { frontEndCache: true }),
    RangeError,
    "normalization",
  );
  const encoder = new WindowEncoder(model, { normalization: "running" });
  assert(encoder.hasCache);
  const samples = recording(30_000);
  const before = encoder.open();
  const first = job(encoder, samples, window(model, 0, 80));
  const [once] = await encoder.encode([{ ...first, memory: before }]);
  const [twice] = await encoder.encode([{ ...first, memory: before }]);
  assertEquals(once!.logits, twice!.logits, "a run that is repeated is the same run");
  assertEquals(before, encoder.open(), "memory is a record, not a place");
  const [again] = await encoder.encode([{ ...first, memory: once!.memory }]);
  assertClose(again!, once!, 1e-5);
});

Deno.test("group norm frames cannot be kept, and their windows cannot be padded", async () => {
  await using model = await loadModel(join(GOLDEN_FOLDER, "ctc_group"), {
    task: "ctc",
    backend: "cpu",
    parts: [],
  });
  const encoder = new WindowEncoder(model);
  assertEquals([encoder.hasCache, encoder.canPad], [false, false]);
  assertThrows(() => new WindowEncoder(model, { frontEndCache: true }), RangeError, '"group"');
});

for (const name of ["bert_ctc", "bert_ctc_adapter"] as const) {
  Deno.test(`${name}: a window that holds the recording gives what the model gives`, async () => {
    await using folder = await bertCheckpoint(name);
    await using model = await loadModel(folder.path, { task: "ctc", backend: "cpu" });
    for (const sampleCount of [1300, 4000, 16_001]) {
      const samples = recording(sampleCount);
      const encoder = new WindowEncoder(model);
      const frameCount = model.geometry.frameCount(sampleCount);
      const whole = { ...window(model, 0, frameCount), endSample: sampleCount };
      const [encoded] = await encoder.encode([job(encoder, samples, whole)]);
      const { inputFeatures } = model.prepare([samples], { padToMultipleOf: 1 });
      const { logits } = await model.forward({ inputFeatures });
      assertClose(encoded!, { logits: logits.data }, 1e-4);
    }
  });

  Deno.test(`${name}: together or one by one, padded or not, is the same`, async () => {
    await using folder = await bertCheckpoint(name);
    await using model = await loadModel(folder.path, { task: "ctc", backend: "cpu" });
    for (const isShared of [false, true]) {
      for (const paddingFrames of [1, 16]) {
        const encoder = new WindowEncoder(model, { isShared, paddingFrames });
        assertEquals(encoder.canPad, name === "bert_ctc");
        const spans = [[0, 20], [3, 23], [7, 40], [2, 3], [0, 17]] as const;
        const jobs = spans.map(([start, end], i) =>
          job(encoder, recording(30_000, i + 1), window(model, start, end))
        );
        const together = await encoder.encode(jobs);
        for (const [i, each] of jobs.entries()) {
          const [alone] = await encoder.encode([each]);
          assertClose(together[i]!, alone!, 1e-4);
        }
      }
    }
  });
}

Deno.test("kept log-mel frames give what computing them anew gives, scaled by window or so far", async () => {
  await using folder = await bertCheckpoint();
  await using model = await loadModel(folder.path, { task: "ctc", backend: "cpu" });
  const samples = recording(90_000);
  const spans = [[0, 30], [0, 60], [20, 100], [20, 100], [60, 140], [200, 240], [
    230,
    241,
  ]] as const;
  for (const normalization of ["window", "running"] as const) {
    const kept = new WindowEncoder(model, { normalization });
    const anew = new WindowEncoder(model, { normalization, frontEndCache: false });
    assertEquals([kept.hasCache, anew.hasCache], [true, false]);
    let [known, unknown] = [kept.open(), anew.open()];
    for (const [start, end] of spans) {
      const next = job(kept, samples, window(model, start, end));
      const [actual] = await kept.encode([{ ...next, memory: known }]);
      const [expected] = await anew.encode([{ ...next, memory: unknown }]);
      assertClose(actual!, expected!, 1e-5);
      [known, unknown] = [actual!.memory, expected!.memory];
    }
  }
});

Deno.test("scores that are no numbers are refused", async () => {
  await using echo = await echoModel();
  await using model = echo.model;
  echo.device.fault = (_, output) => output === "logits" ? "nan" : "none";
  await assertRejects(() => new WindowEncoder(model).probe(), BackendError, "finite");
});

Deno.test("a shared encoder loads one graph of each kind, with a mask", async () => {
  await using opened = (await openBackend("cpu")).backend;
  let loads = 0;
  const load = opened.load.bind(opened);
  opened.load = (...args) => (loads++, load(...args));
  const report = { chosen: "cpu", reason: "", candidates: [] } as const;
  await using model = await loadModel(join(GOLDEN_FOLDER, "ctc_adapter"), {
    task: "ctc",
    backend: { backend: opened, report },
    parts: [],
  });
  const encoder = new WindowEncoder(model, { isShared: true });
  await encoder.prepare();
  await encoder.probe();
  const samples = recording(20_000);
  await encoder.encode(
    [[0, 20], [0, 30]].map(([start, end]) => job(encoder, samples, window(model, start!, end!))),
  );
  assertEquals(loads, 1);
});
