import fc from "./property.ts";
import { assert, assertEquals } from "./assert.ts";
import { convGeometry } from "../src/geometry.ts";
import { geometries } from "./random_geometry.ts";

/** transformers' `_get_feat_extract_output_lengths`, as it is written there; never below 0 frames. */
function foldedFrameCount(sampleCount: number, kernels: number[], strides: number[]): number {
  return kernels.reduce(
    (length, kernel, layer) => Math.max(0, Math.floor((length - kernel) / strides[layer]!) + 1),
    sampleCount,
  );
}

/** Samples that the last layer's frame sees, found by asking each layer which of its inputs it reads. */
function samplesSeen(frame: number, kernels: number[], strides: number[]): [number, number] {
  return kernels.reduceRight<[number, number]>(
    (
      [first, last],
      kernel,
      layer,
    ) => [first * strides[layer]!, last * strides[layer]! + kernel - 1],
    [frame, frame],
  );
}

Deno.test("frameCount folds the layers, never falls, and sampleCount is its least inverse", () => {
  fc.assert(
    fc.property(
      geometries,
      fc.nat({ max: 20_000 }),
      fc.integer({ min: 1, max: 60 }),
      ({ kernels, strides }, samples, frames) => {
        const geometry = convGeometry(kernels, strides);
        const frameCount = geometry.frameCount(samples);
        assertEquals(frameCount, foldedFrameCount(samples, kernels, strides));
        assert([0, 1].includes(geometry.frameCount(samples + 1) - frameCount));
        const least = geometry.sampleCount(frames);
        assertEquals([geometry.frameCount(least), geometry.frameCount(least - 1)], [
          frames,
          frames - 1,
        ]);
      },
    ),
    { numRuns: 2000, seed: 4 },
  );
});

Deno.test("a frame sees receptiveFieldSamples samples from a multiple of strideSamples on", () => {
  fc.assert(
    fc.property(geometries, fc.nat({ max: 100 }), ({ kernels, strides }, frame) => {
      const { strideSamples, receptiveFieldSamples } = convGeometry(kernels, strides);
      const [first, last] = samplesSeen(frame, kernels, strides);
      assertEquals(first, frame * strideSamples);
      assertEquals(last, frame * strideSamples + receptiveFieldSamples - 1);
    }),
    { numRuns: 1000, seed: 5 },
  );
});

Deno.test("a window that starts on the grid holds the frames of the whole recording", () => {
  fc.assert(
    fc.property(
      geometries,
      fc.nat({ max: 20_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      ({ kernels, strides }, total, part) => {
        const geometry = convGeometry(kernels, strides);
        const wholeFrames = geometry.frameCount(total);
        const startFrame = Math.floor(part * wholeFrames);
        const startSample = startFrame * geometry.strideSamples;
        assertEquals(startFrame + geometry.frameCount(total - startSample), wholeFrames);
      },
    ),
    { numRuns: 1000, seed: 6 },
  );
});

Deno.test("HuBERT's grid is 20 ms apart and sees 25 ms", () => {
  const geometry = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);
  assertEquals([geometry.strideSamples, geometry.receptiveFieldSamples], [320, 400]);
  const counts = [0, 399, 400, 719, 720, 16_000, 160_000].map(geometry.frameCount);
  assertEquals(counts, [0, 0, 1, 1, 2, 49, 499]);
  assertEquals([0, 1, 49].map(geometry.sampleCount), [0, 400, 15_760]);
});
