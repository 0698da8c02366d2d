import { AudioError, UnsupportedConfigError } from "../../src/errors.ts";
import {
  addToStatistics,
  extractFbank,
  logMelOf,
  normalizeMels,
  noStatistics,
  parseFbankConfig,
  stackMels,
} from "../../src/model/fbank.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";
import { assertAllClose } from "../golden.ts";

const config = parseFbankConfig({});

/** The same noise every time. [S] */
function noise(sampleCount: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length: sampleCount }, () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647 - 0.5;
  });
}

Deno.test("parseFbankConfig() reads what checkpoints hold and fills in the rest", () => {
  const published = {
    feature_extractor_type: "SeamlessM4TFeatureExtractor",
    feature_size: 80,
    num_mel_bins: 80,
    padding_side: "right",
    padding_value: 1,
    return_attention_mask: true,
    sampling_rate: 16000,
    stride: 2,
    processor_class: "Wav2Vec2BertProcessor",
  };
  assertEquals(parseFbankConfig(published), {
    num_mel_bins: 80,
    sampling_rate: 16000,
    stride: 2,
    padding_value: 1,
    padding_side: "right",
    return_attention_mask: true,
  });
  assertEquals(config.padding_value, 0);
});

Deno.test("parseFbankConfig() names the field it does not support", () => {
  const bad = [
    ["feature_extractor_type", "Wav2Vec2FeatureExtractor"],
    ["feature_size", 40],
    ["num_mel_bins", 0],
    ["stride", 1.5],
    ["sampling_rate", "16000"],
    ["padding_side", "both"],
  ] as const;
  for (const [field, value] of bad) {
    const json = { [field]: value };
    const error = assertThrows(
      () => parseFbankConfig(json, { path: "preprocessor_config.json" }),
      UnsupportedConfigError,
    );
    assertEquals([error.field, error.path], [field, "preprocessor_config.json"]);
  }
  assertThrows(() => parseFbankConfig("text"), UnsupportedConfigError, "an object of fields");
});

Deno.test("extractFbank() takes the first channel of several", () => {
  const [left, right] = [noise(2000), noise(2000).reverse()];
  assertEquals(extractFbank([[left, right]], config), extractFbank([left], config));
});

Deno.test("extractFbank() leaves an odd frame out of the mask", () => {
  const { inputFeatures, attentionMask } = extractFbank([noise(400 + 2 * 160)], config);
  assertEquals(inputFeatures.shape, [1, 2, 160]);
  assertEquals(attentionMask!.data, Int32Array.of(1, 0));
  assertEquals(inputFeatures.data.subarray(240), new Float32Array(80));
});

Deno.test("extractFbank() keeps silence finite", () => {
  const { inputFeatures } = extractFbank([new Float32Array(4000)], config);
  assert(inputFeatures.data.every((value) => Math.abs(value) < 0.01));
});

Deno.test("extractFbank() refuses what it cannot take", () => {
  const good = noise(2000);
  const bad = Float32Array.from(good);
  bad[7] = NaN;
  assertThrows(() => extractFbank([good, bad], config), AudioError, "sample 7 is NaN");
  assertThrows(() => extractFbank([noise(559)], config), AudioError, "at least 560 samples");
  assertThrows(() => extractFbank([good], config, { samplingRate: 8000 }), RangeError, "8000 Hz");
  assertThrows(() => extractFbank([good], config, { truncation: true }), RangeError, "maxLength");
  assertThrows(() => extractFbank([good], config, { padToMultipleOf: 0 }), RangeError, "positive");
  assertThrows(
    () => extractFbank([good], config, { padding: "max_length", maxLength: 4 }),
    RangeError,
    "has 11 log-mel frames",
  );
});

Deno.test("statistics of a stream are those of all its frames, however it is cut", () => {
  const frames = logMelOf(config)(noise(16_000));
  const whole = addToStatistics(noStatistics(80), frames);
  let running = noStatistics(80);
  for (const end of [80, 80, 400, 4000, frames.length]) {
    const start = running.frameCount * 80;
    running = addToStatistics(running, frames.subarray(start, Math.max(start, end)));
  }
  assertEquals(running.frameCount, whole.frameCount);
  running.mean.forEach((mean, bin) => assertAlmostEquals(mean, whole.mean[bin]!, 1e-9));
  running.squares.forEach((sum, bin) => assertAlmostEquals(sum, whole.squares[bin]!, 1e-9));
});

Deno.test("frames normalised by their own statistics and stacked are the features of a window", () => {
  const window = noise(8000);
  const frames = logMelOf(config)(window);
  const statistics = addToStatistics(noStatistics(80), frames);
  const stacked = stackMels(normalizeMels(frames, statistics), config);
  const { inputFeatures } = extractFbank([window], config);
  assertAllClose({ ...stacked, shape: [1, ...stacked.shape] }, inputFeatures, { atol: 0 });
  assertThrows(() => normalizeMels(frames, noStatistics(80)), RangeError, "fewer than 2 frames");
});
