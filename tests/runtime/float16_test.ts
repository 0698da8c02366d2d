import * as float16 from "../../src/runtime/float16.ts";
import { assertEquals } from "../assert.ts";
import { encodeModel, typeCode } from "../../src/graph/onnx.ts";

Deno.test("the graph that tries half precision is the one it says it is", () => {
  const to = (dtype: "float16" | "float32") =>
    ({ to: { kind: "int", value: typeCode(dtype) } }) as const;
  const weights = new Uint8Array(new Float16Array(float16.FLOAT16_WEIGHTS).buffer);
  const model = encodeModel({
    name: "float16",
    metadata: {},
    nodes: [
      {
        name: "narrow",
        opType: "Cast",
        domain: "",
        inputs: ["x"],
        outputs: ["xh"],
        attributes: to("float16"),
      },
      {
        name: "product",
        opType: "MatMul",
        domain: "",
        inputs: ["xh", "w"],
        outputs: ["yh"],
        attributes: {},
      },
      {
        name: "widen",
        opType: "Cast",
        domain: "",
        inputs: ["yh"],
        outputs: ["y"],
        attributes: to("float32"),
      },
    ],
    inputs: [{ name: "x", dtype: "float32", shape: [2, 2] }],
    outputs: [{ name: "y", dtype: "float32", shape: [2, 2] }],
    tensors: [
      { name: "w", dtype: "float16", shape: [2, 2], content: { kind: "inline", bytes: weights } },
    ],
  });
  assertEquals(Uint8Array.fromBase64(float16.FLOAT16_GRAPH_BASE64), model);
});

Deno.test("half precision is compared with the product of the matrices", () => {
  const [a = 0, b = 0, c = 0, d = 0] = float16.FLOAT16_INPUT;
  const [e = 0, f = 0, g = 0, h = 0] = float16.FLOAT16_WEIGHTS;
  assertEquals(float16.FLOAT16_OUTPUT, [
    a * e + b * g,
    a * f + b * h,
    c * e + d * g,
    c * f + d * h,
  ]);
});
