/**
 * Whether what is fed to a graph fits it; asked before anything is copied, and
 * answered alike on every backend.
 *
 * @module
 */
import type { ValueInfo } from "./backend.ts";
import type { NamedTensors } from "./protocol.ts";
import { elementCount, type TensorData } from "../tensor.ts";

const DTYPES: Readonly<Record<string, string>> = {
  float32: "Float32Array",
  int32: "Int32Array",
  int64: "BigInt64Array",
  uint8: "Uint8Array",
  bool: "Uint8Array",
};

/**
 * Compares feeds with a graph's inputs.
 *
 * @param inputs What the graph declares.
 * @param feeds What is fed.
 * @param fixedDimensions Lengths of named dimensions that may not differ.
 * @returns What does not fit, in words; `undefined` when all does.
 */
export function checkFeeds(
  inputs: readonly ValueInfo[],
  feeds: Readonly<NamedTensors>,
  fixedDimensions: Readonly<Record<string, number>>,
): string | undefined {
  const names = inputs.map(({ name }) => name);
  for (const name of Object.keys(feeds)) {
    if (!names.includes(name)) return `it has no input "${name}": it takes ${list(names)}`;
  }
  const lengths = new Map(Object.entries(fixedDimensions));
  for (const input of inputs) {
    const feed = feeds[input.name];
    if (!feed) return `input "${input.name}" is missing: it takes ${list(names)}`;
    const misfit = checkType(input, feed.data) ?? checkShape(input, feed.shape, lengths);
    if (misfit) return misfit;
    if (feed.data.length !== elementCount(feed.shape)) {
      return `input "${input.name}" of shape ${shapeText(feed.shape)} takes ${
        elementCount(feed.shape)
      } elements: ${feed.data.length}`;
    }
  }
}

/** Compares the outputs asked for with those a graph has; says what does not fit. */
export function checkFetches(
  outputNames: readonly string[],
  fetches: readonly string[],
): string | undefined {
  if (fetches.length === 0) return `no output was asked for: it gives ${list(outputNames)}`;
  for (const name of fetches) {
    if (!outputNames.includes(name)) {
      return `it has no output "${name}": it gives ${list(outputNames)}`;
    }
  }
}

function checkType({ name, dtype }: ValueInfo, data: TensorData): string | undefined {
  const expected = DTYPES[dtype];
  if (!expected) return `input "${name}" has element type ${dtype}, which is not supported`;
  const actual = data.constructor.name;
  if (actual !== expected) return `input "${name}" (${dtype}) takes a ${expected}: ${actual}`;
}

function checkShape(
  { name, shape: declared }: ValueInfo,
  shape: readonly number[],
  lengths: Map<string, number>,
): string | undefined {
  const fits = shape.length === declared.length && declared.every((length, axis) => {
    if (typeof length === "number") return length === shape[axis];
    if (length === "") return true;
    const known = lengths.get(length) ?? shape[axis] ?? 0;
    lengths.set(length, known);
    return known === shape[axis];
  });
  if (fits) return undefined;
  const known = declared.map((length) => lengths.get(String(length)) ?? length);
  return `input "${name}" has shape ${shapeText(known)}: ${shapeText(shape)}`;
}

function shapeText(shape: readonly (number | string)[]): string {
  return `[${shape.map((length) => length === "" ? "?" : length).join(", ")}]`;
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(", ");
}
