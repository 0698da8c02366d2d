import { extractFbank, type ExtractFbankOptions, parseFbankConfig } from "../../src/model/fbank.ts";
import { readSpeech } from "../../src/audio/decode.ts";
import { join } from "../../src/std.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertAllClose, GOLDEN_FOLDER, readGoldenTensors, worstDifference } from "../golden.ts";

interface GoldenCall {
  readonly config: Record<string, unknown>;
  readonly rows: number[];
  readonly options: {
    readonly padding?: "longest" | "max_length";
    readonly max_length?: number;
    readonly truncation?: boolean;
    readonly pad_to_multiple_of?: number;
    readonly return_attention_mask?: boolean;
    readonly do_normalize_per_mel_bins?: boolean;
  };
}

function readJson<T>(name: string): T {
  return JSON.parse(Deno.readTextFileSync(join(GOLDEN_FOLDER, name)));
}

const calls = readJson<GoldenCall[]>("bert_features.json");
const tensors = readGoldenTensors(join(GOLDEN_FOLDER, "bert_features.safetensors"));

const NAMES = {
  padding: "padding",
  max_length: "maxLength",
  truncation: "truncation",
  pad_to_multiple_of: "padToMultipleOf",
  return_attention_mask: "returnAttentionMask",
  do_normalize_per_mel_bins: "doNormalizePerMelBins",
} as const;

function optionsOf({ options }: GoldenCall): ExtractFbankOptions {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [NAMES[name as keyof typeof NAMES], value]),
  );
}

for (const [index, call] of calls.entries()) {
  const name = JSON.stringify({ ...call.config, ...call.options, rows: call.rows });
  Deno.test(`extractFbank() equals SeamlessM4TFeatureExtractor: ${name}`, () => {
    const waveforms = call.rows.map((row) => tensors[`wave.${row}`]!.data as Float32Array);
    const batch = extractFbank(waveforms, parseFbankConfig(call.config), optionsOf(call));
    assertAllClose(batch.inputFeatures, tensors[`${index}.input_features`]!, { atol: 1e-3 });
    const mask = tensors[`${index}.attention_mask`];
    assertEquals(batch.attentionMask === undefined, mask === undefined);
    if (mask) assertAllClose(batch.attentionMask!, mask, { atol: 0 });
  });
}

interface GoldenClip {
  readonly file: string;
  readonly sampling_rate: number;
  readonly feature_count: number;
  readonly shape: number[];
  /** Some features by their number. */
  readonly rows: Record<string, number[]>;
}

const SPEECH_DATA = Deno.env.get("HUBCAP_SPEECH_DATA") ?? "../shared/data";

function hasClips(): boolean {
  try {
    return Deno.statSync(join(SPEECH_DATA, "clips")).isDirectory;
  } catch {
    return false;
  }
}

for (const clip of readJson<GoldenClip[]>("bert_clips.json")) {
  Deno.test({
    name: `extractFbank() equals the reference on ${clip.file} at ${clip.sampling_rate} Hz`,
    ignore: !hasClips(),
    async fn() {
      const samples = await readSpeech(join(SPEECH_DATA, "clips", clip.file));
      const config = parseFbankConfig({ sampling_rate: clip.sampling_rate });
      const { inputFeatures, attentionMask } = extractFbank([samples], config);
      assertEquals(inputFeatures.shape, [1, ...clip.shape]);
      assertEquals(attentionMask!.data.filter((value) => value === 1).length, clip.feature_count);
      const size = clip.shape[1]!;
      for (const [row, expected] of Object.entries(clip.rows)) {
        const actual = inputFeatures.data.subarray(Number(row) * size, (Number(row) + 1) * size);
        const { difference } = worstDifference(actual, expected);
        assert(difference <= 1e-3, `feature ${row} differs by ${difference}`);
      }
    },
  });
}
