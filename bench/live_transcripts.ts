/**
 * What streams make of recordings, as fast as the device computes: through the engine itself, with
 * its windows as they are when the device keeps up.
 *
 * @module
 */
import type { DecoderChoice } from "../src/decoding.ts";
import { CaptionEngine } from "../src/engine.ts";
import { OVERLOAD_POLICY } from "../src/schedule/overload.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import type { CaptionStream } from "../src/stream.ts";
import { sharedModel } from "./shared_model.ts";
import type { StreamingCase } from "./streaming_options.ts";

/** Recordings go in faster than they were spoken: no lag is too long. */
const PATIENT = {
  ...OVERLOAD_POLICY,
  thresholds: {
    coalesce: { enterMs: 1e12, leaveMs: 1 },
    degrade: { enterMs: 2e12, leaveMs: 1 },
    refuse: { enterMs: 3e12, leaveMs: 1 },
  },
};

/** Streams at once, whose windows share runs. */
const STREAM_COUNT = 8;

/** Text of each recording, as a stream gives it. */
export async function liveTranscripts(
  model: SpeechModel<"ctc">,
  recordings: readonly Float32Array[],
  { streaming, decoder, onDone }: {
    streaming: StreamingCase;
    decoder: DecoderChoice | undefined;
    onDone: (index: number) => void;
  },
): Promise<string[]> {
  const { normalization, ...windows } = streaming;
  const { hopMs, leftMs, rightMs } = windows;
  const maxWindowMs = Math.min(model.maxInputMs, leftMs + hopMs + rightMs + 5000);
  await using engine = new CaptionEngine(sharedModel(model), {
    ...{ normalization, overload: PATIENT, maxWindowMs, decoder, maxBatch: STREAM_COUNT },
  });
  const texts: string[] = [];
  const queue = [...recordings.entries()];
  const work = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, samples] = next;
      await using stream = engine.open({ ...windows, maxWindowMs });
      texts[index] = await transcriptOf(stream, samples);
      onDone(index);
    }
  };
  await Promise.all(Array.from({ length: STREAM_COUNT }, work));
  return texts;
}

async function transcriptOf(stream: CaptionStream, samples: Float32Array): Promise<string> {
  const feeding = stream.write(samples).then(() => stream.end());
  const words: string[] = [];
  for await (const event of stream) {
    if (event.kind === "caption") words.push(...event.committed.map(({ text }) => text));
  }
  await feeding;
  return words.join(" ");
}
