/**
 * What one would use instead: other systems with the same checkpoint, each a small script in
 * `bench/peers/`. All are optional.
 *
 * @module
 */
import { exportModel } from "../src/export_model.ts";
import { fromFileUrl, join } from "../src/std.ts";
import type { Tensor } from "../src/tensor.ts";
import { pythonPath } from "./checkpoint.ts";
import { type Peer, startPeer } from "./peer.ts";
import { makeWaveforms } from "./signal.ts";

/** What a peer is asked to do with. */
export interface PeerContext {
  /** Folder of the checkpoint. */
  readonly folder: string;
  /** Threads that compute. */
  readonly threadCount: number;
  /** Folder for what peers need made. */
  readonly scratch: string;
}

/** A system to measure beside ours. */
export interface PeerSpec {
  /** What it is called on the command line and in results. */
  readonly name: string;
  /** How it is installed. */
  readonly install: string;
  /** The command that runs it. */
  readonly command: (context: PeerContext) => Promise<readonly string[]>;
}

const scriptPath = (name: string) => fromFileUrl(new URL(`peers/${name}`, import.meta.url));

const PYTORCH_INSTALL = "pip install torch transformers, and set HUBCAP_PYTHON to that Python";

/** The version that the project was last measured against. */
const TRANSFORMERS_JS = "npm:@huggingface/transformers@4.3.1";

/** Peers that give logits: for throughput. */
export const MODEL_PEERS: readonly PeerSpec[] = [
  {
    name: "PyTorch",
    install: PYTORCH_INSTALL,
    command: ({ folder, threadCount }) =>
      Promise.resolve([pythonPath(), scriptPath("pytorch.py"), folder, String(threadCount)]),
  },
  {
    name: "transformers.js",
    install: `deno cache --no-lock ${TRANSFORMERS_JS}`,
    command: async (context) => [
      ...[Deno.execPath(), "run", "--allow-all", "--no-lock", "--cached-only"],
      ...[scriptPath("transformers_js.ts"), TRANSFORMERS_JS],
      ...[await exportedFolder(context), String(context.threadCount)],
    ],
  },
  {
    name: "onnxruntime-node",
    install: "nothing: the cpu backend has it",
    command: async (context) => [
      ...[Deno.execPath(), "run", "--allow-all", scriptPath("onnxruntime_node.ts")],
      ...[join(await exportedFolder(context), "onnx", "model.onnx"), String(context.threadCount)],
    ],
  },
];

/** Peers that give text: for accuracy. */
export const TEXT_PEERS: readonly PeerSpec[] = [
  {
    name: "transformers pipeline",
    install: PYTORCH_INSTALL,
    command: ({ folder, threadCount }) =>
      Promise.resolve([pythonPath(), scriptPath("asr_pipeline.py"), folder, String(threadCount)]),
  },
  {
    name: "PocketSphinx",
    install: "pip install pocketsphinx, and set HUBCAP_PYTHON to that Python",
    command: () => Promise.resolve([pythonPath(), scriptPath("pocketsphinx_text.py")]),
  },
];

/** The checkpoint as an ONNX folder, made once. */
async function exportedFolder({ folder, scratch }: PeerContext): Promise<string> {
  const exported = join(scratch, "onnx-export");
  const isThere = await Deno.stat(exported).then(() => true, () => false);
  if (!isThere) await exportModel(folder, exported);
  return exported;
}

/**
 * Starts the peers that are there, and runs them once; one that is not there is skipped aloud.
 *
 * @param specs Which. @param context What they are to work with.
 */
export async function startPeers(
  specs: readonly PeerSpec[],
  { context, say, stack, probe = makeWaveforms(1, 1) }: {
    context: PeerContext;
    say: (text: string) => void;
    stack: AsyncDisposableStack;
    probe?: Tensor<Float32Array<ArrayBuffer>>;
  },
): Promise<{ name: string; peer: Peer }[]> {
  const started: { name: string; peer: Peer }[] = [];
  const input = join(context.scratch, "probe.f32");
  await Deno.writeFile(input, new Uint8Array(probe.data.buffer));
  for (const { name, install, command } of specs) {
    try {
      const peer = stack.use(await startPeer(await command(context)));
      await peer.run({ input, shape: probe.shape });
      started.push({ name, peer });
    } catch (error) {
      say(`SKIPPED ${name}: ${(error as Error).message}. Install: ${install}`);
    }
  }
  return started;
}
