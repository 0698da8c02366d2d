/**
 * A speaker at a server: audio as it is spoken, and what comes back when.
 *
 * @module
 */
import { s16leBytes } from "../src/audio/pcm.ts";
import { CaptionClient } from "../src/server/client.ts";
import type { CaptionSettings } from "../src/server/protocol.ts";
import { waitUntil } from "./clock.ts";
import type { SeenCaption } from "./emission_latency.ts";

/** How a recording is spoken. */
export interface SpeakingOptions {
  /** Where the server listens. */
  readonly url: string;
  /** Rate of the samples, Hz. */
  readonly sampleRateHz: number;
  /** How its captions are to be made. */
  readonly settings?: CaptionSettings;
  /** Time to wait before the first sample. @default {0} */
  readonly delayMs?: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** What a speaker was shown. */
export interface Spoken {
  readonly seen: readonly SeenCaption[];
  /** Steps of the server's overload policy that it was told of. */
  readonly overloads: readonly string[];
}

/** Audio in one message, as a microphone gives it, ms. */
const FRAME_MS = 20;

/**
 * Speaks a recording: each frame of 20 ms goes out once its last sample would have been spoken.
 * samples: [S]
 *
 * @throws {CaptionClientError} If the server refuses.
 */
export async function speak(samples: Float32Array, options: SpeakingOptions): Promise<Spoken> {
  const { url, sampleRateHz, settings, delayMs = 0, signal } = options;
  const seen: SeenCaption[] = [];
  const overloads: string[] = [];
  const welcome = Promise.withResolvers<void>();
  let startMs = Infinity;
  await using client = new CaptionClient({
    url: `${url}/v1/captions`,
    audio: { encoding: "s16le", sampleRateHz },
    bytesPerSample: 2,
    ...(settings === undefined ? {} : { settings }),
    signal,
    retrySeconds: 0,
    onMessage: (message) => {
      if (message.type === "hello") welcome.resolve();
      if (message.type === "overload") overloads.push(message.step);
      if (message.type !== "caption") return;
      const { committed, tentative } = message;
      seen.push({ atMs: performance.now() - startMs, committed, tentative });
    },
  });
  await Promise.race([welcome.promise, client.finished]);
  startMs = performance.now() + delayMs;
  const frame = FRAME_MS * sampleRateHz / 1000;
  for (let at = 0; at < samples.length; at += frame) {
    await waitUntil(startMs + (at / frame + 1) * FRAME_MS);
    await client.write(s16leBytes(samples.subarray(at, at + frame)));
  }
  await client.end();
  return { seen, overloads };
}
