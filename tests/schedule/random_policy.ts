/**
 * Made-up window policies for the property tests.
 *
 * @module
 */
import fc from "../property.ts";
import { convGeometry, type FrameGeometry } from "../../src/geometry.ts";
import { type WindowOptions, windowPolicy } from "../../src/schedule/window_policy.ts";
import { geometries } from "../random_geometry.ts";

/** Options that fit together on some grid, at 1000 Hz: a millisecond is a sample. */
export interface RandomPolicy {
  geometry: FrameGeometry;
  options: WindowOptions;
}

/** Any grid, and any lengths, of a few frames each and not on the grid. */
export const policies: fc.Arbitrary<RandomPolicy> = fc.record({
  layers: geometries,
  lengths: fc.record({
    left: fc.double({ min: 0, max: 5, noNaN: true }),
    hop: fc.double({ min: 0, max: 4, noNaN: true }),
    right: fc.double({ min: 0, max: 4, noNaN: true }),
    wordEndRight: fc.double({ min: 0, max: 5, noNaN: true }),
    agreeRight: fc.double({ min: 0, max: 5, noNaN: true }),
    spare: fc.double({ min: 1, max: 6, noNaN: true }),
    first: fc.double({ min: 0, max: 1, noNaN: true }),
    lead: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 12, noNaN: true })),
    tail: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3, noNaN: true })),
  }),
  isFilled: fc.boolean(),
  catchUp: fc.boolean(),
}).map(({ layers, lengths, isFilled, catchUp }) => {
  const geometry = convGeometry(layers.kernels, layers.strides);
  const ms = (frames: number) => Math.round(frames * geometry.strideSamples);
  const wholeFrames = (frames: number) => Math.ceil(ms(frames) / geometry.strideSamples);
  const { left, hop, right, wordEndRight, agreeRight, spare, first, lead, tail } = lengths;
  const needed = wholeFrames(left) + Math.max(1, wholeFrames(hop)) + wholeFrames(right);
  const maxWindowMs = geometry.sampleCount(needed) + ms(spare) - geometry.strideSamples;
  const maxFrames = geometry.frameCount(maxWindowMs);
  return {
    geometry,
    options: {
      leftMs: ms(left),
      hopMs: isFilled ? Infinity : ms(hop),
      rightMs: ms(right),
      wordEndRightMs: ms(wordEndRight),
      agreeRightMs: ms(agreeRight),
      maxWindowMs,
      firstWindowMs: isFilled ? Infinity : ms(first * maxFrames),
      leadMs: ms(lead),
      tailPaddingMs: ms(tail),
      catchUp,
      sampleRateHz: 1000,
    },
  };
});

/** The policy of a {@linkcode RandomPolicy}. */
export function policyOf(random: RandomPolicy): ReturnType<typeof windowPolicy> {
  return windowPolicy(random.geometry, random.options);
}

/** What happens to a stream. */
export type StreamEvent =
  | { kind: "push"; sampleCount: number }
  | { kind: "finalize" }
  /** The device has time for this many windows. */
  | { kind: "run"; windows: number };

/** A stream's life, before its end. */
export const streamEvents: fc.Arbitrary<StreamEvent[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("push"), sampleCount: fc.nat(90) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("push"), sampleCount: fc.nat(3000) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("finalize") }) },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant("run"), windows: fc.nat(5) }) },
  ) as fc.Arbitrary<StreamEvent>,
  { maxLength: 25 },
);
