/**
 * Every dtype on one backend stays near what transformers computes in float32.
 *
 * @module
 */
import { BackendError } from "../src/errors.ts";
import { type Dtype, DTYPES } from "../src/model/precision.ts";
import type { BackendName } from "../src/runtime/backend.ts";
import { openBackend } from "../src/runtime/select.ts";
import { assert, assertRejects } from "./assert.ts";
import { bertCases } from "./golden_bert.ts";
import { GOLDEN_FOLDER, goldenCases, goldenTensors, worstDifference } from "./golden.ts";
import { runCase } from "./model_golden.ts";

/** A post-norm network, a pre-norm one, one with adapters; a Conformer. */
const CASES = ["ctc_group", "ctc_layer_f16", "ctc_adapter", "wav2vec2_group", "bert_ctc"];

/**
 * How far a logit may be off, as a part of the largest logit. Seen: 3e-6, 0.012 (webgpu), 0.026, 0.31. The
 * networks are tiny, and their errors larger than those of real ones: fewer terms average out.
 */
const TOLERANCES: Readonly<Record<Dtype, number>> = {
  float32: 1e-3,
  float16: 0.03,
  int8: 0.04,
  int4: 0.5,
};

/** Registers a test for every dtype. */
export function testPrecisions(name: BackendName, { ignore = false } = {}): void {
  for (const dtype of DTYPES) {
    Deno.test({
      name: `${name}: ${dtype} gives about the logits of float32, or says that it cannot`,
      ignore,
      fn: () => checkPrecision(name, dtype),
    });
  }
}

async function checkPrecision(name: BackendName, dtype: Dtype): Promise<void> {
  const opened = await openBackend(name);
  await using backend = opened.backend;
  const all = [...goldenCases(), ...bertCases()];
  for (const golden of all.filter(({ name }) => CASES.includes(name))) {
    const options = { backend: opened, folder: GOLDEN_FOLDER, dtype };
    if (dtype === "float16" && !backend.hasFloat16) {
      await assertRejects(() => runCase(golden, options), BackendError, "float16");
      continue;
    }
    const { logits: expected } = goldenTensors(golden).expected;
    const { logits } = await runCase(golden, options);
    const largest = worstDifference(expected!.data, new Float32Array(expected!.data.length));
    const { difference } = worstDifference(logits!.data, expected!.data);
    const error = difference / largest.difference;
    assert(
      error <= TOLERANCES[dtype],
      `${golden.name}: logits differ by ${error} of the largest, more than ${TOLERANCES[dtype]}`,
    );
  }
}
