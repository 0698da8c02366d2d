import { createTokenizer, type Tokenizer } from "../../src/model/tokenizer.ts";
import { join } from "../../src/std.ts";
import { assertEquals } from "../assert.ts";
import { GOLDEN_FOLDER, type GoldenCase, goldenCases, goldenTensors } from "../golden.ts";

interface GoldenTokenizer {
  readonly name: string;
  readonly files: {
    readonly vocab: unknown;
    readonly config: unknown;
    readonly special_tokens_map?: unknown;
    readonly added_tokens?: unknown;
    readonly target_lang?: string;
  };
  readonly special_tokens: string[];
  readonly vocabulary: Record<string, number>;
  readonly encoded: { readonly text: string; readonly ids: (number | null)[] }[];
  readonly decoded: {
    readonly ids: number[];
    readonly options: {
      readonly skip_special_tokens: boolean;
      readonly group_tokens: boolean;
      readonly spaces_between_special_tokens: boolean;
    };
    readonly text: string;
    readonly char_offsets: { char: string; start_offset: number; end_offset: number }[];
    readonly word_offsets: { word: string; start_offset: number; end_offset: number }[];
  }[];
}

const goldens: GoldenTokenizer[] = JSON.parse(
  Deno.readTextFileSync(join(GOLDEN_FOLDER, "tokenizers.json")),
);

function tokenizerOf({ files }: GoldenTokenizer): Tokenizer {
  return createTokenizer({
    vocab: files.vocab,
    tokenizerConfig: files.config,
    specialTokensMap: files.special_tokens_map,
    addedTokens: files.added_tokens,
  }, files.target_lang === undefined ? {} : { targetLang: files.target_lang });
}

for (const golden of goldens) {
  const tokenizer = tokenizerOf(golden);
  const { vocabulary } = tokenizer;

  Deno.test(`createTokenizer() reads what Wav2Vec2CTCTokenizer reads: ${golden.name}`, () => {
    assertEquals(Object.fromEntries(vocabulary.ids), golden.vocabulary);
    assertEquals([...vocabulary.specialTokens].sort(), golden.special_tokens);
  });

  Deno.test(`Tokenizer.encode() equals Wav2Vec2CTCTokenizer: ${golden.name}`, () => {
    const unknown = vocabulary.ids.get(vocabulary.unkToken!)!;
    for (const { text, ids } of golden.encoded) {
      // The reference has no id where the unknown token is an added one.
      assertEquals(tokenizer.encode(text), ids.map((id) => id ?? unknown), text);
    }
  });

  Deno.test(`Tokenizer.decode() equals Wav2Vec2CTCTokenizer: ${golden.name}`, () => {
    for (const { ids, options, text, char_offsets, word_offsets } of golden.decoded) {
      const decoded = tokenizer.decodeWithOffsets(ids, {
        skipSpecialTokens: options.skip_special_tokens,
        groupTokens: options.group_tokens,
        spacesBetweenSpecialTokens: options.spaces_between_special_tokens,
      });
      assertEquals(decoded.text, text);
      assertEquals(
        decoded.charOffsets,
        char_offsets.map(({ char, start_offset: startFrame, end_offset: endFrame }) => ({
          char,
          startFrame,
          endFrame,
        })),
      );
      assertEquals(
        decoded.wordOffsets,
        word_offsets.map(({ word, start_offset: startFrame, end_offset: endFrame }) => ({
          word,
          startFrame,
          endFrame,
        })),
      );
    }
  });
}

function readJson(...path: string[]): unknown {
  return JSON.parse(Deno.readTextFileSync(join(GOLDEN_FOLDER, ...path)));
}

for (const golden of goldenCases().filter(({ text }) => text !== undefined)) {
  Deno.test(`Tokenizer.batchDecode() reads logits as the reference does: ${golden.name}`, () => {
    assertEquals(transcribe(golden), [...golden.text!]);
  });
}

function transcribe(golden: GoldenCase): string[] {
  const { checkpoint, options: { target_lang } = {} } = golden;
  const tokenizer = createTokenizer({
    vocab: readJson(checkpoint, "vocab.json"),
    tokenizerConfig: readJson(checkpoint, "tokenizer_config.json"),
  }, target_lang === undefined ? {} : { targetLang: target_lang });
  const { data, shape: [batch, frames, size] } = goldenTensors(golden).expected.logits!;
  const best = Array.from({ length: batch! * frames! }, (_, frame) => {
    const scores = data.subarray(frame * size!, (frame + 1) * size!);
    return scores.indexOf(Math.max(...scores));
  });
  return tokenizer.batchDecode(
    Array.from({ length: batch! }, (_, row) => best.slice(row * frames!, (row + 1) * frames!)),
  );
}
