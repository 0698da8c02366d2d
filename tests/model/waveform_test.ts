import { AudioError, UnsupportedConfigError } from "../../src/errors.ts";
import {
  normalizeInPlace,
  parseWaveformConfig,
  prepareWaveforms,
} from "../../src/model/waveform.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const config = parseWaveformConfig({});
const wave = (...samples: number[]) => Float32Array.from(samples);

Deno.test("parseWaveformConfig() reads what checkpoints hold and fills in the rest", () => {
  const hubertLarge = {
    do_normalize: true,
    feature_extractor_type: "Wav2Vec2FeatureExtractor",
    feature_size: 1,
    padding_side: "right",
    chunk_length_s: null,
    padding_value: 0,
    return_attention_mask: true,
    sampling_rate: 16000,
  };
  assertEquals(parseWaveformConfig(hubertLarge), {
    do_normalize: true,
    padding_side: "right",
    chunk_length_s: null,
    padding_value: 0,
    return_attention_mask: true,
    sampling_rate: 16000,
  });
  assertEquals(config.return_attention_mask, false);
});

Deno.test("parseWaveformConfig() names the field it does not support", () => {
  const bad = [
    ["feature_extractor_type", "SeamlessM4TFeatureExtractor"],
    ["feature_size", 80],
    ["sampling_rate", 0],
    ["do_normalize", "yes"],
    ["padding_side", "both"],
  ] as const;
  for (const [field, value] of bad) {
    const error = assertThrows(
      () => parseWaveformConfig({ [field]: value }),
      UnsupportedConfigError,
    );
    assertEquals([error.field, error.value], [field, value]);
  }
  assertThrows(() => parseWaveformConfig(null), UnsupportedConfigError, "preprocessor_config.json");
});

Deno.test("prepareWaveforms() names what is wrong with the audio", () => {
  assertThrows(() => prepareWaveforms([wave(1), wave()], config), AudioError, "waveform 1");
  assertThrows(() => prepareWaveforms([wave(1, NaN)], config), AudioError, "sample 1 is NaN");
  assertThrows(
    () => prepareWaveforms([wave(0), wave(-Infinity)], config),
    AudioError,
    "waveform 1 as its samples must be finite numbers: sample 0 is -Infinity",
  );
});

Deno.test("prepareWaveforms() refuses options that do not fit", () => {
  const rows = [wave(1, 2, 3)];
  const refused = [
    [{ samplingRate: 44100 }, "44100 Hz"],
    [{ padding: "max_length" }, "maxLength"],
    [{ truncation: true }, "maxLength"],
    [{ padding: "max_length", maxLength: 2 }, "3 samples"],
    [{ padToMultipleOf: 0 }, "padToMultipleOf"],
    [{ maxLength: NaN }, "maxLength"],
  ] as const;
  for (const [options, message] of refused) {
    assertThrows(() => prepareWaveforms(rows, config, options), RangeError, message);
  }
});

Deno.test("prepareWaveforms() pads on the left and scales what is not padding", () => {
  const left = parseWaveformConfig({ padding_side: "left", return_attention_mask: true });
  const batch = prepareWaveforms([wave(1, 3), wave(1, 2, 3, 4)], left);
  assertEquals(Array.from(batch.attentionMask!.data), [0, 0, 1, 1, 1, 1, 1, 1]);
  assertEquals(Array.from(batch.inputValues.data.subarray(0, 4), Math.round), [0, 0, -1, 1]);
});

Deno.test("prepareWaveforms() leaves the caller's samples alone", () => {
  const samples = wave(1, 2, 3);
  prepareWaveforms([samples], config);
  assertEquals(samples, wave(1, 2, 3));
});

Deno.test("normalizeInPlace() leaves silence silent", () => {
  const silence = new Float32Array(100);
  normalizeInPlace(silence);
  assert(silence.every((sample) => sample === 0));
});
