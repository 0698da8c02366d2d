/**
 * Parity at full size: `deno task full-size`. Makes hubert-base, hubert-large and wav2vec2-base
 * with random weights and runs them on the backends of `HUBCAP_BACKENDS` (default: cpu). Needs a
 * Python with torch and transformers in `HUBCAP_PYTHON`, or the checkpoints ready in
 * `HUBCAP_FULL_SIZE`, and 3 GB of disk.
 *
 * Not named `_test`: too large for every run of the tests.
 *
 * @module
 */
import { makeFullSize } from "../bench/checkpoint.ts";
import type { BackendName } from "../src/runtime/backend.ts";
import { openBackend } from "../src/runtime/select.ts";
import { assert } from "./assert.ts";
import { goldenCases, goldenTensors, worstDifference } from "./golden.ts";
import { runCase } from "./model_golden.ts";

/** Logits and losses are of the order of 1. */
const LOGITS_TOLERANCE = 1e-4;
/** Hidden states of a pre-norm network grow from layer to layer: relative to the largest. */
const RELATIVE_TOLERANCE = 1e-5;

const backends = (Deno.env.get("HUBCAP_BACKENDS") ?? "cpu").split(",") as BackendName[];

async function checkpoints(): Promise<{ folder: string; isTemporary: boolean }> {
  const folder = Deno.env.get("HUBCAP_FULL_SIZE");
  if (folder !== undefined) return { folder, isTemporary: false };
  const temporary = await Deno.makeTempDir({ prefix: "hubcap-full-size-" });
  await makeFullSize(temporary, ["base", "large", "wav2vec2"]);
  return { folder: temporary, isTemporary: true };
}

Deno.test("full size: every output is as in transformers", async (test) => {
  const { folder, isTemporary } = await checkpoints();
  try {
    for (const name of backends) {
      const backend = await openBackend(name);
      await using _backend = backend.backend;
      for (const golden of goldenCases(folder)) {
        await test.step(`${name}: ${golden.name}`, async (test) => {
          const { expected } = goldenTensors(golden, folder);
          const outputs = await runCase(golden, { backend, folder });
          for (const [output, { data }] of Object.entries(expected)) {
            const actual = outputs[output];
            if (actual === undefined) continue; // the other reduction of the loss
            const { difference } = worstDifference(actual.data, data);
            const zeros = new Float32Array(data.length);
            const largest = Math.max(1, worstDifference(data, zeros).difference);
            const tolerance = output === "logits" ? LOGITS_TOLERANCE : RELATIVE_TOLERANCE * largest;
            const found = `${output} differs by ${difference.toExponential(1)} of ${
              largest.toFixed(2)
            }`;
            await test.step(found, () => assert(difference <= tolerance, `more than ${tolerance}`));
          }
        });
      }
    }
  } finally {
    if (isTemporary) await Deno.remove(folder, { recursive: true });
  }
});
