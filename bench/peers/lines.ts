/**
 * What peers in TypeScript have in common: JSON lines in and out.
 *
 * @module
 */

/** A line that a peer is given. */
export interface Job {
  /** File of little-endian 32-bit floats. */
  readonly input: string;
  /** [B, S], or [B, T, F] of features. */
  readonly shape: readonly number[];
  /** File to write the logits to. */
  readonly output?: string;
}

function say(value: unknown): void {
  // a line that `console.log` would break or colour
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify(value)}\n`));
}

/**
 * Says what the peer is, then answers jobs until there are no more.
 *
 * @param facts What it is. @param run Runs once. data: [B × S] or [B × T × F]; result: [B, T, V]
 */
export async function answerJobs(
  facts: Readonly<Record<string, unknown>>,
  run: (data: Float32Array, shape: readonly number[]) => Promise<Float32Array>,
): Promise<void> {
  say(facts);
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of Deno.stdin.readable) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const { input, shape, output }: Job = JSON.parse(line);
      const data = new Float32Array((await Deno.readFile(input)).buffer);
      const startMs = performance.now();
      const logits = await run(data, shape);
      const ms = performance.now() - startMs;
      if (output !== undefined) await Deno.writeFile(output, new Uint8Array(logits.slice().buffer));
      say({ ms });
    }
  }
}

/** Makes a tensor of a runtime. */
export type TensorClass = new (
  type: string,
  data: Float32Array | BigInt64Array,
  dims: readonly number[],
) => unknown;

/** An input as an exported graph takes it: samples, or features and that all of them count. */
export function feedsOf(
  Tensor: TensorClass,
  data: Float32Array, // [B, S] or [B, T, F]
  shape: readonly number[],
): Record<string, unknown> {
  const tensor = new Tensor("float32", data, shape);
  if (shape.length === 2) return { input_values: tensor };
  const rows = shape.slice(0, 2);
  const ones = new BigInt64Array(rows[0]! * rows[1]!).fill(1n);
  return { input_features: tensor, attention_mask: new Tensor("int64", ones, rows) };
}
