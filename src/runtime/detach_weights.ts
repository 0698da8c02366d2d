/**
 * Models without the weights inside of them, so that a runtime fetches each
 * weight when it has a place for it.
 *
 * @module
 */

/** Weights up to this size stay: the runtime wants to see shapes and other constants. */
const INLINE_LIMIT_BYTES = 1024;
/** A protobuf tag and a length take no more. */
const HEADER_BYTES = 20;

/** @see {@link https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3} */
const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const TENSOR_RAW_DATA = 9;
const TENSOR_EXTERNAL_DATA = 13;
const TENSOR_DATA_LOCATION = 14;
const LOCATION_EXTERNAL = 1;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

interface Field {
  readonly number: number;
  readonly wireType: number;
  /** Where the field's tag starts. */
  readonly start: number;
  /** Where its content starts: past tag and length. */
  readonly contentStart: number;
  readonly end: number;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Copies a model, leaving its big weights out: they become references into a
 * file `location`, which is to hold the model's own bytes.
 *
 * @param model The whole model; only small ranges of it are read.
 * @returns A model without big weights, or a copy of all bytes when they are no model: the runtime
 * shall say what is wrong with them.
 */
export function detachWeights(model: Uint8Array, location: string): Uint8Array<ArrayBuffer> {
  const whole = { start: 0, end: model.byteLength };
  try {
    return join(
      rewrite(
        model,
        whole,
        (field) =>
          field.number === MODEL_GRAPH && field.wireType === BYTES
            ? message(MODEL_GRAPH, detachFromGraph(model, field, location))
            : undefined,
      ),
    );
  } catch (error) {
    if (error instanceof RangeError) return copy(model, whole);
    throw error;
  }
}

type Parts = Uint8Array<ArrayBuffer>[];

function detachFromGraph(model: Uint8Array, graph: Field, location: string): Parts {
  return rewrite(model, { start: graph.contentStart, end: graph.end }, (field) => {
    const isBig = field.end - field.contentStart > INLINE_LIMIT_BYTES;
    if (field.number !== GRAPH_INITIALIZER || field.wireType !== BYTES || !isBig) return undefined;
    return message(GRAPH_INITIALIZER, detachFromTensor(model, field, location));
  });
}

function detachFromTensor(model: Uint8Array, tensor: Field, location: string): Parts {
  return rewrite(model, { start: tensor.contentStart, end: tensor.end }, (field) => {
    if (field.number !== TENSOR_RAW_DATA) return undefined;
    return [
      ...entry("location", location),
      ...entry("offset", String(field.contentStart)),
      ...entry("length", String(field.end - field.contentStart)),
      varint(TENSOR_DATA_LOCATION * 8 + VARINT),
      varint(LOCATION_EXTERNAL),
    ];
  });
}

/** Copies a message, with the fields replaced for which `replace` has something else. */
function rewrite(
  model: Uint8Array,
  { start, end }: Range,
  replace: (field: Field) => Parts | undefined,
): Parts {
  const parts: Parts = [];
  let kept = start;
  for (let at = start; at < end;) {
    const field = readField(model, at, end);
    const replacement = replace(field);
    if (replacement) {
      parts.push(copy(model, { start: kept, end: field.start }), ...replacement);
      kept = field.end;
    }
    at = field.end;
  }
  parts.push(copy(model, { start: kept, end }));
  return parts;
}

function readField(model: Uint8Array, start: number, limit: number): Field {
  const header = model.subarray(start, Math.min(start + HEADER_BYTES, limit));
  const tag = readVarint(header, 0);
  const wireType = tag.value % 8;
  const number = Math.floor(tag.value / 8);
  let contentStart = start + tag.end;
  let end = contentStart;
  if (wireType === VARINT) end = start + readVarint(header, tag.end).end;
  else if (wireType === FIXED64) end += 8;
  else if (wireType === FIXED32) end += 4;
  else if (wireType === BYTES) {
    const length = readVarint(header, tag.end);
    contentStart = start + length.end;
    end = contentStart + length.value;
  } else {throw new RangeError(
      `Cannot read protobuf field as its wire type is unknown: ${wireType}`,
    );}
  if (end > limit) {
    throw new RangeError(`Cannot read protobuf field as it ends early: byte ${limit}`);
  }
  return { number, wireType, start, contentStart, end };
}

function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  for (let i = start, scale = 1; i < bytes.length; i++, scale *= 128) {
    const byte = bytes[i] ?? 0;
    value += (byte % 128) * scale;
    if (byte < 128) return { value, end: i + 1 };
  }
  throw new RangeError("Cannot read protobuf number as it ends early");
}

function varint(value: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push(rest % 128 + 128);
  bytes.push(rest);
  return new Uint8Array(bytes);
}

/** A field that holds a message. */
function message(number: number, parts: Parts): Parts {
  const byteLength = parts.reduce((sum, part) => sum + part.length, 0);
  return [varint(number * 8 + BYTES), varint(byteLength), ...parts];
}

function text(number: number, content: string): Parts {
  return message(number, [new TextEncoder().encode(content)]);
}

/** One of a tensor's notes on where its content lies. */
function entry(key: string, value: string): Parts {
  return message(TENSOR_EXTERNAL_DATA, [...text(ENTRY_KEY, key), ...text(ENTRY_VALUE, value)]);
}

function copy(model: Uint8Array, { start, end }: Range): Uint8Array<ArrayBuffer> {
  return new Uint8Array(model.subarray(start, end));
}

function join(parts: Parts): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
