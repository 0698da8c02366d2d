import { convGeometry } from "../../src/geometry.ts";
import { parseHubertConfig, taskOf } from "../../src/model/config.ts";
import { join } from "../../src/std.ts";
import { assertEquals } from "../assert.ts";
import { GOLDEN_FOLDER, goldenCases } from "../golden.ts";

const TASKS: Record<string, string> = {
  Model: "base",
  ForCTC: "ctc",
  ForSequenceClassification: "sequence-classification",
};

for (const golden of goldenCases()) {
  Deno.test(`parseHubertConfig() reads what save_pretrained wrote: ${golden.name}`, () => {
    const path = join(GOLDEN_FOLDER, golden.checkpoint, "config.json");
    const json = JSON.parse(Deno.readTextFileSync(path));
    const config = parseHubertConfig(json, { path });
    for (const [field, value] of Object.entries(config)) {
      if (field in json) assertEquals(value, json[field], field);
    }
    assertEquals(config.architectures, [golden.class_name]);
    assertEquals(taskOf(config), TASKS[golden.class_name.replace(/^(Hubert|Wav2Vec2)/, "")]!);
    const { frameCount } = convGeometry(config.conv_kernel, config.conv_stride);
    const sampleCounts = golden.sample_counts!;
    const padded = Math.max(...sampleCounts);
    const counts = golden.inputs.includes("attention_mask")
      ? sampleCounts
      : sampleCounts.map(() => padded);
    assertEquals(counts.map(frameCount), [...golden.frame_counts]);
  });
}
