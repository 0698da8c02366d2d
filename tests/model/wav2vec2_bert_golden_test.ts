import { bertCases } from "../golden_bert.ts";
import { testGoldenCases } from "../model_golden.ts";

testGoldenCases("cpu", { atol: 1e-4, cases: bertCases() });
testGoldenCases("wasm", { atol: 1e-4, cases: bertCases() });
