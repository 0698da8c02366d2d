import { testPrecisions } from "../model_precision.ts";
import { hasWebgpu } from "../runtime/gpu.ts";

testPrecisions("webgpu", { ignore: !await hasWebgpu() });
