/**
 * A device that computes nothing and takes as long as a measured one would: the checkpoint, the
 * encoder and the engine on it are real.
 *
 * @module
 */
import type { Backend, GraphSession } from "../src/runtime/backend.ts";
import type { OpenedBackend } from "../src/runtime/select.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import type { Tensor } from "../src/tensor.ts";
import { samplesToMs } from "../src/units.ts";
import type { VirtualClock } from "./clock.ts";
import { type CostCurve, costOf } from "./cost_curve.ts";

/** A virtual device like one that was measured with a model. */
export function virtualDevice(
  { geometry, sampleRateHz, config, selection }: SpeechModel<"ctc">,
  { clock, costs }: { clock: VirtualClock; costs: CostCurve },
): OpenedBackend {
  const blankId = config.pad_token_id ?? 0;
  const run: GraphSession["run"] = async (feeds) => {
    const { shape } = (feeds.input_values ?? feeds.input_features)! as Tensor;
    const [batch, length] = shape as [number, number];
    const isWaveform = feeds.input_values !== undefined;
    const frameCount = isWaveform ? geometry.frameCount(length) : length;
    const windowMs = samplesToMs(geometry.sampleCount(frameCount), sampleRateHz);
    await clock.sleep(costOf(costs, { batch, windowMs }));
    const shapeOut = [batch, frameCount, config.vocab_size!] as const; // CTC models have one
    return { logits: silence(shapeOut, blankId) };
  };
  const session: GraphSession = {
    ...{ inputNames: [], outputNames: [], inputs: [], outputs: [], placement: undefined },
    run,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const backend: Backend = {
    name: selection.chosen,
    device: `like ${selection.reason}`,
    isSoftware: true,
    hasFloat16: true,
    busyMs: 0,
    load: () => Promise.resolve(session),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { backend, report: { ...selection, reason: backend.device } };
}

/** Above all other scores, which are 0, as a model that hears nothing has it: search is short then. */
const CERTAIN = 20;

/** Scores of frames in which nothing is said. */
function silence(shape: readonly [number, number, number], blankId: number): Tensor<Float32Array> {
  const [batch, frameCount, size] = shape;
  const data = new Float32Array(batch * frameCount * size);
  for (let at = blankId; at < data.length; at += size) data[at] = CERTAIN;
  return { data, shape };
}
