/**
 * Recordings joined to one that is as long as a measurement takes.
 *
 * @module
 */
import type { SpeechModel } from "../src/speech_model.ts";
import { msToSamples, samplesToMs } from "../src/units.ts";
import type { LoadedClip } from "./clips.ts";
import { type SpokenWord, spokenWords } from "./word_times.ts";

/** A recording whose words are known. */
export interface TimedClip {
  /** [S] */
  readonly samples: Float32Array;
  readonly words: readonly SpokenWord[];
}

/** Silence between recordings, ms. */
const PAUSE_MS = 500;

/** Silence at the end, ms: the last word comes as the others do, and is not hurried by the end. */
const TAIL_MS = 2500;

/** Finds out when the words of recordings are spoken; one that cannot be aligned is left out aloud. */
export async function timeClips(
  model: SpeechModel<"ctc">,
  clips: readonly LoadedClip[],
  say: (text: string) => void,
): Promise<TimedClip[]> {
  const timed: TimedClip[] = [];
  for (const clip of clips) {
    try {
      timed.push({ samples: clip.samples, words: await spokenWords(model, clip) });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      say(`LEFT OUT ${clip.name}: ${error.message}`);
    }
  }
  if (timed.length > 0) return timed;
  throw new RangeError("Cannot measure latency as no recording can be aligned");
}

/**
 * Joins recordings until they are long enough; they come again when they are used up.
 *
 * @param clips At least one.
 * @param options `seconds` of speech at least, from the clip `first` on.
 */
export function joinClips(
  clips: readonly TimedClip[],
  { seconds, first, sampleRateHz }: { seconds: number; first: number; sampleRateHz: number },
): TimedClip {
  const pauseSamples = msToSamples(PAUSE_MS, sampleRateHz);
  const parts: { startSample: number; clip: TimedClip }[] = [];
  let endSample = 0;
  for (let i = first; endSample < seconds * sampleRateHz; i++) {
    const clip = clips[i % clips.length]!;
    parts.push({ startSample: endSample, clip });
    endSample += clip.samples.length + pauseSamples;
  }
  const samples = new Float32Array(endSample + msToSamples(TAIL_MS, sampleRateHz));
  for (const { startSample, clip } of parts) samples.set(clip.samples, startSample);
  const words = parts.flatMap(({ startSample, clip }) => {
    const atMs = samplesToMs(startSample, sampleRateHz);
    return clip.words.map(({ text, startMs, endMs }) => {
      return { text, startMs: atMs + startMs, endMs: atMs + endMs };
    });
  });
  return { samples, words };
}
