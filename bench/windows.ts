/**
 * Recordings in windows, one after the other: what each adds.
 *
 * @module
 */
import { greedyDecoder } from "../src/ctc/greedy.ts";
import { type Emissions, joinEmissions } from "../src/ctc/emissions.ts";
import { vocabularyOf } from "../src/model_vocabulary.ts";
import { offlineWindows, type WindowOptions } from "../src/schedule/window_policy.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import { Track, type TrackUpdate } from "../src/track.ts";
import { WindowEncoder, type WindowEncoderOptions } from "../src/window_encoder.ts";

/** Options of {@linkcode encodeWindows}. */
export interface EncodeWindowsOptions extends WindowEncoderOptions {
  /** How long windows are. @default {as offline} */
  readonly windows?: Readonly<WindowOptions>;
}

/** Runs a recording through its windows, each hop by itself. samples: [S] */
async function* encodeWindows(
  model: SpeechModel<"ctc">,
  samples: Float32Array,
  options: EncodeWindowsOptions = {},
): AsyncGenerator<TrackUpdate> {
  const { windows = {}, ...encoding } = options;
  const { geometry, sampleRateHz } = model;
  const vocabulary = vocabularyOf(model);
  const track = new Track({ geometry, vocabulary, decoder: greedyDecoder(vocabulary) }, {
    ...offlineWindows(model.maxInputMs),
    ...windows,
    ...{ sampleRateHz, catchUp: false, backlogMs: 1000 * samples.length / sampleRateHz },
  });
  const encoder = new WindowEncoder(model, encoding);
  let memory = encoder.open();
  track.push(samples);
  track.end();
  for (let plan = track.plan(); plan.kind === "window"; plan = track.plan()) {
    const { window } = plan;
    const [encoded] = await encoder.encode([{ window, samples: track.read(window), memory }]);
    memory = encoded!.memory;
    yield track.accept(window, encoded!.logits, encoded!.vocabularySize);
  }
}

/** Emissions of a whole recording. samples: [S] */
export async function emissionsOf(
  model: SpeechModel<"ctc">,
  samples: Float32Array,
  options: EncodeWindowsOptions = {},
): Promise<Emissions> {
  const parts: Emissions[] = [];
  for await (const { emissions } of encodeWindows(model, samples, options)) parts.push(emissions);
  return joinEmissions(parts);
}
