/**
 * Features are those of transformers: on made-up sounds, and on recordings where `HUBCAP_SPEECH_DATA`
 * has them; with `HUBCAP_PYTHON` (numpy and transformers) on all of each, resampled from other rates.
 *
 * @module
 */
import { extractFbank, type ExtractFbankOptions, parseFbankConfig } from "../../src/model/fbank.ts";
import { readSpeech } from "../../src/audio/decode.ts";
import { join } from "../../src/std.ts";
import { assert, assertEquals } from "../assert.ts";
import { s16le, wavFile } from "../audio/wav_file.ts";
import { TemporaryFolder } from "../checkpoint/files.ts";
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

/** Rates that recordings come in; the fewer samples a second, the more mel bins are almost empty. */
const RATES_HZ = [8000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000];

const PYTHON = Deno.env.get("HUBCAP_PYTHON");

/** Clips, each taken to have been recorded at another rate, as they are at 16 kHz. Result: [S] each */
async function clipsOfAllRates(): Promise<Map<string, Float32Array>> {
  const files = await Array.fromAsync(Deno.readDir(join(SPEECH_DATA, "clips")));
  const names = files.map(({ name }) => name).filter((name) => name.endsWith(".flac")).sort();
  const recordings = new Map<string, Float32Array>();
  for (const [i, sampleRateHz] of [...RATES_HZ, ...RATES_HZ].entries()) {
    const name = names[i * 3]!;
    const samples = await readSpeech(join(SPEECH_DATA, "clips", name));
    const recording = wavFile(s16le(samples.subarray(0, 10 * sampleRateHz)), { sampleRateHz });
    recordings.set(`${name} at ${sampleRateHz} Hz`, await readSpeech(recording));
  }
  return recordings;
}

const floats = ({ buffer }: Uint8Array<ArrayBuffer>) => new Float32Array(buffer);

Deno.test({
  name: "extractFbank() equals the reference on every feature of recordings of many rates",
  ignore: PYTHON === undefined || !hasClips(),
  async fn(test) {
    await using folder = new TemporaryFolder();
    const recordings = [...await clipsOfAllRates()];
    for (const [i, [, { buffer }]] of recordings.entries()) {
      await Deno.writeFile(
        join(folder.path, `${i}.samples`),
        new Uint8Array(buffer as ArrayBuffer),
      );
    }
    const { success, stderr } = await new Deno.Command(PYTHON!, {
      args: [join(GOLDEN_FOLDER, "clip_features.py"), folder.path],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    for (const [i, [name, samples]] of recordings.entries()) {
      await test.step(name, async () => {
        const expected = floats(await Deno.readFile(join(folder.path, `${i}.features`)));
        const { inputFeatures } = extractFbank([samples], parseFbankConfig({}));
        const { difference } = worstDifference(inputFeatures.data, expected);
        assertEquals(inputFeatures.data.length, expected.length);
        assert(difference <= 1e-4, `a feature differs by ${difference}`); // seen: 3e-6
      });
    }
  },
});
