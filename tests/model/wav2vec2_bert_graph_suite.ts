/**
 * What every backend must make of the golden checkpoints.
 *
 * @module
 */
import { assertAllClose } from "../golden.ts";
import { bertCases, bertFeeds, bertGraph, bertTensors } from "../golden_bert.ts";
import type { BackendName } from "../../src/runtime/backend.ts";
import type { Tensor } from "../../src/tensor.ts";
import { openBackend } from "../../src/runtime/select.ts";

/** Declares the tests: every case on one backend, within `atol` of PyTorch. */
export function testBertGoldens(
  name: BackendName,
  { atol, ignore = false }: { atol: number; ignore?: boolean },
): void {
  Deno.test({
    name: `Wav2Vec2-BERT on ${name} equals transformers within ${atol}`,
    ignore,
    async fn(context) {
      await using opened = (await openBackend(name, { threadCount: 1 })).backend;
      for (const golden of bertCases()) {
        await context.step(golden.name, async () => {
          await using session = await opened.load(await bertGraph(golden));
          const results = await session.run(bertFeeds(golden), session.outputNames);
          const { expected } = bertTensors(golden);
          for (const output of golden.outputs.filter((name) => !name.startsWith("loss"))) {
            assertAllClose(results[output] as Tensor, expected[output]!, { atol, name: output });
          }
        });
      }
    },
  });
}
