/**
 * Another system, measured beside ours: a process that takes and gives JSON lines.
 *
 * @module
 */
import { fromFileUrl } from "../src/std.ts";
import { pythonPath } from "./checkpoint.ts";

/** One run of a peer. */
export interface PeerJob {
  /** File of little-endian 32-bit floats. */
  readonly input: string;
  /** [B, S] */
  readonly shape: readonly number[];
  /** File to write the logits to. */
  readonly output?: string;
}

/** A running peer. */
export interface Peer extends AsyncDisposable {
  /** What it says of itself: versions and settings. */
  readonly facts: Readonly<Record<string, unknown>> & { readonly system: string };
  /** Runs once. Result: milliseconds, by its own clock. */
  run(job: PeerJob): Promise<number>;
}

/**
 * Starts a peer of `bench/peers/`.
 *
 * @throws {Error} If it is not installed; says why.
 */
export async function startPeer(script: string, args: readonly string[]): Promise<Peer> {
  const path = fromFileUrl(new URL(`peers/${script}`, import.meta.url));
  const process = new Deno.Command(pythonPath(), {
    args: [path, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(process.stderr).text();
  const lines = process.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(lineSplitter()).getReader();
  const answer = async () => {
    const { value, done } = await lines.read();
    if (!done) return JSON.parse(value);
    throw new Error(`${script} ended: ${(await errors).trim().split("\n").at(-1)}`);
  };
  const writer = process.stdin.getWriter();
  const facts = await answer();
  return {
    facts,
    async run(job) {
      await writer.write(new TextEncoder().encode(`${JSON.stringify(job)}\n`));
      return (await answer()).ms;
    },
    async [Symbol.asyncDispose]() {
      await writer.close();
      await process.status;
      await lines.cancel();
    },
  };
}

function lineSplitter(): TransformStream<string, string> {
  let rest = "";
  return new TransformStream({
    transform(chunk, controller) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop()!;
      for (const line of lines) controller.enqueue(line);
    },
  });
}
