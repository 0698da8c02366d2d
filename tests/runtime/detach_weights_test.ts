import { detachWeights } from "../../src/runtime/detach_weights.ts";
import { assert, assertEquals } from "../assert.ts";
import { encodeModel, type OnnxTensor } from "../../src/graph/onnx.ts";
import { node } from "./graphs.ts";
import onnxProto from "onnx-proto";

const BIG = 70_000;

function tensorOf(name: string, bytes: Uint8Array): OnnxTensor {
  return { name, dtype: "uint8", shape: [bytes.length], content: { kind: "inline", bytes } };
}

const big = Uint8Array.from({ length: BIG }, (_, i) => i * 7 % 251);
const model = encodeModel({
  name: "graph",
  metadata: { note: "kept" },
  nodes: [node("Concat", ["first", "small", "last"], ["y"], { axis: { kind: "int", value: 0 } })],
  inputs: [],
  outputs: [{ name: "y", dtype: "uint8", shape: ["n"] }],
  tensors: [
    tensorOf("first", big),
    tensorOf("small", new Uint8Array([1, 2, 3])),
    tensorOf("last", big.toReversed()),
  ],
});

Deno.test("detachWeights leaves big weights behind and points to where they lie", () => {
  const detached = detachWeights(model, "elsewhere");
  assert(detached.length < 1000, `${detached.length} bytes`);
  const { graph, metadataProps } = onnxProto.onnx.ModelProto.decode(detached);
  const [first, small, last] = graph?.initializer ?? [];
  for (const [tensor, expected] of [[first, big], [last, big.toReversed()]] as const) {
    assertEquals(tensor?.rawData?.length ?? 0, 0);
    assertEquals(tensor?.dataLocation, onnxProto.onnx.TensorProto.DataLocation.EXTERNAL);
    const entries = tensor?.externalData?.map(({ key, value }) => [key, value]) ?? [];
    const { location, offset, length } = Object.fromEntries(entries);
    assertEquals(location, "elsewhere");
    assertEquals(model.slice(Number(offset), Number(offset) + Number(length)), expected);
  }
  assertEquals([...small?.rawData ?? []], [1, 2, 3]);
  assertEquals(graph?.node?.map(({ opType }) => opType), ["Concat"]);
  assertEquals(metadataProps?.map(({ value }) => value), ["kept"]);
});

Deno.test("detachWeights copies bytes that are no model", () => {
  for (const length of [0, 1, 2, 100, model.length - 1]) {
    const bytes = model.slice(0, length);
    assertEquals(detachWeights(bytes, "elsewhere"), bytes);
  }
  const noise = Uint8Array.from({ length: 500 }, (_, i) => i * i % 256);
  assertEquals(detachWeights(noise, "elsewhere"), noise);
});
