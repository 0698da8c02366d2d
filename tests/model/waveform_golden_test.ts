import {
  parseWaveformConfig,
  prepareWaveforms,
  type PrepareWaveformsOptions,
} from "../../src/model/waveform.ts";
import { join } from "../../src/std.ts";
import { assertEquals } from "../assert.ts";
import { assertAllClose, GOLDEN_FOLDER, readGoldenTensors } from "../golden.ts";

interface GoldenCall {
  readonly config: Record<string, unknown>;
  readonly rows: number[];
  readonly options: {
    readonly padding?: "longest" | "max_length";
    readonly max_length?: number;
    readonly truncation?: boolean;
    readonly pad_to_multiple_of?: number;
    readonly return_attention_mask?: boolean;
  };
}

const calls: GoldenCall[] = JSON.parse(
  Deno.readTextFileSync(join(GOLDEN_FOLDER, "waveforms.json")),
);
const tensors = readGoldenTensors(join(GOLDEN_FOLDER, "waveforms.safetensors"));

function optionsOf({ options }: GoldenCall): PrepareWaveformsOptions {
  return {
    padding: options.padding ?? "longest",
    truncation: options.truncation ?? false,
    padToMultipleOf: options.pad_to_multiple_of ?? 1,
    samplingRate: 16000,
    ...(options.max_length === undefined ? {} : { maxLength: options.max_length }),
    ...(options.return_attention_mask === undefined
      ? {}
      : { returnAttentionMask: options.return_attention_mask }),
  };
}

for (const [index, call] of calls.entries()) {
  const name = JSON.stringify({ ...call.config, ...call.options, rows: call.rows });
  Deno.test(`prepareWaveforms() equals Wav2Vec2FeatureExtractor: ${name}`, () => {
    const waveforms = call.rows.map((row) => tensors[`wave.${row}`]!.data as Float32Array);
    const config = parseWaveformConfig(call.config);
    const batch = prepareWaveforms(waveforms, config, optionsOf(call));
    assertAllClose(batch.inputValues, tensors[`${index}.input_values`]!, { atol: 2e-6 });
    const mask = tensors[`${index}.attention_mask`];
    assertEquals(batch.attentionMask === undefined, mask === undefined);
    if (mask) assertAllClose(batch.attentionMask!, mask, { atol: 0 });
  });
}
