/**
 * A graph under construction: values with known types and shapes, joined by
 * nodes. Weights enter as promises of data, so that a graph can be built,
 * checked and thrown away before any is read.
 *
 * @module
 */
import { type Attribute, BYTES_PER_ELEMENT, type Dimension, type OnnxDtype } from "./onnx.ts";
import type { OnnxNode, OnnxValue } from "./onnx.ts";
import { elementCount } from "../tensor.ts";

/** A typed, shaped value of the graph being built. */
export interface Value {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly Dimension[];
}

/** A constant tensor whose bytes are produced when the graph is written. */
export interface Initializer {
  readonly name: string;
  readonly dtype: OnnxDtype;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Little-endian bytes, `byteLength` of them. */
  load(): Promise<Uint8Array> | Uint8Array;
}

/** Everything a finished graph is made of. */
export interface Graph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly Initializer[];
}

/** Options of one node. */
export interface NodeOptions {
  /** Operator set. @default {""} */
  readonly domain?: string;
  /** Attributes by name. @default {{}} */
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** An output of a node: its type and shape. */
export type OutputType = Pick<Value, "dtype" | "shape">;

/** Marks an attribute as an integer. */
export function int(value: number): Attribute {
  return { kind: "int", value };
}

/** Marks an attribute as a float. */
export function float(value: number): Attribute {
  return { kind: "float", value };
}

/** Marks an attribute as a list of integers. */
export function ints(value: readonly number[]): Attribute {
  return { kind: "ints", value };
}

/** Collects nodes, inputs, outputs and weights. The operators are functions in `ops.ts`. */
export class GraphBuilder {
  readonly #name: string;
  readonly #nodes: OnnxNode[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #initializers = new Map<string, Initializer>();
  #valueCount = 0;

  /** @param name Name of the graph, seen in profiles and errors. */
  constructor(name: string) {
    this.#name = name;
  }

  /** Declares a graph input. */
  input(name: string, dtype: OnnxDtype, shape: readonly Dimension[]): Value {
    const value = { name, dtype, shape };
    this.#inputs.push(value);
    return value;
  }

  /** Declares a graph output named `name` that carries `value`. */
  output(name: string, value: Value): void {
    this.#nodes.push({
      name: `output/${name}`,
      opType: "Identity",
      domain: "",
      inputs: [value.name],
      outputs: [name],
      attributes: {},
    });
    this.#outputs.push({ name, dtype: value.dtype, shape: value.shape });
  }

  /** Adds a weight; one of the same name is added once. */
  initializer(initializer: Omit<Initializer, "byteLength">): Value {
    const { name, dtype, shape } = initializer;
    if (!this.#initializers.has(name)) {
      const byteLength = elementCount(shape) * BYTES_PER_ELEMENT[dtype];
      this.#initializers.set(name, {
        name,
        dtype,
        shape,
        byteLength,
        load: () => initializer.load(),
      });
    }
    return { name, dtype, shape };
  }

  /** Adds a small constant. */
  constant(
    dtype: OnnxDtype,
    shape: readonly number[],
    data: Float32Array | Float16Array | BigInt64Array | Int32Array,
  ): Value {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const name = `constant/${dtype}/${shape.join("x")}/${data.join(",")}`;
    return this.initializer({ name, dtype, shape, load: () => bytes });
  }

  /**
   * Adds a node.
   *
   * @param opType ONNX operator.
   * @param inputs Its inputs in order; `undefined` omits an optional one.
   * @param outputs Type and shape of each output; `undefined` leaves an optional one out.
   * @returns The output values, one for each entry of `outputs`.
   */
  node<const O extends readonly (OutputType | undefined)[]>(
    opType: string,
    inputs: readonly (Value | undefined)[],
    outputs: O,
    options: NodeOptions = {},
  ): { [K in keyof O]: O[K] extends undefined ? undefined : Value } {
    const { domain = "", attributes = {} } = options;
    const values = outputs.map((output) =>
      output && {
        name: `${opType}_${this.#valueCount++}`,
        dtype: output.dtype,
        shape: output.shape,
      }
    );
    this.#nodes.push({
      name: `${opType}/${this.#nodes.length}`,
      opType,
      domain,
      inputs: inputs.map((input) => input?.name ?? ""),
      outputs: values.map((value) => value?.name ?? ""),
      attributes,
    });
    return values as { [K in keyof O]: O[K] extends undefined ? undefined : Value };
  }

  /** The finished graph. */
  build(): Graph {
    return {
      name: this.#name,
      nodes: [...this.#nodes],
      inputs: [...this.#inputs],
      outputs: [...this.#outputs],
      initializers: [...this.#initializers.values()],
    };
  }
}
