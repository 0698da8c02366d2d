import fc from "../property.ts";
import { extractFbank, parseFbankConfig } from "../../src/model/fbank.ts";
import {
  type AdapterFields,
  adapterFrameCount,
  labelledFrameCount,
  melFrameCount,
  wav2Vec2BertGeometry,
} from "../../src/model/fbank_geometry.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { bertCases, bertConfig, bertTensors } from "../golden_bert.ts";

const NO_ADAPTER: AdapterFields = {
  add_adapter: false,
  num_adapter_layers: 1,
  adapter_kernel_size: 3,
  adapter_stride: 2,
};

/** Adapters as they are built: kernels at least as wide as their stride. */
const adapters: fc.Arbitrary<AdapterFields> = fc.record({
  add_adapter: fc.boolean(),
  num_adapter_layers: fc.integer({ min: 1, max: 3 }),
  adapter_stride: fc.integer({ min: 1, max: 4 }),
  wider: fc.integer({ min: 0, max: 3 }),
}).map(({ wider, ...fields }) => ({
  ...fields,
  adapter_kernel_size: fields.adapter_stride + wider,
}));

Deno.test("frameCount never falls, and sampleCount is its least inverse", () => {
  fc.assert(
    fc.property(
      adapters,
      fc.nat({ max: 60_000 }),
      fc.integer({ min: 1, max: 30 }),
      (fields, samples, frames) => {
        const geometry = wav2Vec2BertGeometry(fields);
        const frameCount = geometry.frameCount(samples);
        assert(geometry.frameCount(samples + 1) >= frameCount);
        const least = geometry.sampleCount(frames);
        assert(geometry.frameCount(least) >= frames);
        assert(geometry.frameCount(least - 1) < frames);
      },
    ),
    { numRuns: 1000, seed: 9 },
  );
});

Deno.test("without an adapter a window on the grid holds the frames of the whole recording", () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 60_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 4 }),
      (total, part, stackedFrames) => {
        const geometry = wav2Vec2BertGeometry(NO_ADAPTER, { stackedFrames });
        const wholeFrames = geometry.frameCount(total);
        const startFrame = Math.floor(part * wholeFrames);
        const startSample = startFrame * geometry.strideSamples;
        assertEquals(startFrame + geometry.frameCount(total - startSample), wholeFrames);
        const least = geometry.sampleCount(3);
        assertEquals(least, 2 * geometry.strideSamples + geometry.receptiveFieldSamples);
      },
    ),
    { numRuns: 1000, seed: 10 },
  );
});

Deno.test("with an adapter a window on the grid holds the frames from its start to the end", () => {
  fc.assert(
    fc.property(
      adapters,
      fc.nat({ max: 200_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (fields, total, part) => {
        const geometry = wav2Vec2BertGeometry(fields);
        const wholeFrames = geometry.frameCount(total);
        const startFrame = Math.floor(part * wholeFrames);
        const held = geometry.frameCount(total - startFrame * geometry.strideSamples);
        if (held > 0) assertEquals(startFrame + held, wholeFrames);
      },
    ),
    { numRuns: 1000, seed: 11 },
  );
});

Deno.test("frames are counted as the feature extractor masks them", () => {
  const config = parseFbankConfig({ num_mel_bins: 4, feature_size: 4 });
  const geometry = wav2Vec2BertGeometry(NO_ADAPTER);
  fc.assert(
    fc.property(fc.integer({ min: 560, max: 8000 }), (sampleCount) => {
      const samples = Float32Array.from({ length: sampleCount }, (_, i) => Math.sin(i * i));
      const { attentionMask } = extractFbank([samples], config);
      const seen = attentionMask!.data.reduce((sum, value) => sum + value, 0);
      assertEquals(geometry.frameCount(sampleCount), seen);
      assertEquals(Math.ceil(melFrameCount(sampleCount) / 2), attentionMask!.shape[1]);
    }),
    { numRuns: 30, seed: 12 },
  );
  assertEquals(geometry.frameCount(559), 0);
});

for (const golden of bertCases()) {
  Deno.test(`frames are counted as transformers counts them: ${golden.name}`, () => {
    const config = bertConfig(golden);
    const { inputs, expected } = bertTensors(golden);
    const [rowCount, frameCount] = inputs.input_features!.shape as [number, number];
    const mask = inputs.attention_mask?.data;
    const counts = Array.from({ length: rowCount }, (_, row) => {
      const own = mask?.subarray(row * frameCount, (row + 1) * frameCount);
      return labelledFrameCount(
        config,
        own ? own.filter((value) => value === 1).length : frameCount,
      );
    });
    assertEquals(counts, [...golden.frame_counts]);
    const made = (expected.last_hidden_state ?? expected.logits)!.shape;
    if (made.length === 3) assertEquals(adapterFrameCount(config, frameCount), made[1]);
  });
}

Deno.test("w2v-BERT 2.0's grid is 20 ms apart and sees 35 ms", () => {
  const geometry = wav2Vec2BertGeometry(NO_ADAPTER);
  assertEquals([geometry.strideSamples, geometry.receptiveFieldSamples], [320, 560]);
  assertEquals([0, 559, 560, 879, 880, 16_000].map(geometry.frameCount), [0, 0, 1, 1, 2, 49]);
  assertEquals([0, 1, 49].map(geometry.sampleCount), [0, 560, 15_920]);
  const adapted = wav2Vec2BertGeometry({ ...NO_ADAPTER, add_adapter: true });
  assertEquals([adapted.strideSamples, adapted.receptiveFieldSamples], [640, 1200]);
  assertThrows(() => wav2Vec2BertGeometry(NO_ADAPTER, { stackedFrames: 0 }), RangeError);
});
