/**
 * The parts of a stream that run in JavaScript, each over a second of audio: `deno bench` runs this.
 *
 * @module
 */
import { Resampler } from "../src/audio/resample.ts";
import { RingBuffer } from "../src/audio/ring_buffer.ts";
import { beamDecoder } from "../src/ctc/beam.ts";
import type { CtcDecoder } from "../src/ctc/decoder.ts";
import { type Emissions, emissionsFromLogits, sliceEmissions } from "../src/ctc/emissions.ts";
import { greedyDecoder } from "../src/ctc/greedy.ts";
import { extractFbank, parseFbankConfig } from "../src/model/fbank.ts";
import { commitWindow, startCommit } from "../src/stitch/commit.ts";
import { seededRandom } from "./statistics.ts";

const SAMPLE_RATE_HZ = 16_000;
const STRIDE_SAMPLES = 320;
const FRAMES_PER_SECOND = SAMPLE_RATE_HZ / STRIDE_SAMPLES;
const VOCABULARY_SIZE = 32;
/** Samples that come together: 20 ms. */
const PUSH_SAMPLES = 320;

const random = seededRandom(7);
const noise = (length: number) => new Float32Array(length).map(() => random() - 0.5);
const second = noise(SAMPLE_RATE_HZ);
const second48 = noise(48_000);
const vocabulary = {
  blankId: 0,
  wordDelimiterId: 4,
  tokenText: (id: number) => id < 5 ? "" : String.fromCharCode(92 + id),
};

/** Scores as a trained model gives them: one token a frame stands out, mostly the blank. */
function speechLogits(frameCount: number): Float32Array {
  const logits = new Float32Array(frameCount * VOCABULARY_SIZE).map(() => random());
  for (let frame = 0; frame < frameCount; frame++) {
    const isBlank = random() < 0.6;
    const id = isBlank ? 0 : 4 + Math.floor(random() * (VOCABULARY_SIZE - 4));
    logits[frame * VOCABULARY_SIZE + id] = 12;
  }
  return logits;
}

Deno.bench("ring buffer: a second pushed and read", () => {
  const ring = new RingBuffer(2 * SAMPLE_RATE_HZ);
  for (let at = 0; at < second.length; at += PUSH_SAMPLES) {
    ring.push(second.subarray(at, at + PUSH_SAMPLES));
  }
  ring.read(0, second.length);
});

const resampler = new Resampler(48_000, SAMPLE_RATE_HZ);
Deno.bench("resampler: a second from 48 kHz", () => {
  for (let at = 0; at < second48.length; at += 960) {
    resampler.push(second48.subarray(at, at + 960));
  }
});

const fbank = parseFbankConfig({});
Deno.bench("fbank: a second of log-mel features", () => {
  extractFbank([second], fbank);
});

const windowLogits = speechLogits(FRAMES_PER_SECOND);
Deno.bench("emissions: a second of log-softmax", () => {
  emissionsFromLogits(windowLogits, { vocabularySize: VOCABULARY_SIZE });
});

const spoken = emissionsFromLogits(windowLogits, { vocabularySize: VOCABULARY_SIZE });

function decodeSecond<S>(decoder: CtcDecoder<S>): void {
  decoder.flush(decoder.decode(decoder.start(0), spoken).state);
}

const greedy = greedyDecoder(vocabulary);
Deno.bench("CTC greedy: a second", () => decodeSecond(greedy));

const beam = beamDecoder({ blankId: 0 });
Deno.bench("CTC beam: a second", () => decodeSecond(beam));

/** Frames of a window after those that it commits. */
const RIGHT_FRAMES = 30;
const HOP_FRAMES = 20;

function hopsOf(emissions: Emissions): { committed: Emissions; tentative: Emissions }[] {
  const hops = [];
  for (let at = 0; at + HOP_FRAMES + RIGHT_FRAMES <= emissions.frameCount; at += HOP_FRAMES) {
    const end = at + HOP_FRAMES;
    hops.push({
      committed: sliceEmissions(emissions, { startFrame: at, endFrame: end }),
      tentative: sliceEmissions(emissions, { startFrame: end, endFrame: end + RIGHT_FRAMES }),
    });
  }
  return hops;
}

const stitchOptions = {
  ...{ decoder: greedy, vocabulary, strideSamples: STRIDE_SAMPLES, pauseFrames: 30 },
};
const hops = hopsOf(
  emissionsFromLogits(speechLogits(10 * FRAMES_PER_SECOND + RIGHT_FRAMES), {
    vocabularySize: VOCABULARY_SIZE,
  }),
);
Deno.bench("stitch: ten seconds of hops to words", () => {
  let state = startCommit(greedy);
  for (const window of hops) state = commitWindow(state, window, stitchOptions).state;
});
