/**
 * The vocabulary of a CTC tokenizer, from the files of a checkpoint:
 * `vocab.json`, `tokenizer_config.json`, `special_tokens_map.json` and
 * `added_tokens.json`.
 *
 * @module
 */
import { z } from "zod";
import { CheckpointError, UnsupportedConfigError } from "../errors.ts";

/** The parsed files; only `vocab.json` must be there. */
export interface TokenizerFiles {
  /** `vocab.json`: ids by token, or by language and token. */
  readonly vocab: unknown;
  /** `tokenizer_config.json`. */
  readonly tokenizerConfig?: unknown;
  /** `special_tokens_map.json`. */
  readonly specialTokensMap?: unknown;
  /** `added_tokens.json`. */
  readonly addedTokens?: unknown;
}

/** A token that is found in text as a whole, before text becomes characters. */
export interface AddedToken {
  /** The token. */
  readonly content: string;
  /** Whether spaces before it are dropped. */
  readonly lstrip: boolean;
  /** Whether spaces after it are dropped. */
  readonly rstrip: boolean;
  /** Whether it counts only between spaces. */
  readonly single_word: boolean;
}

/** Tokens, their ids, and how text becomes tokens and back. */
export interface Vocabulary {
  /** Ids by token. */
  readonly ids: ReadonlyMap<string, number>;
  /** Tokens by id. */
  readonly tokens: ReadonlyMap<number, string>;
  /** Tokens found as a whole. */
  readonly addedTokens: ReadonlyMap<string, AddedToken>;
  /** Tokens that are no text: padding, unknown, sentence ends, the word delimiter …. */
  readonly specialTokens: ReadonlySet<string>;
  /** The CTC blank. */
  readonly padToken: string | null;
  /** Stands for what no token covers. */
  readonly unkToken: string | null;
  /** Stands between words. */
  readonly wordDelimiterToken: string;
  /** What text has between words. */
  readonly replaceWordDelimiterChar: string;
  /** Whether tokens are upper case and text is lower case. */
  readonly doLowerCase: boolean;
  /** Whether spaces before punctuation are dropped when decoding, unless asked otherwise. */
  readonly cleanUpTokenizationSpaces: boolean;
  /** Languages `vocab.json` has a vocabulary for; none when it has just one. */
  readonly languages: readonly string[];
  /** The language this is the vocabulary of. */
  readonly targetLang: string | undefined;
}

const flatVocabulary = z.record(z.string(), z.int().min(0));
const nestedVocabulary = z.record(z.string(), flatVocabulary);

/** A token as files spell it: itself, or a record with its name in `content`. */
const token = z.union([z.string(), z.object({ content: z.string() }).transform((t) => t.content)]);
const optionalToken = token.nullable().optional();
const tokenList = z.union([z.array(token), z.record(z.string(), token).transform(Object.values)])
  .nullable().optional();
const addedToken = z.object({
  content: z.string(),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  single_word: z.boolean().default(false),
});

const namedTokens = {
  bos_token: optionalToken,
  eos_token: optionalToken,
  unk_token: optionalToken,
  sep_token: optionalToken,
  pad_token: optionalToken,
  cls_token: optionalToken,
  mask_token: optionalToken,
  word_delimiter_token: optionalToken,
  additional_special_tokens: tokenList,
  extra_special_tokens: tokenList,
};
const specialTokensMap = z.object(namedTokens);
const tokenizerConfig = z.object({
  tokenizer_class: z.string().nullable().optional(),
  ...namedTokens,
  replace_word_delimiter_char: z.string().default(" "),
  do_lower_case: z.boolean().default(false),
  clean_up_tokenization_spaces: z.boolean().nullable().default(false),
  target_lang: z.string().nullable().optional(),
  added_tokens_decoder: z.record(z.string(), addedToken).optional(),
});

type TokenizerConfig = z.infer<typeof tokenizerConfig>;

/** Classes that read and write as this one does. */
const TOKENIZER_CLASSES = ["Wav2Vec2CTCTokenizer", "Wav2Vec2Tokenizer"];

/** What transformers names these tokens when no file does. */
const DEFAULT_TOKENS = {
  bos_token: "<s>",
  eos_token: "</s>",
  unk_token: "<unk>",
  pad_token: "<pad>",
  word_delimiter_token: "|",
};

/**
 * Reads the vocabulary of one language, or the only one.
 *
 * @param files The parsed files.
 * @param options `targetLang` picks a language of a nested `vocab.json`;
 * without it `tokenizer_config.json` does.
 * @throws {CheckpointError} If a file does not hold what it should.
 * @throws {UnsupportedConfigError} If the tokenizer is of another class.
 * @throws {RangeError} If there is no vocabulary for the language.
 */
export function readVocabulary(
  files: TokenizerFiles,
  { targetLang }: { readonly targetLang?: string } = {},
): Vocabulary {
  const config = readConfig(files);
  const { base, languages, language } = pickLanguage(
    files.vocab,
    targetLang ?? config.target_lang ?? undefined,
  );
  const ids = new Map(Object.entries(base));
  const tokens = new Map(Object.entries(base).map(([token, id]) => [id, token]));
  const addedTokens = new Map<string, AddedToken>();
  const add = (id: number, added: AddedToken) => {
    if ((tokens.get(id) ?? added.content) !== added.content) return; // of another language
    if (!ids.has(added.content)) ids.set(added.content, id);
    tokens.set(id, added.content);
    addedTokens.set(added.content, added);
  };
  for (const [id, added] of listAddedTokens(config, files.addedTokens)) add(id, added);
  const specialTokens = listSpecialTokens(config);
  for (const content of specialTokens) {
    if (addedTokens.has(content)) continue;
    const added = { content, lstrip: false, rstrip: false, single_word: false };
    add(ids.get(content) ?? ids.size, added);
  }
  for (const [content, id] of Object.entries(base)) {
    if ([...content].length === 1) continue;
    add(id, { content, lstrip: true, rstrip: true, single_word: false });
  }
  return {
    ids,
    tokens,
    addedTokens,
    specialTokens: new Set(specialTokens),
    padToken: config.pad_token ?? null,
    unkToken: config.unk_token ?? null,
    wordDelimiterToken: config.word_delimiter_token ?? DEFAULT_TOKENS.word_delimiter_token,
    replaceWordDelimiterChar: config.replace_word_delimiter_char,
    doLowerCase: config.do_lower_case,
    cleanUpTokenizationSpaces: config.clean_up_tokenization_spaces ?? false,
    languages,
    targetLang: language,
  };
}

/** The config with its special tokens filled in: from the older file, then by default. */
function readConfig(files: TokenizerFiles): TokenizerConfig {
  const config = parse(tokenizerConfig, files.tokenizerConfig ?? {}, "tokenizer_config.json");
  const tokenizerClass = config.tokenizer_class ?? TOKENIZER_CLASSES[0]!;
  if (!TOKENIZER_CLASSES.includes(tokenizerClass)) {
    const supported = TOKENIZER_CLASSES.join(" or ");
    const where = { path: "tokenizer_config.json" };
    throw new UnsupportedConfigError("tokenizer_class", tokenizerClass, supported, where);
  }
  // A list of added tokens is the newer form, which has all that the older file says.
  const isOlder = config.added_tokens_decoder === undefined;
  const map = parse(specialTokensMap, files.specialTokensMap ?? {}, "special_tokens_map.json");
  return { ...DEFAULT_TOKENS, ...config, ...(isOlder ? map : {}) };
}

function pickLanguage(vocab: unknown, targetLang: string | undefined) {
  const flat = flatVocabulary.safeParse(vocab);
  if (flat.success && targetLang === undefined) {
    return { base: flat.data, languages: [], language: undefined };
  }
  if (flat.success) {
    throw new RangeError(
      `Cannot use language "${targetLang}" as vocab.json holds a single vocabulary, without languages`,
    );
  }
  const nested = parse(nestedVocabulary, vocab, "vocab.json");
  const languages = Object.keys(nested);
  if (targetLang !== undefined && Object.hasOwn(nested, targetLang)) {
    return { base: nested[targetLang]!, languages, language: targetLang };
  }
  throw new RangeError(
    `Cannot use ${
      targetLang === undefined ? "vocab.json without a language" : `language "${targetLang}"`
    } as it has vocabularies for ${languages.join(", ")} only. Choose one of them`,
  );
}

function listAddedTokens(
  { added_tokens_decoder: decoder }: TokenizerConfig,
  addedTokens: unknown,
): [number, AddedToken][] {
  if (decoder) return Object.entries(decoder).map(([id, added]) => [Number(id), added]);
  const older = parse(flatVocabulary, addedTokens ?? {}, "added_tokens.json");
  return Object.entries(older).map(([content, id]) => [
    id,
    { content, lstrip: false, rstrip: false, single_word: false },
  ]);
}

/** Special tokens in the order in which those without an id are given one. */
function listSpecialTokens(config: TokenizerConfig): string[] {
  const named = [
    config.bos_token,
    config.eos_token,
    config.unk_token,
    config.sep_token,
    config.pad_token,
    config.cls_token,
    config.mask_token,
    config.word_delimiter_token,
  ];
  const extra = config.extra_special_tokens ?? config.additional_special_tokens ?? [];
  const present = [...named, ...extra].filter((token) => token !== null && token !== undefined);
  return [...new Set(present)].filter((token) => token !== "");
}

function parse<T>(schema: z.ZodType<T>, json: unknown, path: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new CheckpointError(
    `Cannot read the tokenizer as ${path} does not fit: ${z.prettifyError(result.error)}`,
    { path },
  );
}
