// @ts-check
/// <reference lib="dom" />
/**
 * A recording, decoded by the browser, as if it were spoken now or as fast as the server takes it.
 *
 * @module
 */

/** Rate that recordings are decoded to. */
export const RECORDING_RATE_HZ = 16_000;

const PIECE_SECONDS = 0.03;
const TICK_MS = 30;
/** Audio that may wait to be sent when it goes as fast as it can. */
const AHEAD_SECONDS = 10;

/**
 * @param {Blob} file
 * @returns {Promise<Int16Array>} Mono, at {@link RECORDING_RATE_HZ}.
 * @throws {DOMException} If the browser cannot decode it.
 */
export async function decodeRecording(file) {
  const context = new OfflineAudioContext(1, 1, RECORDING_RATE_HZ);
  const buffer = await context.decodeAudioData(await file.arrayBuffer());
  const channels = Array.from(
    { length: buffer.numberOfChannels },
    (_, index) => buffer.getChannelData(index),
  );
  const samples = new Int16Array(buffer.length);
  for (let i = 0; i < samples.length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i] ?? 0;
    const value = Math.max(-1, Math.min(1, sum / channels.length));
    samples[i] = Math.round(value * (value < 0 ? 32768 : 32767));
  }
  return samples;
}

/**
 * @typedef {object} PlayOptions
 * @property {boolean} isRealTime
 * @property {() => number} backlogSeconds Audio that the server has not taken in yet.
 * @property {(samples: Int16Array) => void} onSamples
 * @property {AbortSignal} signal
 */

/**
 * Hands a recording over piece by piece.
 *
 * @param {Int16Array} samples
 * @param {PlayOptions} options
 * @returns {Promise<void>} Resolves at its end, or when it is aborted.
 */
export async function playSamples(samples, { isRealTime, backlogSeconds, onSamples, signal }) {
  const piece = Math.round(PIECE_SECONDS * RECORDING_RATE_HZ) * (isRealTime ? 1 : 10);
  const startMs = performance.now();
  for (let at = 0; at < samples.length && !signal.aborted;) {
    const elapsedSeconds = (performance.now() - startMs) / 1000;
    const due = isRealTime
      ? Math.floor(elapsedSeconds * RECORDING_RATE_HZ)
      : at + Math.floor((AHEAD_SECONDS - backlogSeconds()) * RECORDING_RATE_HZ);
    while (at < samples.length && at + piece <= Math.max(due, 0)) {
      onSamples(samples.slice(at, at + piece));
      at += piece;
    }
    if (at < samples.length && samples.length - at < piece) {
      onSamples(samples.slice(at));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}
