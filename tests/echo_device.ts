/**
 * A device that hears what it is told: a sample of each frame that no other frame sees holds the token
 * that the frame gives. It runs the real checkpoint reader, encoder and engine, and it fails on demand.
 *
 * @module
 */
import type { ModelLoader } from "../src/engine.ts";
import { loadModel, type LoadModelOptions } from "../src/load_model.ts";
import type { Backend, GraphSession } from "../src/runtime/backend.ts";
import type { OpenedBackend } from "../src/runtime/select.ts";
import { BackendError } from "../src/errors.ts";
import { convGeometry, type FrameGeometry } from "../src/geometry.ts";
import type { SpeechModel } from "../src/speech_model.ts";
import { join } from "../src/std.ts";
import type { Tensor, TensorData } from "../src/tensor.ts";
import { GOLDEN_FOLDER } from "./golden.ts";

/** Tokens of the checkpoint behind the echo: "ab ehlot" by id, the blank and the delimiter. */
export const ECHO_TOKENS = { blank: 0, delimiter: 4, letters: [5, 6, 7, 8, 9, 10, 11] } as const;

/** What one run does. */
export type EchoFault = "none" | "throw" | "hang" | "nan";

/** A device under a test's control. */
export interface EchoDevice extends OpenedBackend {
  /** Shapes of the inputs of all runs so far. */
  readonly shapes: number[][];
  /** Asked before every run. */
  fault: (input: Tensor<TensorData>, output: string) => EchoFault;
  /** Waited for in every run. */
  cost: (rowCount: number) => Promise<void>;
  /** Whether every run fails from now on. */
  isLost: boolean;
  /** Lets runs that hang fail. */
  letGo(): void;
}

const VOCABULARY_SIZE = 12;

/** Makes a device for models of a frame grid. */
export function echoDevice(geometry: FrameGeometry, channels: number): EchoDevice {
  const hanging = Promise.withResolvers<never>();
  hanging.promise.catch(() => {});
  const lost = () => new BackendError("Cannot run as the device is lost", { backend: "wasm" });
  const device: EchoDevice = {
    shapes: [],
    fault: () => "none",
    cost: () => Promise.resolve(),
    isLost: false,
    letGo: () => hanging.reject(lost()),
    report: { chosen: "wasm", reason: "an echo", candidates: [] },
    backend: undefined as unknown as Backend,
  };
  const run: GraphSession["run"] = async (feeds, [fetch]) => {
    const input = (feeds.input_values ?? feeds.features)! as Tensor;
    if (device.isLost) throw lost();
    const fault = device.fault(input, fetch!);
    if (fault === "throw") throw new BackendError("Cannot run: injected", { backend: "wasm" });
    if (fault === "hang") await hanging.promise;
    device.shapes.push([...input.shape]);
    await device.cost(input.shape[0]!);
    if (device.isLost) throw lost();
    const tokens = feeds.features ? tokensOfFeatures(input) : tokensOfSamples(input, geometry);
    const give = fetch === "features" ? featuresOf : logitsOf;
    const result = give(tokens, fetch === "features" ? channels : VOCABULARY_SIZE);
    if (fault === "nan") result.data.fill(NaN);
    return { [fetch!]: result };
  };
  const session = {
    inputNames: [],
    outputNames: [],
    inputs: [],
    outputs: [],
    placement: undefined,
    run,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const backend: Backend = {
    name: "wasm",
    device: "echo",
    isSoftware: true,
    hasFloat16: false,
    busyMs: 0,
    load: () => device.isLost ? Promise.reject(lost()) : Promise.resolve(session),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return Object.assign(device, { backend });
}

/** A sample of a frame that no other frame sees, if strides are more than half a receptive field. */
function tokenSample(frame: number, { strideSamples }: FrameGeometry): number {
  return (frame + 1) * strideSamples - 1;
}

/** [B][T] */
type Tokens = number[][];

function tokensOfSamples({ data, shape }: Tensor, geometry: FrameGeometry): Tokens {
  const [rowCount, length] = shape as [number, number];
  const frameCount = geometry.frameCount(length);
  return Array.from(
    { length: rowCount },
    (_, row) =>
      Array.from(
        { length: frameCount },
        (_, frame) => Math.round(data[row * length + tokenSample(frame, geometry)]! * 100),
      ),
  );
}

function tokensOfFeatures({ data, shape }: Tensor): Tokens {
  const [rowCount, frameCount, channels] = shape as [number, number, number];
  return Array.from(
    { length: rowCount },
    (_, row) =>
      Array.from(
        { length: frameCount },
        (_, frame) => data[(row * frameCount + frame) * channels]!,
      ),
  );
}

function featuresOf(tokens: Tokens, channels: number): Tensor {
  const frameCount = tokens[0]!.length;
  const data = new Float32Array(tokens.length * frameCount * channels);
  tokens.forEach((row, b) =>
    row.forEach((token, t) => data[(b * frameCount + t) * channels] = token)
  );
  return { data, shape: [tokens.length, frameCount, channels] };
}

function logitsOf(tokens: Tokens, vocabularySize: number): Tensor {
  const frameCount = tokens[0]!.length;
  const data = new Float32Array(tokens.length * frameCount * vocabularySize);
  tokens.forEach((row, b) =>
    row.forEach((token, t) => data[(b * frameCount + t) * vocabularySize + token] = 12)
  );
  return { data, shape: [tokens.length, frameCount, vocabularySize] };
}

/** Samples that make the echo give these tokens, one a frame. */
export function echoSamples(tokens: readonly number[], geometry: FrameGeometry): Float32Array {
  const samples = new Float32Array(geometry.sampleCount(tokens.length));
  tokens.forEach((token, frame) => samples[tokenSample(frame, geometry)] = token / 100);
  return samples;
}

/** A folder with the golden checkpoint `name`, its waveforms taken as they are. */
export async function plainCheckpoint(
  name: string,
  waveform: Record<string, unknown> = {},
): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.makeTempDir({ prefix: "hubcap-test-" });
  const source = join(GOLDEN_FOLDER, name);
  for await (const { name: file } of Deno.readDir(source)) {
    await Deno.copyFile(join(source, file), join(path, file));
  }
  const config = { sampling_rate: 16_000, do_normalize: false, ...waveform };
  await Deno.writeTextFile(join(path, "preprocessor_config.json"), JSON.stringify(config));
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

/** A model on an echo, and what loads it again. */
export interface EchoModel extends AsyncDisposable {
  readonly model: SpeechModel<"ctc">;
  /** The device that models are loaded on; a test may put another in its place. */
  device: EchoDevice;
  load(...args: Partial<Parameters<ModelLoader>>): Promise<SpeechModel<"ctc">>;
}

/** Loads a model whose device is an echo; what is loaded later has no language model. */
export async function echoModel(
  options: { checkpoint?: string; sampling_rate?: number; languageModel?: string } = {},
): Promise<EchoModel> {
  const { checkpoint = "ctc_adapter", languageModel = false, ...waveform } = options;
  const folder = await plainCheckpoint(checkpoint, waveform);
  const load = (device: EchoDevice, languageModel: string | false = false) => {
    const settings: LoadModelOptions<"ctc"> = { task: "ctc", backend: device, parts: [] };
    return loadModel(folder.path, { ...settings, languageModel });
  };
  const { conv_kernel, conv_stride, conv_dim } = JSON.parse(
    await Deno.readTextFile(join(folder.path, "config.json")),
  );
  const device = echoDevice(convGeometry(conv_kernel, conv_stride), conv_dim.at(-1));
  const echo: EchoModel = {
    device,
    model: await load(device, languageModel),
    load: () => load(echo.device),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
  return echo;
}
