/**
 * How long a live stream waits until it is sure of a word, where its options do not say.
 *
 * @module
 */
import { ENDPOINT_RULES, type EndpointOptions } from "./caption/endpoint.ts";
import type { CtcDecoder } from "./ctc/decoder.ts";
import type { FrameGeometry } from "./geometry.ts";
import { samplesToMs } from "./units.ts";

/** Shortest silence that ends an utterance. */
function shortestSilenceMs({ rules = ENDPOINT_RULES }: EndpointOptions): number {
  const silences = rules.map(({ minTrailingSilenceMs }) => minTrailingSilenceMs);
  return Math.min(...silences.filter((ms) => ms > 0));
}

/**
 * Time after which a decoder must be sure of a token, where nobody says: what a pause leaves of the
 * silence that ends an utterance, or half of it.
 */
export function settleMsFor(options: EndpointOptions): number {
  const silenceMs = shortestSilenceMs(options);
  return Math.min(LONGEST_SETTLE_MS, Math.max(silenceMs / 2, silenceMs - LONGEST_PAUSE_MS));
}

/** A word is final no later than the utterance it ends: after a pause, once the decoder is sure. */
export function wordPauseMsFor(
  { decoder, geometry }: { decoder: CtcDecoder<unknown>; geometry: FrameGeometry },
  options: EndpointOptions,
): number {
  const { sampleRateHz = 16_000 } = options;
  const silenceMs = shortestSilenceMs(options);
  const settleSamples = (decoder.settleFrames - 1) * geometry.strideSamples;
  const leftMs = silenceMs - samplesToMs(settleSamples, sampleRateHz);
  return Math.min(LONGEST_PAUSE_MS, silenceMs, Math.max(SHORTEST_PAUSE_MS, leftMs));
}

/** Letters of a word can be as far apart as the one, and seldom are as far apart as the other. */
const [SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS] = [100, 400];

/** Later words seldom change beam search's mind (bench/README.md). */
const LONGEST_SETTLE_MS = 800;
