/**
 * Finished graphs as `.onnx` bytes, or as a file with its weights beside it.
 *
 * @module
 */
import type { Graph, Initializer } from "./builder.ts";
import { encodeModel, type OnnxTensor } from "./onnx.ts";
import { join } from "../std.ts";

/** Weights up to this many bytes stay inside the model even when it goes to a file: shapes and other small constants, which the runtime wants to see. */
const INLINE_LIMIT_BYTES = 1024;
/** Big weights start on a page, so that the runtime can map the file instead of reading it. */
const PAGE_BYTES = 4096;

/** Bytes of all weights of a graph. */
export function weightByteLength(graph: Graph): number {
  return graph.initializers.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function metadata(): Record<string, string> {
  return { generator: "hubcap" };
}

async function inlineTensor(initializer: Initializer): Promise<OnnxTensor> {
  const { name, dtype, shape } = initializer;
  return { name, dtype, shape, content: { kind: "inline", bytes: await initializer.load() } };
}

/** Encodes a graph with its weights inside. For graphs well under protobuf's 2 GB. */
export async function serializeInline(graph: Graph): Promise<Uint8Array<ArrayBuffer>> {
  const tensors: OnnxTensor[] = [];
  for (const initializer of graph.initializers) tensors.push(await inlineTensor(initializer));
  return encodeModel({ ...graph, tensors, metadata: metadata() });
}

/** Where {@linkcode writeGraphFiles} put things. */
export interface GraphFiles {
  /** The `.onnx` file. */
  readonly modelPath: string;
  /** The files of weights beside it. */
  readonly externalDataPaths: readonly string[];
}

/**
 * Writes `<name>.onnx` and `<name>.onnx_data` into a folder, one weight at a
 * time: memory holds no more than the largest.
 */
export async function writeGraphFiles(
  graph: Graph,
  folder: string,
  options: { name?: string; signal?: AbortSignal | undefined } = {},
): Promise<GraphFiles> {
  const { name = "model", signal } = options;
  const location = `${name}.onnx_data`;
  const dataPath = join(folder, location);
  const modelPath = join(folder, `${name}.onnx`);
  const tensors: OnnxTensor[] = [];
  let position = 0;
  using file = await Deno.open(dataPath, { write: true, create: true, truncate: true });
  for (const initializer of graph.initializers) {
    signal?.throwIfAborted();
    const { name, dtype, shape, byteLength } = initializer;
    if (byteLength <= INLINE_LIMIT_BYTES) {
      tensors.push(await inlineTensor(initializer));
      continue;
    }
    const offset = Math.ceil(position / PAGE_BYTES) * PAGE_BYTES;
    await file.seek(offset, Deno.SeekMode.Start);
    await writeAll(file, await initializer.load());
    position = offset + byteLength;
    const content = { kind: "external", location, offset, byteLength } as const;
    tensors.push({ name, dtype, shape, content });
  }
  await Deno.writeFile(modelPath, encodeModel({ ...graph, tensors, metadata: metadata() }));
  return { modelPath, externalDataPaths: position === 0 ? [] : [dataPath] };
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}
