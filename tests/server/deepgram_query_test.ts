import { assertEquals } from "../assert.ts";
import { settleMsFor } from "../../src/word_settling.ts";
import {
  type ListenQuery,
  MIN_ENDPOINTING_MS,
  parseListenQuery,
  streamOptionsOf,
} from "../../src/server/deepgram_query.ts";

function parse(query: string): ListenQuery {
  const parsed = parseListenQuery(new URLSearchParams(query));
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed;
}

Deno.test("query: what a voice agent sends by default", () => {
  const query = "model=nova-3&punctuate=true&smart_format=true&dictation=false&diarize=false" +
    "&numerals=false&no_delay=true&interim_results=true&encoding=linear16&vad_events=true" +
    "&sample_rate=16000&channels=1&endpointing=25&filler_words=true&profanity_filter=false" +
    "&language=en-US&mip_opt_out=false&keyterm=foo%2520bar&keywords=word%3A1.5&keywords=b";
  assertEquals(parse(query), {
    format: { encoding: "s16le", sampleRateHz: 16_000, channelCount: 1, channels: "mix" },
    interimResults: true,
    endpointing: MIN_ENDPOINTING_MS,
    utteranceEndMs: undefined,
    vadEvents: true,
    alternatives: 1,
  });
});

Deno.test("query: endpointing is a time, off, or as usual", () => {
  assertEquals(parse("").endpointing, MIN_ENDPOINTING_MS);
  assertEquals(parse("endpointing=true").endpointing, MIN_ENDPOINTING_MS);
  assertEquals(parse("endpointing=false").endpointing, false);
  assertEquals(parse("endpointing=3000").endpointing, 3000);
  assertEquals(parse("utterance_end_ms=1000").utteranceEndMs, 1000);
});

Deno.test("query: an utterance ends by its own silence alone, or by its length", () => {
  const { rules = [], wordPauseMs } = streamOptionsOf(parse("endpointing=3000"));
  assertEquals(rules.map((rule) => rule.minTrailingSilenceMs), [3000, 3000, 0]);
  assertEquals(wordPauseMs, 400);
  const hasty = streamOptionsOf(parse("endpointing=10"));
  assertEquals(settleMsFor(hasty), settleMsFor({}), "a short wish hurries no decoder");
  assertEquals(streamOptionsOf(parse("endpointing=10")).wordPauseMs, MIN_ENDPOINTING_MS);
  assertEquals(streamOptionsOf(parse("endpointing=false")).rules, undefined);
});

Deno.test("query: channels are mixed, or streams of their own", () => {
  const raw = "encoding=linear16&sample_rate=8000&channels=2";
  assertEquals(parse(raw).format.channels, "mix");
  assertEquals(parse(`${raw}&multichannel=true`).format.channels, "split");
});
