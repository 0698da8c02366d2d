import fc from "../property.ts";
import { parse as parseSrt } from "@plussub/srt-vtt-parser";
import webvtt from "webvtt-parser";
import { assert, assertEquals } from "../assert.ts";
import { type Cue, toCues } from "../../src/caption/cue.ts";
import { srtCue, toSrt, toWebVtt, WEBVTT_HEADER, webVttCue } from "../../src/caption/subtitles.ts";
import { arbitraryWords, spoken } from "./words.ts";

/** What the independent WebVTT parser gives; its entity table is incomplete, so text is raw. */
interface ParsedVtt {
  cues: { startTime: number; endTime: number; text: string }[];
  errors: unknown[];
}

function parseVtt(text: string): ParsedVtt {
  return new webvtt.WebVTTParser().parse(text, "captions");
}

function unescapeVtt(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function times(cues: readonly Cue[]): number[][] {
  return cues.map(({ startSample, endSample }) => {
    const startMs = Math.round(startSample / 16);
    return [startMs, Math.max(Math.round(endSample / 16), startMs + 1)];
  });
}

Deno.test("toWebVtt writes what an independent parser reads back without complaint", () => {
  fc.assert(
    fc.property(arbitraryWords, (words) => {
      const cues = toCues(words);
      const { cues: parsed, errors } = parseVtt(toWebVtt(cues));
      assertEquals(errors, []);
      assertEquals(
        parsed.map(({ startTime, endTime }) =>
          [startTime, endTime].map((s) => Math.round(s * 1000))
        ),
        times(cues),
      );
      assertEquals(
        parsed.map(({ text }) => unescapeVtt(text)),
        cues.map((c) => c.lines.join("\n")),
      );
    }),
    { numRuns: 300 },
  );
});

Deno.test("toSrt writes what an independent parser reads back", () => {
  fc.assert(
    fc.property(arbitraryWords, (words) => {
      const cues = toCues(words);
      const { entries } = parseSrt(toSrt(cues));
      assertEquals(entries.map(({ from, to }) => [from, to]), times(cues));
      assertEquals(
        entries.map(({ text }) => text),
        cues.map(({ lines }) => lines.join("\n").replaceAll("-->", "-- >")),
      );
      assertEquals(entries.map(({ id }) => id), cues.map((_, i) => String(i + 1)));
    }),
    { numRuns: 300 },
  );
});

Deno.test("toWebVtt and toSrt write hours beyond 99 and round to the nearest millisecond", () => {
  const hour = 3600 * 16000;
  const cue: Cue = {
    startSample: 123 * hour + 7,
    endSample: 123 * hour + 16000 - 8,
    lines: ["late"],
    words: [],
  };
  assertEquals(toWebVtt([cue]), "WEBVTT\n\n123:00:00.000 --> 123:00:01.000\nlate\n\n");
  assertEquals(toSrt([cue]), "1\n123:00:00,000 --> 123:00:01,000\nlate\n\n");
  assertEquals(parseVtt(toWebVtt([cue])).cues[0]!.startTime, 123 * 3600);
});

Deno.test("toSrt never carries a rounded millisecond into 1000", () => {
  const cue: Cue = { startSample: 959_999, endSample: 57_599_999, lines: ["x"], words: [] };
  assertEquals(srtCue(cue, { number: 7 }), "7\n00:01:00,000 --> 01:00:00,000\nx\n\n");
});

Deno.test("webVttCue gives a cue that rounds to nothing a millisecond", () => {
  const cue: Cue = { startSample: 0, endSample: 1, lines: ["x"], words: [] };
  assertEquals(webVttCue(cue), "00:00:00.000 --> 00:00:00.001\nx\n\n");
});

Deno.test("webVttCue keeps control characters out of the file", () => {
  const cue: Cue = { startSample: 0, endSample: 16000, lines: ["a\n\nb\0c\r\nd"], words: [] };
  assertEquals(webVttCue(cue).split("\n")[1], "a b c d");
});

Deno.test("a rolling file is the whole file", () => {
  const cues = toCues(spoken("one two three | four five six | seven"));
  assertEquals(WEBVTT_HEADER + cues.map((cue) => webVttCue(cue)).join(""), toWebVtt(cues));
  assertEquals(cues.map((cue, i) => srtCue(cue, { number: i + 1 })).join(""), toSrt(cues));
  assert(cues.length === 3);
});
