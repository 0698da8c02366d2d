/** Graphs small enough to write down, for tests of the backends. */
import {
  type Attribute,
  encodeModel,
  type OnnxModel,
  type OnnxNode,
} from "../../src/graph/onnx.ts";
import type { GraphSource } from "../../src/runtime/backend.ts";
import { join } from "../../src/std.ts";

/** Weights of {@linkcode affineGraph}. // [3, 2] */
export const WEIGHTS = [1, 2, 3, 4, 5, 6];
/** Offsets of {@linkcode affineGraph}. // [2] */
export const OFFSETS = [0.5, -0.5];

export function node(
  opType: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, Attribute>> = {},
): OnnxNode {
  return { name: outputs.join("+"), opType, domain: "", inputs, outputs, attributes };
}

function encode(model: Pick<OnnxModel, "nodes" | "inputs" | "outputs"> & Partial<OnnxModel>) {
  return encodeModel({ name: "test", metadata: {}, tensors: [], ...model });
}

function floatBytes(values: readonly number[]): Uint8Array {
  return new Uint8Array(new Float32Array(values).buffer);
}

function affine(content: (name: string, bytes: Uint8Array) => OnnxModel["tensors"][0]["content"]) {
  return encode({
    nodes: [
      node("MatMul", ["x", "weights"], ["product"]),
      node("Add", ["product", "offsets"], ["y"]),
    ],
    inputs: [{ name: "x", dtype: "float32", shape: ["rows", 3] }],
    outputs: [{ name: "y", dtype: "float32", shape: ["rows", 2] }],
    tensors: [
      {
        name: "weights",
        dtype: "float32",
        shape: [3, 2],
        content: content("weights", floatBytes(WEIGHTS)),
      },
      {
        name: "offsets",
        dtype: "float32",
        shape: [2],
        content: content("offsets", floatBytes(OFFSETS)),
      },
    ],
  });
}

/** `y = x · weights + offsets`. // x: [rows, 3] → y: [rows, 2] */
export function affineGraph(): GraphSource {
  return { kind: "bytes", model: affine((_, bytes) => ({ kind: "inline", bytes })) };
}

/** {@linkcode affineGraph} as files: each weight in a data file of its own, after some padding. */
export async function writeAffineFiles(folder: string): Promise<GraphSource & { kind: "file" }> {
  const offset = 64;
  const externalDataPaths: string[] = [];
  const model = affine((name, bytes) => {
    const path = join(folder, `${name}.bin`);
    const padded = new Uint8Array(offset + bytes.length);
    padded.set(bytes, offset);
    Deno.writeFileSync(path, padded);
    externalDataPaths.push(path);
    return { kind: "external", location: `${name}.bin`, offset, byteLength: bytes.length };
  });
  const path = join(folder, "affine.onnx");
  await Deno.writeFile(path, model);
  return { kind: "file", path, externalDataPaths };
}

/** What {@linkcode affineGraph} makes of one row. */
export function affineRow([a = 0, b = 0, c = 0]: readonly number[]): number[] {
  return OFFSETS.map((offset, column) =>
    a * WEIGHTS[column]! + b * WEIGHTS[2 + column]! + c * WEIGHTS[4 + column]! + offset
  );
}

/** One input and output of every element type. // long, integer, flags, bytes: [n] */
export function typesGraph(): GraphSource {
  const model = encode({
    nodes: [
      node("Add", ["long", "long"], ["doubled"]),
      node("Sub", ["integer", "integer"], ["zero"]),
      node("Not", ["flags"], ["opposite"]),
      node("Identity", ["bytes"], ["same"]),
    ],
    inputs: [
      { name: "long", dtype: "int64", shape: ["n"] },
      { name: "integer", dtype: "int32", shape: ["n"] },
      { name: "flags", dtype: "bool", shape: ["n"] },
      { name: "bytes", dtype: "uint8", shape: ["n"] },
    ],
    outputs: [
      { name: "doubled", dtype: "int64", shape: ["n"] },
      { name: "zero", dtype: "int32", shape: ["n"] },
      { name: "opposite", dtype: "bool", shape: ["n"] },
      { name: "same", dtype: "uint8", shape: ["n"] },
    ],
  });
  return { kind: "bytes", model };
}

/** Fails in the middle of a run when `shape` does not fit. // x: [n], shape: [2] → y: [?, ?] */
export function reshapeGraph(): GraphSource {
  const model = encode({
    nodes: [node("Reshape", ["x", "shape"], ["y"])],
    inputs: [
      { name: "x", dtype: "float32", shape: ["n"] },
      { name: "shape", dtype: "int64", shape: [2] },
    ],
    outputs: [{ name: "y", dtype: "float32", shape: ["rows", "columns"] }],
  });
  return { kind: "bytes", model };
}

/** `y = x · weights`, the weights inside the model. // x: [n, size], weights: [size, size] → y: [n, size] */
export function matrixModel(weights: Float32Array<ArrayBuffer>, size: number) {
  return encode({
    nodes: [node("MatMul", ["x", "weights"], ["y"])],
    inputs: [{ name: "x", dtype: "float32", shape: ["n", size] }],
    outputs: [{ name: "y", dtype: "float32", shape: ["n", size] }],
    tensors: [{
      name: "weights",
      dtype: "float32",
      shape: [size, size],
      content: { kind: "inline", bytes: new Uint8Array(weights.buffer) },
    }],
  });
}

/** Multiplies `x` by itself again and again: slow. // x: [n, n] → y: [n, n] */
export function slowGraph(productCount: number): GraphSource {
  const nodes = Array.from(
    { length: productCount },
    (_, i) =>
      node("MatMul", [i === 0 ? "x" : `x${i}`, "x"], [i === productCount - 1 ? "y" : `x${i + 1}`]),
  );
  const model = encode({
    nodes,
    inputs: [{ name: "x", dtype: "float32", shape: ["n", "n"] }],
    outputs: [{ name: "y", dtype: "float32", shape: ["n", "n"] }],
  });
  return { kind: "bytes", model };
}
