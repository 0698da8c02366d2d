/**
 * The worker of the cpu backend: onnxruntime's native build. The only file
 * that imports it, so that nothing is downloaded where it is not used.
 *
 * @module
 */
import type { Engine } from "./engine.ts";
import { reasonOf } from "./lazy_file.ts";
import type { OrtModule } from "./ort.ts";
import { NATIVE_OUTPUTS_NEED_COPIES } from "./workarounds.ts";
import { type EngineContext, serve } from "./worker.ts";

type NativeOrt = OrtModule & { env: { logLevel: string } };

/**
 * Without VNNI, x86 adds products of unsigned and signed bytes in 16 bits, which overflow in
 * silence; this takes kernels that do not. It halves the error of int8 and costs it a tenth of its
 * speed on such processors, and does nothing on others.
 */
const EXACT_INT8 = { session: { x64quantprecision: "1" } };

async function startCpu({ threadCount }: EngineContext): Promise<Engine> {
  const ort = await importNative();
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
      extra: EXACT_INT8,
    },
    needsOutputCopies: NATIVE_OUTPUTS_NEED_COPIES,
    create: (source, options) =>
      ort.InferenceSession.create(source.kind === "bytes" ? source.model : source.path, options),
  };
}

async function importNative(): Promise<NativeOrt> {
  try {
    return await import("onnxruntime-node") as unknown as NativeOrt;
  } catch (cause) {
    const isForbidden = cause instanceof Deno.errors.NotCapable;
    throw new Error(
      isForbidden
        ? "Deno may not load native code: start it with --allow-ffi"
        : `onnxruntime-node does not load: ${
          reasonOf(cause)
        }. Install it (deno cache npm:onnxruntime-node), or choose another backend`,
      { cause },
    );
  }
}

serve(startCpu);
