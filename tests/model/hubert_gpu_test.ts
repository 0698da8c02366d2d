import { testGoldenCases } from "../model_golden.ts";
import { hasWebgpu } from "../runtime/gpu.ts";

testGoldenCases("webgpu", { atol: 1e-3, ignore: !await hasWebgpu() });
