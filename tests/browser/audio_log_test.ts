import { assertEquals } from "../assert.ts";
import { AudioLog } from "../../web/audio_log.js";
import { LatencyMeter } from "../../web/latency.js";
import { Pacer } from "../../web/pacer.js";

Deno.test("audio log: what was not accepted can be read again from any sample", () => {
  const log = new AudioLog();
  for (const samples of [[0, 1, 2], [], [3, 4], [5, 6, 7, 8]]) log.append(new Int16Array(samples));
  assertEquals([...log.read(2, 4)], [2, 3, 4, 5]);
  assertEquals([...log.read(7, 100)], [7, 8]);
  log.dropBefore(4);
  assertEquals([log.startSample, log.endSample], [3, 9]); // whole pieces are kept
  assertEquals([...log.read(4, 2)], [4, 5]);
  log.dropBefore(9);
  assertEquals([log.startSample, log.endSample, [...log.read(9, 5)]], [9, 9, []]);
});

Deno.test("pacer: stays below the server's limit, and gets near it", () => {
  const pacer = new Pacer();
  let sentSeconds = 0;
  let nowMs = 0;
  while (nowMs < 60_000) {
    const waitMs = pacer.take(0.5, { maxSpeed: 4, burstSeconds: 10, nowMs });
    if (waitMs === 0) sentSeconds += 0.5;
    nowMs += waitMs;
  }
  const allowed = 10 + 4 * 60;
  assertEquals(sentSeconds <= allowed && sentSeconds > 0.85 * allowed, true, `${sentSeconds} s`);
});

Deno.test("pacer: one piece longer than the burst is still sent", () => {
  assertEquals(new Pacer().take(5, { maxSpeed: 1, burstSeconds: 1, nowMs: 0 }), 0);
});

Deno.test("latency: from the end of a word to its first sight and to its end", () => {
  const meter = new LatencyMeter();
  const word = { text: "a", startMs: 100, endMs: 500, confidence: 1 };
  const caption = { type: "caption", seq: 1, firstWord: 0, settledMs: 0 } as const;
  assertEquals(meter.medians, { shownMs: undefined, finalMs: undefined });
  meter.heard(30, 10_030); // so the first sample was heard at 10 s
  meter.received({ ...caption, committed: [], tentative: [word] }, 11_000);
  meter.received({ ...caption, committed: [word], tentative: [] }, 11_700);
  assertEquals(meter.medians, { shownMs: 500, finalMs: 1200 });
});
