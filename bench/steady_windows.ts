/**
 * Windows as streams have them once they are no longer young.
 *
 * @module
 */
import type { SpeechModel } from "../src/speech_model.ts";
import { msToSamples } from "../src/units.ts";
import type { EncodeJob, StreamMemory, WindowEncoder } from "../src/window_encoder.ts";

/** How long windows are, and how much of each is new. */
export interface SteadyOptions {
  readonly windowMs: number;
  readonly hopMs: number;
  /** Streams, of which each has a window. */
  readonly streamCount: number;
}

/**
 * A window of each stream, the window before it being known to the encoder.
 *
 * @param model The model. @param encoder What will encode them.
 */
export async function steadyJobs(
  model: SpeechModel<"ctc">,
  encoder: WindowEncoder,
  { windowMs, hopMs, streamCount }: SteadyOptions,
): Promise<EncodeJob[]> {
  const { geometry, sampleRateHz } = model;
  const frameCount = geometry.frameCount(msToSamples(windowMs, sampleRateHz));
  const hopFrames = Math.ceil(msToSamples(hopMs, sampleRateHz) / geometry.strideSamples);
  const samples = Float32Array.from(
    { length: geometry.sampleCount(frameCount + hopFrames) },
    (_, i) => 0.1 * Math.sin(i * i / 9000),
  );
  const jobAt = (startFrame: number, memory: StreamMemory): EncodeJob => {
    const endFrame = startFrame + frameCount;
    const startSample = startFrame * geometry.strideSamples;
    const endSample = startSample + geometry.sampleCount(frameCount);
    const window = { startSample, endSample, startFrame, endFrame };
    return { window, samples: samples.subarray(startSample, endSample), memory };
  };
  const [first] = await encoder.encode([jobAt(0, encoder.open())]);
  return Array.from({ length: streamCount }, () => jobAt(hopFrames, first!.memory));
}

/** Time that work takes, ms. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}
