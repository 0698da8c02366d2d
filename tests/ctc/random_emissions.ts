/**
 * Made-up emissions for the tests of decoding.
 *
 * @module
 */
import fc from "../property.ts";
import {
  type Emissions,
  emissionsFromLogits,
  endFrameOf,
  sliceEmissions,
} from "../../src/ctc/emissions.ts";

/** Emissions of up to `maxFrames` frames; their scores span `scale`, so that small ones are undecided. */
export function emissionsOf(
  options: { maxFrames: number; minFrames?: number; vocabularySize: number; scale?: number },
): fc.Arbitrary<Emissions> {
  const { maxFrames, minFrames = 0, vocabularySize, scale = 6 } = options;
  const score = fc.double({ min: 0, max: scale, noNaN: true });
  const frame = fc.array(score, { minLength: vocabularySize, maxLength: vocabularySize });
  return fc.tuple(
    fc.array(frame, { minLength: minFrames, maxLength: maxFrames }),
    fc.integer({ min: 0, max: 1000 }),
  ).map(([frames, startFrame]) =>
    emissionsFromLogits(new Float32Array(frames.flat()), { vocabularySize, startFrame })
  );
}

/** Emissions in which each frame is almost surely the given id. */
export function emissionsOfPath(
  path: readonly number[],
  options: { vocabularySize: number; startFrame?: number; margin?: number },
): Emissions {
  const { vocabularySize, startFrame = 0, margin = 8 } = options;
  const logits = new Float32Array(path.length * vocabularySize);
  for (const [frame, id] of path.entries()) logits[frame * vocabularySize + id] = margin;
  return emissionsFromLogits(logits, { vocabularySize, startFrame });
}

/** Cuts emissions into chunks; the lengths are used in turn until all is cut, 0 gives an empty chunk. */
export function chunked(emissions: Emissions, lengths: readonly number[]): Emissions[] {
  const chunks: Emissions[] = [];
  let startFrame = emissions.startFrame;
  for (const length of [...lengths, Infinity]) {
    const endFrame = Math.min(endFrameOf(emissions), startFrame + length);
    chunks.push(sliceEmissions(emissions, { startFrame, endFrame }));
    startFrame = endFrame;
  }
  return chunks;
}

/** Lengths for {@linkcode chunked}. */
export const chunkLengths: fc.Arbitrary<number[]> = fc.array(fc.integer({ min: 0, max: 9 }), {
  maxLength: 12,
});
