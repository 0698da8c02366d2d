/**
 * A golden Wav2Vec2-BERT checkpoint as published ones are: with its tokenizer's
 * and preprocessor's files.
 *
 * @module
 */
import { join } from "../src/std.ts";
import { TemporaryFolder } from "./checkpoint/files.ts";
import { GOLDEN_FOLDER } from "./golden.ts";

const MEL_BINS = { bert_ctc: 80, bert_ctc_adapter: 10 } as const;

/** A folder with the golden checkpoint `name` and what it lacks. */
export async function bertCheckpoint(
  name: keyof typeof MEL_BINS = "bert_ctc",
): Promise<TemporaryFolder> {
  const folder = new TemporaryFolder();
  const copy = (from: string, file: string) =>
    Deno.copyFile(join(GOLDEN_FOLDER, from, file), join(folder.path, file));
  for (const file of ["config.json", "model.safetensors"]) await copy(name, file);
  for (const file of ["vocab.json", "tokenizer_config.json"]) await copy("ctc_group", file);
  await folder.write("preprocessor_config.json", {
    feature_extractor_type: "SeamlessM4TFeatureExtractor",
    feature_size: MEL_BINS[name],
    num_mel_bins: MEL_BINS[name],
    stride: 2,
    padding_value: 0,
    return_attention_mask: true,
    sampling_rate: 16_000,
  });
  return folder;
}
