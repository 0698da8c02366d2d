import { openSafetensors } from "../../src/checkpoint/safetensors.ts";
import { crossEntropyLoss, ctcLoss } from "../../src/model/losses.ts";
import {
  AM_SOFTMAX_WEIGHT,
  amSoftmaxLoss,
  frameClassificationLoss,
} from "../../src/model/speaker_losses.ts";
import { join } from "../../src/std.ts";
import type { Tensor } from "../../src/tensor.ts";
import { assertAlmostEquals } from "../assert.ts";
import { GOLDEN_FOLDER } from "../golden.ts";
import { type BertCase, bertCases, bertTensors } from "../golden_bert.ts";

/** The class vectors of a checkpoint. [E, L] */
async function classVectors({ checkpoint }: BertCase): Promise<Tensor> {
  const path = join(GOLDEN_FOLDER, checkpoint, "model.safetensors");
  await using weights = await openSafetensors(path);
  const { shape } = weights.tensors.get(AM_SOFTMAX_WEIGHT)!;
  return { data: await weights.read(AM_SOFTMAX_WEIGHT), shape };
}

async function lossOf(golden: BertCase): Promise<number> {
  const { inputs, expected } = bertTensors(golden);
  const [logits, labels] = [expected.logits as Tensor, inputs.labels as Tensor<Int32Array>];
  switch (golden.class_name) {
    case "Wav2Vec2BertForXVector":
      return amSoftmaxLoss(logits, labels, { weight: await classVectors(golden) });
    case "Wav2Vec2BertForAudioFrameClassification":
      return frameClassificationLoss(logits, labels);
    default:
      return crossEntropyLoss(logits, labels);
  }
}

for (const golden of bertCases().filter(({ inputs }) => inputs.includes("labels"))) {
  Deno.test(`losses equal those of the model: ${golden.name}`, async () => {
    const { inputs, expected } = bertTensors(golden);
    if (!golden.class_name.endsWith("ForCTC")) {
      return assertAlmostEquals(await lossOf(golden), expected.loss!.data[0]!, 1e-5);
    }
    for (const reduction of ["sum", "mean"] as const) {
      const loss = ctcLoss(expected.logits as Tensor, inputs.labels as Tensor<Int32Array>, {
        frameCounts: golden.frame_counts,
        reduction,
      });
      assertAlmostEquals(loss, expected[`loss.${reduction}`]!.data[0]!, 1e-4);
    }
  });
}
