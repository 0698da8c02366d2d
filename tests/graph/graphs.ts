/** Small graphs run on two backends that must agree. */
import { GraphBuilder, type Value } from "../../src/graph/builder.ts";
import { serializeInline } from "../../src/graph/serialize.ts";
import type { Backend } from "../../src/runtime/backend.ts";
import { elementCount, type Tensor } from "../../src/tensor.ts";

/** Numbers without structure, the same in every run. */
export function wave(length: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length }, (_, i) => 3 * Math.sin(i * 1.37 + length));
}

/** Runs a graph of one input and one output. */
export async function runGraph(
  backend: Backend,
  input: { shape: readonly number[] },
  build: (g: GraphBuilder, x: Value) => Value,
): Promise<Tensor> {
  const g = new GraphBuilder("test");
  // batch and time may vary, channels may not: as in the model's graphs
  const x = g.input("x", "float32", ["batch", input.shape[1]!, "time"]);
  g.output("y", build(g, x));
  const model = await serializeInline(g.build());
  await using session = await backend.load({ kind: "bytes", model });
  const { shape } = input;
  const { y } = await session.run({ x: { data: wave(elementCount(shape)), shape } }, ["y"]);
  return y as Tensor;
}
