import {
  binaryCrossEntropyLoss,
  crossEntropyLoss,
  ctcLoss,
  meanSquaredLoss,
  sequenceClassificationLoss,
} from "../../src/model/losses.ts";
import { parseHubertConfig } from "../../src/model/config.ts";
import { join } from "../../src/std.ts";
import type { Tensor } from "../../src/tensor.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { GOLDEN_FOLDER, type GoldenCase, goldenCases, goldenTensors } from "../golden.ts";

interface GoldenLosses {
  readonly kind: "ctc" | "cross_entropy" | "mse" | "bce";
  readonly shape: number[];
  readonly logits: number[];
  readonly labels: number[] | number[][];
  readonly losses: {
    /** null where it is infinite. */
    readonly loss: number | null;
    readonly blank: number;
    readonly frame_counts: number[];
    readonly reduction: "sum" | "mean";
    readonly zero_infinity: boolean;
  }[];
}

const goldens: GoldenLosses[] = JSON.parse(
  Deno.readTextFileSync(join(GOLDEN_FOLDER, "losses.json")),
);

function assertLoss(actual: number, expected: number, tolerance = 1e-5): void {
  const difference = Math.abs(actual - expected);
  assert(
    difference <= tolerance * Math.max(1, Math.abs(expected)),
    `is ${actual}, expected ${expected}`,
  );
}

function tensorsOf({ shape, logits, labels }: GoldenLosses) {
  const flat = labels.flat();
  const labelShape = labels[0] instanceof Array ? [labels.length, labels[0].length] : [flat.length];
  return {
    logits: { data: Float32Array.from(logits), shape },
    classes: { data: Int32Array.from(flat), shape: labelShape },
    numbers: { data: Float32Array.from(flat), shape: labelShape },
  };
}

for (const [index, golden] of goldens.entries()) {
  Deno.test(`losses equal PyTorch's: ${golden.kind} ${index}`, () => {
    const { logits, classes, numbers } = tensorsOf(golden);
    const first = golden.losses[0]!.loss!;
    switch (golden.kind) {
      case "ctc":
        for (const row of golden.losses) assertCtc(row, logits, classes);
        return;
      case "cross_entropy":
        return assertLoss(crossEntropyLoss(logits, classes), first);
      case "mse":
        return assertLoss(meanSquaredLoss(logits, numbers), first);
      case "bce":
        return assertLoss(binaryCrossEntropyLoss(logits, numbers), first);
    }
  });
}

function assertCtc(
  { loss, ...row }: GoldenLosses["losses"][number],
  logits: Tensor,
  labels: Tensor<Int32Array>,
): void {
  const compute = () =>
    ctcLoss(logits, labels, {
      blank: row.blank,
      frameCounts: row.frame_counts,
      reduction: row.reduction,
      zeroInfinity: row.zero_infinity,
    });
  if (loss === null) assertThrows(compute, RangeError, "need");
  else assertLoss(compute(), loss);
}

for (const golden of goldenCases().filter(({ inputs }) => inputs.includes("labels"))) {
  Deno.test(`losses equal those of the model: ${golden.name}`, () => assertModelLoss(golden));
}

function assertModelLoss(golden: GoldenCase): void {
  const { inputs, expected } = goldenTensors(golden);
  const config = parseHubertConfig(
    JSON.parse(Deno.readTextFileSync(join(GOLDEN_FOLDER, golden.checkpoint, "config.json"))),
  );
  const logits = expected.logits as Tensor;
  const labels = inputs.labels as Tensor<Int32Array>;
  if (!golden.class_name.endsWith("ForCTC")) {
    const loss = sequenceClassificationLoss(logits, labels, config);
    return assertLoss(loss, expected.loss!.data[0]!);
  }
  assertEquals(config.pad_token_id, 0);
  for (const reduction of ["sum", "mean"] as const) {
    const options = { frameCounts: golden.frame_counts, reduction };
    assertLoss(ctcLoss(logits, labels, options), expected[`loss.${reduction}`]!.data[0]!);
  }
}
