/**
 * The worker of the webgpu backend: onnxruntime-web's WebGPU provider on Deno's
 * `navigator.gpu`. Its JSPI build is smaller and steadier than the asyncify one.
 *
 * @module
 */
import { createWebSession, type Engine } from "./engine.ts";
import type { OrtModule, OrtWebEnv } from "./ort.ts";
import { enableThreads, hideLocation, quietEgl, webgpuProvider } from "./workarounds.ts";
import { type EngineContext, serve } from "./worker.ts";

const BINARY = "ort-wasm-simd-threaded.jspi.wasm";
/** Limits that onnxruntime's kernels make use of, asked for as large as the adapter has them. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const;
const FEATURES: readonly GPUFeatureName[] = ["shader-f16", "subgroups" as GPUFeatureName];
/** Names of Vulkan's software implementations. */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|software|basic render/i;

async function startWebgpu({ allowsSoftware, onLost }: EngineContext): Promise<Engine> {
  const adapter = await findAdapter();
  const facts = describe(adapter);
  if (facts.isSoftware && !allowsSoftware) {
    throw new Error(`the only adapter is a software stand-in for a GPU: ${facts.device}`);
  }
  const device = await openDevice(adapter);
  void device.lost.then(({ message, reason }) => onLost(message || reason));
  const errors = deviceErrors(device);
  hideLocation();
  const ort = await import("onnxruntime-web/jspi") as unknown as OrtModule & { env: OrtWebEnv };
  const wasmUrl = new URL(BINARY, import.meta.resolve("onnxruntime-web/jspi"));
  await enableThreads(ort.env, wasmUrl, 1);
  ort.env.logLevel = "fatal";
  return {
    ort,
    ...facts,
    sessionOptions: { executionProviders: [webgpuProvider(device)] },
    needsOutputCopies: false,
    create: (source, options) => createWebSession(ort, source, options),
    close: () => device.destroy(),
    throwDeviceErrors: () => {
      const [first] = errors.splice(0);
      if (first) throw new Error(first);
    },
    loseDevice: () => device.destroy(),
  };
}

async function findAdapter(): Promise<GPUAdapter> {
  if (!navigator.gpu) {
    throw new Error("this Deno has no navigator.gpu: start it with --unstable-webgpu");
  }
  quietEgl();
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter) return adapter;
  throw new Error(
    "there is no WebGPU adapter: install the GPU's driver (on Linux one with Vulkan, and libvulkan1)",
  );
}

/** A device with everything the adapter has to offer. */
async function openDevice(adapter: GPUAdapter): Promise<GPUDevice> {
  const requiredLimits: Record<string, number> = {};
  for (const name of LIMITS) requiredLimits[name] = adapter.limits[name];
  const requiredFeatures = FEATURES.filter((name) => adapter.features.has(name));
  return await adapter.requestDevice({ requiredLimits, requiredFeatures });
}

/** Validation and memory errors that no error scope caught, as they come in. */
function deviceErrors(device: GPUDevice): string[] {
  const messages: string[] = [];
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    messages.push((event as GPUUncapturedErrorEvent).error.message);
  });
  return messages;
}

function describe(adapter: GPUAdapter): { device: string; isSoftware: boolean } {
  const { description, device, vendor, isFallbackAdapter } = adapter.info;
  const name = description || `${vendor} ${device}`.trim() || "unnamed adapter";
  return { device: name, isSoftware: isFallbackAdapter || SOFTWARE.test(name) };
}

serve(startWebgpu);
