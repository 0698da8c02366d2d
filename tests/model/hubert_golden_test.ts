import { testGoldenCases } from "../model_golden.ts";

testGoldenCases("cpu", { atol: 1e-4 });
testGoldenCases("wasm", { atol: 1e-4 });
