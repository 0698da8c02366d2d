import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { CaptionEngine } from "../src/engine.ts";
import type { CaptionStream } from "../src/stream.ts";
import { assert, assertEquals } from "./assert.ts";
import { ECHO_TOKENS, echoModel, echoSamples } from "./echo_device.ts";

// What is kept is the question, not when the collector comes round to what is not.
setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

const STREAM_COUNT = 50;
const MINUTES = 30;

Deno.test("50 streams for 30 minutes: memory stays flat, no frame is lost", async () => {
  // 1000 samples a second, so that half an hour is quick; frames of 120 ms
  await using echo = await echoModel({ sampling_rate: 1000 });
  await using engine = new CaptionEngine(echo.model, { nowMs: () => 0 });
  const { geometry } = echo.model;
  const letters = ECHO_TOKENS.letters;
  const wordCounts = Array<number>(STREAM_COUNT).fill(0);
  const options = { leftMs: 3000, hopMs: 2000, rightMs: 600, maxWindowMs: 8000, backlogMs: 30_000 };
  const streams = wordCounts.map(() => engine.open(options));
  // a word a second in the first half, none in the second, as of someone who only listens
  const tokens = Array.from({ length: 500 }, (_, i) => i % 8 ? 0 : letters[(i / 8) % 7]!);
  const minute = echoSamples(tokens, geometry).subarray(0, 60_000);
  const silence = new Float32Array(60_000);
  const isRead = (i: number) => i % 5 !== 0; // some readers never read
  const reading = streams.map(async (stream, i) => {
    if (isRead(i)) wordCounts[i] = await countWords(stream);
  });
  const rssMiB: number[] = [];
  for (let i = 0; i < MINUTES; i++) {
    const samples = i < MINUTES / 2 ? minute : silence;
    await Promise.all(streams.map((stream) => stream.write(samples)));
    collectGarbage();
    rssMiB.push(Deno.memoryUsage().rss / 2 ** 20);
  }
  for (const stream of streams) stream.end();
  await Promise.all(reading);
  const unread = await Promise.all(
    streams.map((stream, i) => isRead(i) ? wordCounts[1]! : countWords(stream)),
  );
  assertEquals(new Set([...unread, ...wordCounts.filter((_, i) => isRead(i))]).size, 1);
  assert(wordCounts[1]! > 900, `${wordCounts[1]} words`);
  const seconds = STREAM_COUNT * geometry.frameCount(MINUTES * 60_000) * 0.12;
  assert(Math.abs(engine.stats.committedSeconds - seconds) < 1);
  const growth = Math.max(...rssMiB.slice(20)) - Math.max(...rssMiB.slice(5, 20));
  assert(growth < 32, `grew by ${growth} MiB: ${rssMiB.map(Math.round)}`);
});

async function countWords(stream: CaptionStream): Promise<number> {
  let count = 0;
  for await (const event of stream) if (event.kind === "caption") count += event.committed.length;
  return count;
}
