/**
 * A `hubcap serve` of its own, which the benchmark's process is a client of.
 *
 * @module
 */
import { fromFileUrl } from "../src/std.ts";
import { textOf } from "./peer.ts";

/** A server that runs. */
export interface ServerProcess extends AsyncDisposable {
  /** Where it listens. */
  readonly url: string;
  /** Where its model runs, and why. */
  readonly device: string;
  /** Processor time it used so far, ms; 0 where the system does not say. */
  cpuMs(): Promise<number>;
  /** The same without its workers, in which models run. */
  hostCpuMs(): Promise<number>;
  /** One of its metrics, by name; all labels together. */
  metric(name: string): Promise<number>;
  /** Time in runs so far, s; of several devices their mean. */
  busySeconds(): Promise<number>;
}

const MAIN = fromFileUrl(new URL("../src/cli/main.ts", import.meta.url));
const START_MS = 120_000;

/**
 * Starts a server on a free port and waits until its model is loaded.
 *
 * @param flags Settings of `hubcap serve`, by the names of its flags.
 * @throws {Error} If it does not come up; says what it said.
 */
export async function startServerProcess(
  flags: Readonly<Record<string, string | number | undefined>>,
  { signal }: { signal: AbortSignal },
): Promise<ServerProcess> {
  const args = Object.entries({ port: 0, "log-level": "error", ...flags })
    .flatMap(([name, value]) => value === undefined ? [] : [`--${name}`, String(value)]);
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", MAIN, "serve", ...args],
    stdout: "piped",
    stderr: "piped",
    stdin: "null",
  }).spawn();
  const errors = new Response(process.stderr).text();
  const stop = async () => {
    try {
      process.kill("SIGTERM");
    } catch {
      // it has ended
    }
    await process.status;
    await errors;
  };
  try {
    const url = await listeningUrl(process.stdout, errors);
    const device = await untilReady(url, { signal, status: process.status });
    const metrics = async () => await (await fetch(`${url}/metrics`)).text();
    return {
      ...{ url, device, [Symbol.asyncDispose]: stop },
      cpuMs: async () => (await cpuOf(`/proc/${process.pid}`)).ms,
      hostCpuMs: () => hostCpuMs(process.pid),
      metric: async (name) => metricOf(await metrics(), name),
      busySeconds: async () => {
        const text = await metrics();
        return metricOf(text, "hubcap_run_seconds_total") / metricOf(text, "hubcap_workers");
      },
    };
  } catch (error) {
    await stop();
    const said = (await errors).trim();
    throw said === "" ? error : new Error(`Cannot start hubcap serve: ${said}`, { cause: error });
  }
}

/** The address that it says; what it says later is not read, but taken. */
async function listeningUrl(
  output: ReadableStream<Uint8Array>,
  errors: Promise<string>,
): Promise<string> {
  const reader = textOf(output).getReader();
  let said = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot start hubcap serve: ${(await errors).trim()}`);
    said += value;
    const url = said.match(/listens on (\S+)\n/)?.[1];
    if (url === undefined) continue;
    void drain(reader);
    return url;
  }
}

async function drain(reader: ReadableStreamDefaultReader<string>): Promise<void> {
  while (!(await reader.read()).done);
}

async function untilReady(
  url: string,
  { signal, status }: { signal: AbortSignal; status: Promise<Deno.CommandStatus> },
): Promise<string> {
  let hasEnded = false;
  void status.then(() => hasEnded = true);
  const deadlineMs = performance.now() + START_MS;
  while (!hasEnded && performance.now() < deadlineMs) {
    signal.throwIfAborted();
    const health = await (await fetch(`${url}/healthz`)).json();
    if (health.ready) return `${health.backend.workers} × ${health.backend.why}`;
    if (!health.live) throw new Error(`Cannot start hubcap serve: ${health.why}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("Cannot start hubcap serve: its model did not load");
}

/** Clock ticks a second in /proc, the same on every Linux. */
const TICKS_HZ = 100;

/** Name and processor time of a process, or of a thread. */
async function cpuOf(folder: string): Promise<{ name: string; ms: number }> {
  const text = await Deno.readTextFile(`${folder}/stat`).catch(() => "");
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  return { name: text.slice(text.indexOf("(") + 1, end), ms: ticks * 1000 / TICKS_HZ };
}

async function hostCpuMs(pid: number): Promise<number> {
  const folder = `/proc/${pid}/task`;
  const threads = await Array.fromAsync(Deno.readDir(folder)).catch(() => []);
  const times = await Promise.all(threads.map(({ name }) => cpuOf(`${folder}/${name}`)));
  return times.reduce((sum, { name, ms }) => name.startsWith("worker-") ? sum : sum + ms, 0);
}

/** The sum of a metric's values in Prometheus' text. */
export function metricOf(text: string, name: string): number {
  return text.split("\n")
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
