import {
  addToStatistics,
  extractFbank,
  normalizeMels,
  noStatistics,
  parseFbankConfig,
} from "../../src/model/fbank.ts";
import { createLogMel } from "../../src/model/log_mel.ts";
import { createMelWindows } from "../../src/model/mel_windows.ts";
import { assertEquals } from "../assert.ts";
import { worstDifference } from "../golden.ts";

const CONFIG = parseFbankConfig({ num_mel_bins: 8, feature_size: 8 });
const SAMPLES = Float32Array.from({ length: 48_000 }, (_, i) => Math.sin(i * i * 1e-6) * 0.2);

Deno.test("features of a window are those of its samples alone, frames kept or not", () => {
  for (const keepsFrames of [true, false]) {
    const windows = createMelWindows(CONFIG, { keepsFrames });
    let memory = windows.open();
    for (
      const [start, end] of [[0, 8000], [0, 16_000], [6400, 20_000], [6400, 9000], [32_000, 48_000]]
    ) {
      const samples = SAMPLES.slice(start, end);
      const before = structuredClone(memory);
      const read = windows.read(samples, { memory, startSample: start! });
      assertEquals(memory, before, "memory is a record, not a place");
      const { inputFeatures } = extractFbank([samples], CONFIG, { padToMultipleOf: 1 });
      assertEquals(read.features.length, inputFeatures.data.length);
      assertEquals(worstDifference(read.features, inputFeatures.data).difference, 0);
      memory = read.memory;
    }
  }
});

Deno.test("a running scale counts each frame once", () => {
  const windows = createMelWindows(CONFIG, { normalization: "running" });
  let memory = windows.open();
  for (const end of [4000, 8000, 12_000]) {
    const read = windows.read(SAMPLES.slice(0, end), { memory, startSample: 0 });
    const mels = createLogMel({ melBinCount: 8 })(SAMPLES.slice(0, end));
    const expected = normalizeMels(mels, addToStatistics(noStatistics(8), mels));
    const { difference } = worstDifference(read.features, expected.slice(0, read.features.length));
    assertEquals(difference < 1e-5, true);
    memory = read.memory;
  }
  // what was heard is not heard again, and a gap is no frame
  const again = windows.read(SAMPLES.slice(0, 4000), { memory, startSample: 0 });
  assertEquals(again.memory.statistics, memory.statistics);
  assertEquals(again.memory.heardFrame, memory.heardFrame);
  const later = windows.read(SAMPLES.slice(32_000, 36_000), { memory, startSample: 32_000 });
  assertEquals(later.memory.statistics.frameCount, memory.statistics.frameCount + 23);
});

Deno.test("one frame is its own mean", () => {
  const config = parseFbankConfig({ num_mel_bins: 8, feature_size: 8, stride: 1 });
  const windows = createMelWindows(config);
  const { features } = windows.read(SAMPLES.slice(0, 400), {
    memory: windows.open(),
    startSample: 0,
  });
  assertEquals(features, new Float32Array(8));
});
