import { assert, assertEquals, assertThrows } from "./assert.ts";
import { readSpeech } from "../src/audio/decode.ts";
import { emissionsFromLogits } from "../src/ctc/emissions.ts";
import { createDecoder, type DecoderChoice } from "../src/decoding.ts";
import { CaptionEngine } from "../src/engine.ts";
import { loadLanguageModel } from "../src/language_model.ts";
import { loadModel } from "../src/load_model.ts";
import { spellingOf } from "../src/model_vocabulary.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import { fromFileUrl, join } from "../src/std.ts";
import { transcribe } from "../src/transcribe.ts";
import { GOLDEN_FOLDER } from "./golden.ts";

const FOLDER = join(GOLDEN_FOLDER, "ctc_adapter");
const SMALL = join(GOLDEN_FOLDER, "language_model", "small.arpa");
const HARBOUR = fromFileUrl(new URL("../samples/harbour.wav", import.meta.url));

function load(languageModel?: string) {
  return loadModel(FOLDER, {
    ...{ task: "ctc", backend: "cpu", parts: [] },
    ...(languageModel === undefined ? {} : { languageModel }),
  });
}

function decoderFor(
  model: SpeechModel<"ctc">,
  choice: DecoderChoice | undefined,
  settleMs: number,
) {
  const { geometry, sampleRateHz } = model;
  return createDecoder(choice, { spelling: spellingOf(model), geometry, sampleRateHz, settleMs });
}

/** Frames of "hat", the "t" in doubt: "l" is a little likelier. The vocabulary is "ab ehlot". */
function emissions() {
  const logits = new Float32Array(5 * 12);
  for (const [frame, id] of [8, 0, 5, 0].entries()) logits[frame * 12 + id] = 12;
  logits.set([12, 11.5], 4 * 12 + 9);
  logits[4 * 12 + 10] = 0;
  logits[4 * 12 + 11] = 11.5;
  return emissionsFromLogits(logits, { vocabularySize: 12 });
}

Deno.test("greedy without a language model, beam with one; either when it is asked for", async () => {
  await using plain = await load();
  await using fused = await load(SMALL);
  const languageModel = { model: await loadLanguageModel(SMALL) };
  const decode = (model: typeof plain, choice: DecoderChoice | undefined) => {
    const decoder = decoderFor(model, choice, Infinity);
    const { state, tokens } = decoder.decode(decoder.start(0), emissions());
    const { tokens: rest } = decoder.flush(state);
    return [...tokens, ...rest].map(({ id }) => ({ 5: "a", 8: "h", 9: "l", 11: "t" }[id])).join("");
  };
  assertEquals(decode(plain, undefined), "hal");
  assertEquals(decode(plain, "beam"), "hal");
  assertEquals(decode(plain, { languageModel }), "hat");
  assertEquals(decode(fused, undefined), "hat");
  assertEquals(decode(fused, "beam"), "hat");
  assertEquals(decode(fused, "greedy"), "hal");
  assertEquals(decode(fused, { languageModel: false, beamWidth: 3 }), "hal");
  assertEquals(decode(fused, { languageModel: { weight: 0, unknownScore: 0 } }), "hal");
  assertEquals(decode(fused, { beamWidth: 1 }).slice(0, 2), "ha");
});

Deno.test("options that make no sense, and a language model that is not there, are refused", async () => {
  await using model = await load();
  const create = (choice: DecoderChoice) => decoderFor(model, choice, 1000);
  for (const choice of [{ beamWidth: 0 }, { maxScoreGap: -1 }, { settleMs: NaN }]) {
    assertThrows(() => create(choice), RangeError, "Cannot search");
  }
  assertThrows(() => create({ languageModel: {} }), RangeError, "there is none");
  await using engine = new CaptionEngine(model, { decoder: { languageModel: {} } });
  assertThrows(() => engine.open(), RangeError, "there is none");
  assertEquals(engine.stats.streamCount, 0);
  await using _stream = engine.open({ decoder: "greedy" });
});

Deno.test("a stream says with beam search what transcribe() says with it", async () => {
  await using model = await load(SMALL);
  await using engine = new CaptionEngine(await load(SMALL), { decoder: { settleMs: Infinity } });
  const options = { maxWindowMs: 30_000, wordPauseMs: Infinity };
  const { text } = await transcribe(HARBOUR, { model });
  const greedy = await transcribe(HARBOUR, { model, decoder: "greedy" });
  assert(text !== greedy.text, "the language model must have a say for this test");
  await using stream = engine.open({ ...options, hopMs: Infinity, firstWindowMs: Infinity });
  await stream.write(await readSpeech(HARBOUR));
  stream.end();
  const words: string[] = [];
  for await (const event of stream) {
    if (event.kind === "caption") words.push(...event.committed.map((word) => word.text));
  }
  assertEquals(words.join(" "), text);
});
