import { bertCases } from "../golden_bert.ts";
import { testGoldenCases } from "../model_golden.ts";
import { hasWebgpu } from "../runtime/gpu.ts";

testGoldenCases("webgpu", { atol: 1e-3, cases: bertCases(), ignore: !await hasWebgpu() });
