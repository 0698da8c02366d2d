// deno-lint-ignore-file no-console -- a program, and this is what it is for
/**
 * Speakers for a long time, as fast as they speak, from another process than the server's: nothing
 * may fail, no sample and no word may be lost, and the server's memory may not grow.
 *
 * `deno run -A bench/soak.ts --help` lists the options.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { readSpeech } from "../src/audio/decode.ts";
import { s16leBytes } from "../src/audio/pcm.ts";
import { CaptionClient } from "../src/server/client.ts";
import type { ServerMessage } from "../src/server/protocol.ts";
import { fromFileUrl } from "../src/std.ts";
import { waitUntil } from "./clock.ts";
import { machineFacts } from "./machine.ts";
import { startServerProcess } from "./server_process.ts";
import { quantile } from "./statistics.ts";

const HELP = `deno run -A bench/soak.ts [options] [settings of hubcap serve, as hop-ms=200]
  --sessions N       speakers at once (default: 20)
  --minutes N        how long (default: 10)
  --talk SECONDS     how long a speaker speaks before the next one follows (default: 90)
  --warm-up PART     of the time, after which memory is compared (default: 0.25)
  --growth MIB       memory that the server may grow by after that (default: 64)
  --url URL          a server that runs, whose maxSessions and maxSessionsPerAddress are above N;
                     otherwise one is started and ended
The last line is PASSED, or FAILED and what did; the command ends with 0 or 1.`;

const SAMPLE_RATE_HZ = 16_000;
const FRAME_MS = 100;
const LOOK_MS = 5000;
const SAMPLES = ["harbour.wav", "balloons.flac", "weather.opus"];

/** Settings of a run. */
interface Soak {
  readonly url: string;
  readonly sessionCount: number;
  readonly talkSeconds: number;
  readonly endMs: number;
  /** The recordings one after the other, over and over, with pauses. // [S] */
  readonly speech: Float32Array;
}

/** What was found. */
interface Findings {
  readonly problems: string[];
  /** From a word's end to its final caption, ms. */
  readonly finalMs: number[];
  /** The same to the first time it is shown. */
  readonly shownMs: number[];
  talkCount: number;
  wordCount: number;
}

/** One session, checked to the last sample. */
async function talk(soak: Soak, findings: Findings, fromSample: number): Promise<void> {
  const messages: { message: ServerMessage; atMs: number }[] = [];
  await using client = new CaptionClient({
    url: `${soak.url}/v1/captions`,
    audio: { encoding: "s16le", sampleRateHz: SAMPLE_RATE_HZ },
    bytesPerSample: 2,
    onMessage: (message) => messages.push({ message, atMs: performance.now() }),
    onReconnect: (why) => findings.problems.push(`a connection broke: ${why}`),
  });
  const frameSamples = FRAME_MS * SAMPLE_RATE_HZ / 1000;
  const frameCount = Math.round(1000 * soak.talkSeconds / FRAME_MS);
  await client.write(new Uint8Array(0)); // there is a session now
  const startMs = performance.now();
  let frame = 0;
  for (; frame < frameCount && performance.now() < soak.endMs; frame++) {
    await waitUntil(startMs + (frame + 1) * FRAME_MS); // it is there once its last sample was spoken
    const at = (fromSample + frame * frameSamples) % (soak.speech.length - frameSamples);
    await client.write(s16leBytes(soak.speech.subarray(at, at + frameSamples)));
  }
  await client.end();
  const sentMs = frame * FRAME_MS;
  let [wordCount, shownWords, heardMs] = [0, 0, -1];
  const texts: string[] = [];
  for (const { message, atMs } of messages) {
    if (message.type === "end") heardMs = message.atMs;
    if (message.type === "error") findings.problems.push(`an error: ${message.message}`);
    if (message.type !== "caption") continue;
    if (message.firstWord !== wordCount) findings.problems.push("a word is missing or doubled");
    for (const { endMs } of message.committed) findings.finalMs.push(atMs - startMs - endMs);
    wordCount += message.committed.length;
    texts.push(...message.committed.map(({ text }) => text));
    const words = [...message.committed, ...message.tentative];
    const fresh = words.slice(Math.max(0, shownWords - message.firstWord));
    for (const { endMs } of fresh) findings.shownMs.push(atMs - startMs - endMs);
    shownWords = Math.max(shownWords, message.firstWord + words.length);
  }
  if (heardMs !== sentMs) findings.problems.push(`${sentMs} ms were sent, ${heardMs} heard`);
  const transcript = await (await fetch(`${soak.url}/v1/captions/${client.session}.json`)).json();
  if (transcript.text !== texts.join(" ")) {
    findings.problems.push("captions are not what the transcript holds");
  }
  findings.talkCount++;
  findings.wordCount += wordCount;
}

/** One speaker after the other, until time is over. */
async function speakers(soak: Soak, findings: Findings, index: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1000 * Math.random()));
  for (let round = 0; performance.now() < soak.endMs; round++) {
    try {
      const from = Math.floor((index + round) * soak.speech.length / soak.sessionCount);
      await talk(soak, findings, from % soak.speech.length);
    } catch (error) {
      findings.problems.push(`a session failed: ${error}`);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** The server's memory over time, MiB. */
async function watchMemory(soak: Soak, problems: string[]): Promise<number[]> {
  const memory: number[] = [];
  while (performance.now() < soak.endMs) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const metrics = await readMetrics(soak.url, problems);
    memory.push((metrics.get("hubcap_resident_memory_bytes") ?? NaN) / 2 ** 20);
  }
  return memory;
}

/** Every metric, all its labels together; of histograms each bucket, as `name le`. */
async function readMetrics(url: string, problems: string[]): Promise<Map<string, number>> {
  const metrics = new Map<string, number>();
  try {
    const text = await (await fetch(`${url}/metrics`)).text();
    for (const [, name, labels, value] of text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)) {
      const limit = labels?.match(/le="([^"]+)"/)?.[1];
      const key = limit === undefined ? name! : `${name} ${limit}`;
      metrics.set(key, (metrics.get(key) ?? 0) + Number(value));
    }
  } catch (error) {
    problems.push(`the metrics cannot be read: ${error}`);
  }
  return metrics;
}

/** Least bucket of a histogram in which so large a part of it lies. */
function bucketOf(metrics: ReadonlyMap<string, number>, name: string, part: number): string {
  const count = metrics.get(`${name}_count`) ?? NaN;
  const limits = [...metrics].filter(([key]) => key.startsWith(`${name}_bucket `))
    .map(([key, value]) => ({ limit: key.split(" ")[1]!, value }))
    .sort((a, b) =>
      Number(a.limit.replace("+Inf", "Infinity")) - Number(b.limit.replace("+Inf", "Infinity"))
    );
  return limits.find(({ value }) => value >= part * count)?.limit ?? "?";
}

async function loadSpeech(): Promise<Float32Array> {
  const pause = new Float32Array(2 * SAMPLE_RATE_HZ);
  const parts: number[] = [];
  for (const name of SAMPLES) {
    const path = fromFileUrl(new URL(`../samples/${name}`, import.meta.url));
    parts.push(...await readSpeech(path, { sampleRateHz: SAMPLE_RATE_HZ }), ...pause);
  }
  return new Float32Array(parts);
}

function quantiles(values: readonly number[]): string {
  return [0.5, 0.95, 0.99].map((part) =>
    values.length === 0 ? "–" : `${Math.round(quantile(values, part))}`
  ).join(" | ");
}

/** How much the later part of the time needed more than the part after the warm-up, MiB. */
function growthOf(memory: readonly number[], warmUp: number): number {
  const settled = memory.slice(Math.floor(warmUp * memory.length));
  const third = Math.max(1, Math.floor(settled.length / 3));
  const most = (part: readonly number[]) => Math.max(...part);
  return most(settled.slice(-third)) - most(settled.slice(0, third));
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      "sessions": { type: "string", default: "20" },
      "minutes": { type: "string", default: "10" },
      "talk": { type: "string", default: "90" },
      "warm-up": { type: "string", default: "0.25" },
      "growth": { type: "string", default: "64" },
      "url": { type: "string" },
      "help": { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const settings = {
    "max-sessions": Number(values.sessions) + 1,
    "max-sessions-per-address": Number(values.sessions) + 1,
    ...Object.fromEntries(positionals.map((setting) => setting.split("=", 2))),
  };
  const { signal } = new AbortController();
  await using server = values.url === undefined
    ? await startServerProcess(settings, { signal })
    : undefined;
  const [sessionCount, minutes] = [Number(values.sessions), Number(values.minutes)];
  const soak: Soak = {
    url: server?.url ?? values.url!,
    sessionCount,
    talkSeconds: Number(values.talk),
    speech: await loadSpeech(),
    endMs: performance.now() + 60_000 * minutes,
  };
  const findings: Findings = { problems: [], finalMs: [], shownMs: [], talkCount: 0, wordCount: 0 };
  const { backend, model } = await (await fetch(`${soak.url}/healthz`)).json();
  console.log(JSON.stringify({ ...await machineFacts(), model, backend, sessionCount, minutes }));
  const [memory] = await Promise.all([
    watchMemory(soak, findings.problems),
    ...Array.from({ length: sessionCount }, (_, index) => speakers(soak, findings, index)),
  ]);
  const metrics = await readMetrics(soak.url, findings.problems);
  for (const name of ["hubcap_dropped_samples_total", "hubcap_errors_total"]) {
    const count = metrics.get(name) ?? 0;
    if (count > 0) findings.problems.push(`${name} is ${count}`);
  }
  const growthMib = growthOf(memory, Number(values["warm-up"]));
  if (!(growthMib <= Number(values.growth))) {
    findings.problems.push(`memory grew by ${growthMib.toFixed(0)} MiB`);
  }
  if (findings.talkCount === 0 || findings.wordCount === 0) {
    findings.problems.push("nothing was captioned");
  }
  report(findings, { memory, growthMib, metrics });
  return verdict(findings.problems);
}

function report(
  { finalMs, shownMs, talkCount, wordCount }: Findings,
  { memory, growthMib, metrics }: {
    memory: readonly number[];
    growthMib: number;
    metrics: ReadonlyMap<string, number>;
  },
): void {
  const runs = metrics.get("hubcap_batch_windows_count") ?? NaN;
  const total = (name: string) => (metrics.get(name) ?? NaN).toFixed(0);
  console.log(`
| after a word's end, ms | p50 | p95 | p99 |
| ---------------------- | --- | --- | --- |
| first shown            | ${quantiles(shownMs)} |
| final                  | ${quantiles(finalMs)} |

${talkCount} sessions, ${wordCount} words, ${total("hubcap_windows_total")} windows in ${runs} runs,
${total("hubcap_overload_steps_total")} overload steps, ${
    total("hubcap_dropped_samples_total")
  } samples dropped
95 % of windows were late by at most ${bucketOf(metrics, "hubcap_lateness_seconds", 0.95)} s
memory, MiB, every ${LOOK_MS / 1000} s: ${memory.map((mib) => mib.toFixed(0)).join(" ")}
grew by ${growthMib.toFixed(0)} MiB after the warm-up`);
}

/** The last line, and what the process ends with. */
function verdict(problems: readonly string[]): number {
  if (problems.length === 0) {
    console.log("PASSED: nothing failed or was dropped, captions are complete, memory is flat");
    return 0;
  }
  const counts = new Map<string, number>();
  for (const problem of problems) {
    const kind = problem.replaceAll(/\d+ ms/g, "… ms");
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  const told = [...counts].map(([problem, count]) =>
    count === 1 ? problem : `${problem} (${count}×)`
  );
  console.log(`FAILED: ${told.join("; ")}`);
  return 1;
}

if (import.meta.main) Deno.exit(await main());
