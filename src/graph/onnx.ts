/**
 * The door to ONNX's protobuf: plain records in, model bytes out.
 *
 * @see {@link https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3}
 * @module
 */
import onnxProto from "onnx-proto";

const { onnx } = onnxProto;

/** Element types used in our graphs. */
export type OnnxDtype = "float32" | "float16" | "int32" | "int64" | "int8" | "uint8" | "bool";

/** A dimension: a length, or the name of one that is known only at run time. */
export type Dimension = number | string;

/** An attribute of a node. A number is an ONNX int when listed by `int()`, else a float. */
export type Attribute =
  | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "ints"; readonly value: readonly number[] };

/** One operation. */
export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  /** Operator set: empty for ONNX's own, `com.microsoft` for ONNX Runtime's. */
  readonly domain: string;
  /** Names of input values; an empty name is an omitted optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A graph input or output. */
export interface OnnxValue {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly Dimension[];
}

/** A constant tensor: its bytes inside the model, or their place in a file beside it. */
export interface OnnxTensor {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly number[];
  readonly content:
    | { readonly kind: "inline"; readonly bytes: Uint8Array }
    | {
      readonly kind: "external";
      readonly location: string;
      readonly offset: number;
      readonly byteLength: number;
    };
}

/** A whole model. */
export interface OnnxModel {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly tensors: readonly OnnxTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

const IR_VERSION = 10;
const OPSET_VERSION = 21;
const MICROSOFT_OPSET_VERSION = 1;

const TYPE_CODES: Readonly<Record<OnnxDtype, number>> = {
  float32: onnx.TensorProto.DataType.FLOAT,
  float16: onnx.TensorProto.DataType.FLOAT16,
  int32: onnx.TensorProto.DataType.INT32,
  int64: onnx.TensorProto.DataType.INT64,
  int8: onnx.TensorProto.DataType.INT8,
  uint8: onnx.TensorProto.DataType.UINT8,
  bool: onnx.TensorProto.DataType.BOOL,
};

/** Bytes one element takes. */
export const BYTES_PER_ELEMENT: Readonly<Record<OnnxDtype, number>> = {
  float32: 4,
  float16: 2,
  int32: 4,
  int64: 8,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/** ONNX's code for an element type, for attributes such as Cast's `to`. */
export function typeCode(dtype: OnnxDtype): number {
  return TYPE_CODES[dtype];
}

function attributeProto(name: string, attribute: Attribute) {
  const types = onnx.AttributeProto.AttributeType;
  switch (attribute.kind) {
    case "int":
      return { name, type: types.INT, i: attribute.value };
    case "float":
      return { name, type: types.FLOAT, f: attribute.value };
    case "string":
      return { name, type: types.STRING, s: new TextEncoder().encode(attribute.value) };
    case "ints":
      return { name, type: types.INTS, ints: [...attribute.value] };
    default:
      attribute satisfies never;
  }
}

function valueProto(value: OnnxValue) {
  const dim = value.shape.map((length) =>
    typeof length === "number" ? { dimValue: length } : { dimParam: length }
  );
  return {
    name: value.name,
    type: { tensorType: { elemType: TYPE_CODES[value.dtype], shape: { dim } } },
  };
}

function tensorProto({ name, dtype, shape, content }: OnnxTensor) {
  const base = { name, dims: [...shape], dataType: TYPE_CODES[dtype] };
  if (content.kind === "inline") return { ...base, rawData: content.bytes };
  return {
    ...base,
    dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
    externalData: [
      { key: "location", value: content.location },
      { key: "offset", value: String(content.offset) },
      { key: "length", value: String(content.byteLength) },
    ],
  };
}

/** Encodes a model as the bytes of a `.onnx` file. */
export function encodeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const encoded = onnx.ModelProto.encode({
    irVersion: IR_VERSION,
    producerName: "hubcap",
    opsetImport: [
      { domain: "", version: OPSET_VERSION },
      { domain: "com.microsoft", version: MICROSOFT_OPSET_VERSION },
    ],
    metadataProps: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name: model.name,
      node: model.nodes.map((node) => ({
        name: node.name,
        opType: node.opType,
        domain: node.domain,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attributes).map(([name, value]) =>
          attributeProto(name, value)!
        ),
      })),
      input: model.inputs.map(valueProto),
      output: model.outputs.map(valueProto),
      initializer: model.tensors.map(tensorProto),
    },
  }).finish();
  return new Uint8Array(encoded);
}
