import { precisionOf } from "../../src/model/precision.ts";
import { openCheckpoint, openNetwork } from "../../src/open_checkpoint.ts";
import { join } from "../../src/std.ts";
import { assert, assertEquals } from "../assert.ts";
import { GOLDEN_FOLDER } from "../golden.ts";

const CHECKPOINTS = [
  ...["ctc_adapter", "classify_weighted", "wav2vec2_layer"],
  ...["bert_adapter", "bert_classify", "bert_frames", "bert_xvector"],
];

for (const dtype of ["int8", "int4"] as const) {
  Deno.test(`${dtype} quantises the encoder's layers, not the feature projection or a head`, async () => {
    for (const name of CHECKPOINTS) {
      const checkpoint = await openCheckpoint(join(GOLDEN_FOLDER, name));
      const { openWeights, build } = await openNetwork(checkpoint, undefined);
      await using weights = await openWeights();
      const precision = precisionOf(dtype, { name: "cpu", hasFloat16: false });
      const { initializers } = build(weights, { precision });
      const quantized = initializers.filter(({ dtype }) => /^u?int8$/.test(dtype));
      assert(quantized.length > 0, `${name}: nothing is quantised`);
      const elsewhere = quantized.map(({ name }) => name)
        .filter((name) =>
          !/^(encoder\.layers|adapter\.layers|adapter\.proj|intermediate_ffn)\./.test(name)
        );
      assertEquals(elsewhere, [], name);
    }
  });
}
