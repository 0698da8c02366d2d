/**
 * The worker of the cpu backend: onnxruntime's native build. The only file
 * that imports it, so that nothing is downloaded where it is not used.
 *
 * @module
 */
import type { Engine } from "./engine.ts";
import type { OrtModule } from "./ort.ts";
import { NATIVE_OUTPUTS_NEED_COPIES } from "./workarounds.ts";
import { type EngineContext, serve } from "./worker.ts";

async function startCpu({ threadCount }: EngineContext): Promise<Engine> {
  const ort = await import("onnxruntime-node") as unknown as OrtModule & {
    env: { logLevel: string };
  };
  ort.env.logLevel = "fatal";
  return {
    ort,
    device: `native CPU (${Deno.build.arch}), ${threadCount} ${
      threadCount === 1 ? "thread" : "threads"
    }`,
    isSoftware: false,
    sessionOptions: {
      executionProviders: ["cpu"],
      intraOpNumThreads: threadCount,
      interOpNumThreads: 1,
    },
    needsOutputCopies: NATIVE_OUTPUTS_NEED_COPIES,
    create: (source, options) =>
      ort.InferenceSession.create(source.kind === "bytes" ? source.model : source.path, options),
  };
}

serve(startCpu);
