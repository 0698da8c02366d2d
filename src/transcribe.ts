/**
 * A recording of any length to text: what a newcomer calls first.
 *
 * @module
 */
import { type AudioSource, decodeSpeech } from "./audio/decode.ts";
import { likeliestTexts } from "./caption/alternatives.ts";
import type { Alternative, Word } from "./caption/word.ts";
import { createDecoder, type DecoderChoice } from "./decoding.ts";
import { loadModel } from "./load_model.ts";
import { offlineWindows, type WindowOptions } from "./schedule/window_policy.ts";
import type { SpeechModel } from "./speech_model.ts";
import { spellingOf } from "./model_vocabulary.ts";
import { Track, type TrackUpdate } from "./track.ts";
import { samplesToSeconds } from "./units.ts";
import { WindowEncoder } from "./window_encoder.ts";

/** Options of {@linkcode transcribe}. */
export interface TranscribeOptions extends WindowOptions {
  /**
   * The model: one that is loaded, which stays the caller's, or what `loadModel` takes, which is
   * loaded for this call alone.
   */
  readonly model: SpeechModel<"ctc"> | string;
  /** How emissions become text. @default {"beam" for a model with a language model, else "greedy"} */
  readonly decoder?: DecoderChoice | undefined;
  /** Readings given of each word and of the whole text, likeliest first; 1 gives none. @default {1} */
  readonly nBest?: number;
  /** Says how far the recording has been transcribed. */
  readonly onProgress?: (progress: TranscribeProgress) => void;
  /** Ends the work; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How far a transcription has come. */
export interface TranscribeProgress {
  /** Audio transcribed. */
  readonly seconds: number;
  /** Words found since the last report. */
  readonly words: readonly Word[];
}

/** A transcribed recording. */
export interface Transcript {
  /** What was said. */
  readonly text: string;
  /** The words, with their place in samples and their confidence. */
  readonly words: readonly Word[];
  /** What may have been said, likeliest first, where `nBest` asks for it. */
  readonly alternatives?: readonly Alternative[];
  /** Length of the recording. */
  readonly seconds: number;
  /** Samples a second, the unit of the words' places. */
  readonly sampleRateHz: number;
}

/**
 * Transcribes a recording of any length, in windows that overlap and are
 * stitched frame by frame. A recording that fits into one window gives exactly
 * what the reference gives.
 *
 * @param audio Bytes of an audio file, a stream of them, a file's path, or samples at the model's rate.
 * @param options The model, how long windows are, and callbacks.
 * @returns The text and its words. A recording shorter than one frame has none.
 * @throws {AudioError} If the audio cannot be decoded, or a sample is not finite.
 * @throws {BackendError} If the device fails.
 *
 * @example
 * ```ts
 * import { transcribe } from "./transcribe.ts";
 * import { fromFileUrl } from "./std.ts";
 * import { assertEquals } from "../tests/assert.ts";
 *
 * const file = (path: string) => fromFileUrl(new URL(path, import.meta.url));
 * const { text, words } = await transcribe(file("../samples/harbour.wav"), {
 *   model: file("../tests/golden/ctc_adapter"), // or "facebook/hubert-large-ls960-ft"
 * });
 * assertEquals(text, words.map((word) => word.text).join(" "));
 * ```
 */
export async function transcribe(
  audio: AudioSource | Float32Array,
  options: TranscribeOptions,
): Promise<Transcript> {
  if (typeof options.model !== "string") return await transcribeWith(options.model, audio, options);
  const { model: source, signal } = options;
  await using model = await loadModel(source, { task: "ctc", signal });
  return await transcribeWith(model, audio, options);
}

async function transcribeWith(
  model: SpeechModel<"ctc">,
  audio: AudioSource | Float32Array,
  options: TranscribeOptions,
): Promise<Transcript> {
  const { onProgress, signal, model: _model, decoder: choice, ...windows } = options;
  const { geometry, sampleRateHz } = model;
  const { nBest = 1 } = options;
  const spelling = spellingOf(model);
  const { vocabulary } = spelling;
  const decoder = createDecoder(choice, { spelling, geometry, sampleRateHz, settleMs: Infinity });
  const track = new Track({ geometry, vocabulary, decoder }, {
    ...offlineWindows(model.maxInputMs),
    ...windows,
    // words are divided as the tokens say, as the reference does
    wordPauseMs: Infinity,
    sampleRateHz,
  });
  const words: Word[] = [];
  const report = (
    { committed, settledSample }: Pick<TrackUpdate, "committed" | "settledSample">,
  ) => {
    signal?.throwIfAborted();
    words.push(...committed);
    onProgress?.({ seconds: samplesToSeconds(settledSample, sampleRateHz), words: committed });
  };
  const drain = trackRunner(new WindowEncoder(model), track, report);
  for await (const samples of samplesOf(audio, { sampleRateHz, signal })) {
    for (let at = 0; at < samples.length;) {
      const end = Math.min(samples.length, at + track.freeSamples);
      track.push(samples.subarray(at, end));
      at = end;
      await drain();
    }
  }
  track.end();
  await drain();
  const last = track.flush(); // without right context nothing may have been left to encode
  if (last.committed.length > 0) report(last);
  return {
    text: words.map(({ text }) => text).join(" "),
    words,
    ...(nBest > 1 ? { alternatives: likeliestTexts(words, nBest) } : {}),
    seconds: samplesToSeconds(track.progress.samplesReceived, sampleRateHz),
    sampleRateHz,
  };
}

/** Makes a function that runs every window that is due. */
function trackRunner(
  encoder: WindowEncoder,
  track: Track,
  report: (update: TrackUpdate) => void,
): () => Promise<void> {
  let memory = encoder.open();
  return async () => {
    for (let plan = track.plan(); plan.kind === "window"; plan = track.plan()) {
      const { window } = plan;
      const [encoded] = await encoder.encode([{ window, samples: track.read(window), memory }]);
      memory = encoded!.memory;
      report(track.accept(window, encoded!.logits, encoded!.vocabularySize));
    }
  };
}

async function* samplesOf(
  audio: AudioSource | Float32Array,
  options: { sampleRateHz: number; signal: AbortSignal | undefined },
): AsyncGenerator<Float32Array> {
  const { signal, sampleRateHz } = options;
  if (audio instanceof Float32Array) yield audio;
  else yield* decodeSpeech(audio, { sampleRateHz, ...(signal ? { signal } : {}) });
}
