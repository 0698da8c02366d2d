// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * Who speaks when, and what is said: live captions beside a model of frame classification, whose
 * labels are speakers. With a third model, one of speaker vectors, each utterance also says how much
 * its voice is like that of the first one.
 *
 * ```sh
 * deno run -A examples/who_speaks_when.ts MODEL DIARIZER RECORDING [VERIFIER]
 * ```
 *
 * @module
 */
import { Annotator, CaptionEngine, cosineSimilarity, decodeSpeech } from "../mod.ts";

const [model, diarizer, recording, verifier] = Deno.args;
if (model === undefined || diarizer === undefined || recording === undefined) {
  console.error("Give a model of captions, one of speakers, and a recording");
  Deno.exit(2);
}
await using engine = await CaptionEngine.load(model);
await using speakers = await Annotator.load(diarizer, { name: "speakers" });
await using voices = verifier === undefined
  ? undefined
  : await Annotator.load(verifier, { name: "voices" });
await using stream = engine.open({ annotators: voices ? [speakers, voices] : [speakers] });

const { sampleRateHz } = engine.model;
const samples = ReadableStream.from(decodeSpeech(recording, { sampleRateHz }));
const speaking = samples.pipeTo(stream.writable);

const tell = (atSample: number, text: string) =>
  console.log(`${(atSample / sampleRateHz).toFixed(2).padStart(7)} s  ${text}`);
const words: string[] = [];
let firstVoice: Float32Array | undefined;
for await (const event of stream) {
  if (event.kind === "caption") words.push(...event.committed.map(({ text }) => text));
  else if (event.kind === "utteranceEnd") tell(event.startSample, words.splice(0).join(" "));
  else if (event.kind !== "annotation") continue;
  else if (event.annotation.kind === "activityStart") {
    tell(event.annotation.startSample, `${event.annotation.label} begins`);
  } else if (event.annotation.kind === "activityEnd") {
    tell(event.annotation.endSample, `${event.annotation.label} ends`);
  } else if (event.annotation.kind === "embedding") {
    const { startSample, embedding } = event.annotation;
    firstVoice ??= embedding;
    tell(
      startSample,
      `a voice ${cosineSimilarity(firstVoice, embedding).toFixed(2)} like the first`,
    );
  } else if (event.annotation.kind === "failure") {
    console.error(`${event.annotator} failed:`, event.annotation.error);
  }
}
await speaking;
