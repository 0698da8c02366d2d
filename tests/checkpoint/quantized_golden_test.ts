import { GOLDEN_FOLDER, type GoldenCase } from "../golden.ts";
import { testGoldenCases } from "../model_golden.ts";
import { join } from "../../src/std.ts";

const cases: GoldenCase[] = JSON.parse(
  Deno.readTextFileSync(join(GOLDEN_FOLDER, "quantized_cases.json")),
);

testGoldenCases("cpu", { atol: 1e-4, cases });
