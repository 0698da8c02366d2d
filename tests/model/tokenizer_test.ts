import { CheckpointError, UnsupportedConfigError } from "../../src/errors.ts";
import { createTokenizer } from "../../src/model/tokenizer.ts";
import { assertEquals, assertThrows } from "../assert.ts";

const vocab = { "<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "A": 5, "B": 6, "L": 7 };
const languages = { eng: { ...vocab, "E": 8 }, fra: { ...vocab, "É": 8 } };

Deno.test("Tokenizer.decode() keeps letters apart that a blank parts", () => {
  const tokenizer = createTokenizer({ vocab });
  assertEquals(tokenizer.decode([6, 6, 5, 0, 7, 7, 0, 7]), "BALL");
  assertEquals(tokenizer.decode([6, 5, 7, 7], { groupTokens: false }), "BALL");
});

Deno.test("Tokenizer.decodeWithOffsets() says where words lie", () => {
  const tokenizer = createTokenizer({ vocab });
  const { text, wordOffsets } = tokenizer.decodeWithOffsets([0, 5, 5, 4, 0, 6, 0, 5, 4, 4]);
  assertEquals(text, "A BA");
  assertEquals(wordOffsets, [
    { word: "A", startFrame: 1, endFrame: 3 },
    { word: "BA", startFrame: 5, endFrame: 8 },
  ]);
});

Deno.test("Tokenizer.decode() takes typed arrays and survives ids of no token", () => {
  const tokenizer = createTokenizer({ vocab });
  assertEquals(tokenizer.decode(Int32Array.of(5, 99, -1)), "A<unk>");
});

Deno.test("Tokenizer.decode() drops spaces before punctuation when asked", () => {
  const tokenizer = createTokenizer({ vocab: { ...vocab, ".": 8, "'": 9, "s": 10 } });
  const ids = [5, 4, 9, 10, 4, 6, 4, 8];
  assertEquals(tokenizer.decode(ids), "A 's B .");
  assertEquals(tokenizer.decode(ids, { cleanUpTokenizationSpaces: true }), "A's B.");
});

Deno.test("Tokenizer.encode() and decode() are inverse for text the vocabulary covers", () => {
  const tokenizer = createTokenizer({ vocab, tokenizerConfig: { do_lower_case: true } });
  assertEquals(tokenizer.encode("all balls"), [5, 7, 7, 4, 6, 5, 7, 7, 3]);
  const ids = tokenizer.encode("ab all ball");
  assertEquals(tokenizer.decode(ids, { groupTokens: false }), "ab all ball");
});

Deno.test("Tokenizer.encode() fails where there is no unknown token", () => {
  const tokenizer = createTokenizer({ vocab, tokenizerConfig: { unk_token: null } });
  assertThrows(() => tokenizer.encode("AX"), RangeError, '"X"');
});

Deno.test("Tokenizer.encode() takes a word delimiter of several characters", () => {
  const tokenizer = createTokenizer({
    vocab: { ...vocab, "<space>": 8 },
    tokenizerConfig: { word_delimiter_token: "<space>" },
  });
  assertEquals(tokenizer.encode("A B"), [5, 8, 6]);
  assertEquals(tokenizer.decode([5, 8, 6]), "A B");
});

Deno.test("Tokenizer.forLanguage() switches the vocabulary", () => {
  const files = { vocab: languages, tokenizerConfig: { target_lang: "eng" } };
  const english = createTokenizer(files);
  assertEquals(english.vocabulary.languages, ["eng", "fra"]);
  assertEquals(english.encode("É"), [3]);
  const french = english.forLanguage("fra");
  assertEquals(french.vocabulary.targetLang, "fra");
  assertEquals(french.encode("É"), [8]);
  assertEquals(english.decode([8]), "E");
});

Deno.test("createTokenizer() ignores added tokens of another language", () => {
  const tokenizerConfig = { added_tokens_decoder: { 8: { content: "CH" } } };
  const tokenizer = createTokenizer({ vocab: languages, tokenizerConfig }, { targetLang: "fra" });
  assertEquals(tokenizer.vocabulary.ids.has("CH"), false);
  assertEquals(tokenizer.decode([8]), "É");
});

Deno.test("createTokenizer() names the languages there are", () => {
  assertThrows(() => createTokenizer({ vocab: languages }), RangeError, "eng, fra");
  const options = { targetLang: "deu" };
  assertThrows(() => createTokenizer({ vocab: languages }, options), RangeError, '"deu"');
  assertThrows(() => createTokenizer({ vocab }, options), RangeError, "single vocabulary");
});

Deno.test("createTokenizer() takes special tokens written as records", () => {
  const record = { content: "[PAD]", lstrip: false, rstrip: false, __type: "AddedToken" };
  const specialTokensMap = { pad_token: record, additional_special_tokens: [record, "<x>"] };
  const { vocabulary } = createTokenizer({ vocab, specialTokensMap });
  assertEquals(vocabulary.padToken, "[PAD]");
  assertEquals([...vocabulary.ids].slice(-2), [["[PAD]", 8], ["<x>", 9]]);
});

Deno.test("createTokenizer() names the file that does not fit", () => {
  const bad = [
    [{ vocab: { a: "b" } }, "vocab.json"],
    [{ vocab: null }, "vocab.json"],
    [{ vocab, tokenizerConfig: { do_lower_case: "no" } }, "tokenizer_config.json"],
    [{ vocab, specialTokensMap: { pad_token: 1 } }, "special_tokens_map.json"],
    [{ vocab, addedTokens: [] }, "added_tokens.json"],
  ] as const;
  for (const [files, path] of bad) {
    const error = assertThrows(() => createTokenizer(files), CheckpointError, path);
    assertEquals(error.path, path);
  }
});

Deno.test("createTokenizer() refuses tokenizers of another class", () => {
  const tokenizerConfig = { tokenizer_class: "Wav2Vec2PhonemeCTCTokenizer" };
  const error = assertThrows(
    () => createTokenizer({ vocab, tokenizerConfig }),
    UnsupportedConfigError,
    "Wav2Vec2CTCTokenizer",
  );
  assertEquals(error.field, "tokenizer_class");
});

Deno.test("Tokenizer.encode() works without any special token", () => {
  const none = { pad_token: null, unk_token: null, bos_token: null, eos_token: null };
  const tokenizerConfig = { ...none, word_delimiter_token: "" };
  assertEquals(createTokenizer({ vocab: { a: 0, b: 1 }, tokenizerConfig }).encode("ab"), [0, 1]);
});
