/**
 * Another system, measured beside ours: a process that takes and gives JSON lines.
 *
 * @module
 */
/** One run of a peer. */
export interface PeerJob {
  /** File of little-endian 32-bit floats. */
  readonly input: string;
  /** [B, S], or [B, T, F] of features. */
  readonly shape: readonly number[];
  /** File to write the logits to. */
  readonly output?: string;
}

/** A running peer. */
export interface Peer extends AsyncDisposable {
  /** What it says of itself: versions and settings. */
  readonly facts: Readonly<Record<string, unknown>> & { readonly system: string };
  /** Runs once. Time by its own clock; `text` of peers that give text. */
  run(job: PeerJob): Promise<PeerResult>;
}

/** What a run of a peer gave. */
export interface PeerResult {
  readonly ms: number;
  readonly text?: string;
}

/**
 * Starts a peer. On its first line it says what it is.
 *
 * @param command The program and its arguments.
 * @throws {Error} If it is not installed; says why.
 */
export async function startPeer(command: readonly string[]): Promise<Peer> {
  const [program, ...args] = command as [string, ...string[]];
  const process = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(process.stderr).text();
  const lines = textOf(process.stdout)
    .pipeThrough(lineSplitter()).getReader();
  const answer = async () => {
    const { value, done } = await lines.read();
    if (!done) return JSON.parse(value);
    throw new Error(`it ended: ${(await errors).trim().split("\n").at(-1)}`);
  };
  const writer = process.stdin.getWriter();
  const facts = await answer();
  return {
    facts,
    async run(job) {
      await writer.write(new TextEncoder().encode(`${JSON.stringify(job)}\n`));
      return await answer();
    },
    async [Symbol.asyncDispose]() {
      await writer.close();
      await process.status;
      await lines.cancel();
    },
  };
}

/** What a process writes, as text. */
export function textOf(output: ReadableStream<Uint8Array>): ReadableStream<string> {
  const decoder = new TextDecoder();
  return output.pipeThrough(
    new TransformStream<Uint8Array, string>({
      transform: (chunk, controller) => controller.enqueue(decoder.decode(chunk, { stream: true })),
    }),
  );
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
