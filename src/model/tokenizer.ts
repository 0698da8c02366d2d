/**
 * Text to CTC labels and CTC labels to text, equal to transformers'
 * `Wav2Vec2CTCTokenizer`.
 *
 * @module
 */
import { readVocabulary, type TokenizerFiles, type Vocabulary } from "./vocabulary.ts";

export type { AddedToken, TokenizerFiles, Vocabulary } from "./vocabulary.ts";

/** Options of {@linkcode Tokenizer.decode}. */
export interface DecodeOptions {
  /** Whether equal neighbours become one, as CTC wants; not for labels. @default {true} */
  readonly groupTokens?: boolean;
  /**
   * Whether special tokens other than the word delimiter are left out before
   * anything else. The blank is one of them, so with `groupTokens` doubled
   * letters become one: meant for labels. @default {false}
   */
  readonly skipSpecialTokens?: boolean;
  /** Whether spaces before punctuation are dropped. @default {the tokenizer's config} */
  readonly cleanUpTokenizationSpaces?: boolean;
  /** Whether all tokens are joined by spaces. @default {false} */
  readonly spacesBetweenSpecialTokens?: boolean;
}

/** A character, which is a token, in the frames it was read from. */
export interface CharOffset {
  /** The token; the word delimiter as it is in text. */
  readonly char: string;
  /** Its first frame. Counts only tokens kept, if special tokens are skipped. */
  readonly startFrame: number;
  /** The frame after its last. */
  readonly endFrame: number;
}

/** A word in the frames it was read from. */
export interface WordOffset {
  /** Its tokens. */
  readonly word: string;
  /** First frame of its first token. */
  readonly startFrame: number;
  /** The frame after the last of its last token. */
  readonly endFrame: number;
}

/** Decoded text and where its parts were read. */
export interface DecodedText {
  /** The text. */
  readonly text: string;
  /** Its tokens. */
  readonly charOffsets: CharOffset[];
  /** Its words. */
  readonly wordOffsets: WordOffset[];
}

/** Turns text into ids and ids into text, for one language. */
export interface Tokenizer {
  /** Tokens, ids, languages. */
  readonly vocabulary: Vocabulary;
  /** Ids of a text. What no token covers is the unknown token. */
  encode(text: string): number[];
  /** Text of the ids of frames, or of labels. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string;
  /** Text of the ids of frames, with the frames of each character and word. */
  decodeWithOffsets(ids: ArrayLike<number>, options?: DecodeOptions): DecodedText;
  /** Text of each list of ids. */
  batchDecode(batch: readonly ArrayLike<number>[], options?: DecodeOptions): string[];
  /**
   * The tokenizer of another language of the same checkpoint.
   *
   * @throws {RangeError} If there is no vocabulary for it.
   */
  forLanguage(targetLang: string): Tokenizer;
}

/**
 * The tokenizer of a checkpoint.
 *
 * @param files The parsed files.
 * @param options `targetLang` picks a language of a nested `vocab.json`.
 * @throws {CheckpointError} If a file does not hold what it should.
 * @throws {UnsupportedConfigError} If the tokenizer is of another class.
 * @throws {RangeError} If there is no vocabulary for the language.
 *
 * @example
 * ```ts
 * import { createTokenizer } from "./tokenizer.ts";
 * import { assertEquals } from "../../tests/assert.ts";
 *
 * const tokenizer = createTokenizer({ vocab: { "<pad>": 0, "<unk>": 1, "|": 2, "A": 3, "L": 4 } });
 * assertEquals(tokenizer.encode("ALL A"), [3, 4, 4, 2, 3]);
 * assertEquals(tokenizer.decode([3, 3, 4, 0, 4, 2, 2, 0, 3]), "ALL A");
 * ```
 */
export function createTokenizer(
  files: TokenizerFiles,
  options: { readonly targetLang?: string } = {},
): Tokenizer {
  const vocabulary = readVocabulary(files, options);
  const split = splitter(vocabulary);
  const decodeWithOffsets = (ids: ArrayLike<number>, options: DecodeOptions = {}) =>
    decode(vocabulary, ids, options);
  const unknown = vocabulary.ids.get(vocabulary.unkToken ?? "");
  return {
    vocabulary,
    encode: (text) =>
      split(text).map((token) => {
        const id = vocabulary.ids.get(token) ?? unknown;
        if (id !== undefined) return id;
        throw new RangeError(
          `Cannot encode "${token}" as it is no token, and the tokenizer has no unknown token`,
        );
      }),
    decodeWithOffsets,
    decode: (ids, options) => decodeWithOffsets(ids, options).text,
    batchDecode: (batch, options) => batch.map((ids) => decodeWithOffsets(ids, options).text),
    forLanguage: (targetLang) => createTokenizer(files, { targetLang }),
  };
}

/** A function that cuts text into tokens: added tokens whole, the rest by character. */
function splitter(vocabulary: Vocabulary): (text: string) => string[] {
  const { addedTokens, doLowerCase, wordDelimiterToken } = vocabulary;
  const longestFirst = [...addedTokens.keys()].sort((a, b) => b.length - a.length);
  const alternatives = longestFirst.map((token) => RegExp.escape(token)).join("|");
  const pattern = new RegExp(`(${alternatives || "(?!)"})`);
  const toTokens = (piece: string) =>
    [...(doLowerCase ? piece.toUpperCase() : piece)]
      .map((char) => char === " " ? wordDelimiterToken : char);
  return (text) =>
    stripAround(text.split(pattern).filter((piece) => piece !== ""), vocabulary)
      .flatMap((piece) => addedTokens.has(piece) ? [piece] : toTokens(piece));
}

/** Drops spaces around added tokens that ask for it, and unmakes those that are no word of their own. */
function stripAround(pieces: string[], { addedTokens }: Vocabulary): string[] {
  for (const [i, piece] of pieces.entries()) {
    const added = addedTokens.get(piece);
    if (added === undefined) continue;
    const left = pieces[i - 1];
    const right = pieces[i + 1];
    if (added.rstrip && right) pieces[i + 1] = right.trimStart();
    if (added.lstrip && left) pieces[i - 1] = left.trimEnd();
    if (!added.single_word) continue;
    if (left && !left.endsWith(" ")) {
      pieces[i - 1] += piece;
      pieces[i] = "";
    } else if (right && !right.startsWith(" ")) {
      pieces[i + 1] = piece + pieces[i + 1];
      pieces[i] = "";
    }
  }
  return pieces;
}

function decode(
  vocabulary: Vocabulary,
  ids: ArrayLike<number>,
  options: DecodeOptions,
): DecodedText {
  const {
    groupTokens = true,
    skipSpecialTokens = false,
    cleanUpTokenizationSpaces = vocabulary.cleanUpTokenizationSpaces,
    spacesBetweenSpecialTokens = false,
  } = options;
  const { padToken, specialTokens, wordDelimiterToken, replaceWordDelimiterChar } = vocabulary;
  const tokens = Array.from(
    ids,
    (id) => vocabulary.tokens.get(id) ?? vocabulary.unkToken ?? "",
  ).filter((token) =>
    !skipSpecialTokens || token === wordDelimiterToken || !specialTokens.has(token)
  );
  const charOffsets = runs(tokens, groupTokens)
    .filter(({ char }) => char !== padToken)
    .map((offset) =>
      offset.char === wordDelimiterToken ? { ...offset, char: replaceWordDelimiterChar } : offset
    );
  const joined = charOffsets.map(({ char }) => char)
    .join(spacesBetweenSpecialTokens ? " " : "").trim();
  const text = vocabulary.doLowerCase ? joined.toLowerCase() : joined;
  return {
    text: cleanUpTokenizationSpaces ? cleanUp(text) : text,
    charOffsets,
    wordOffsets: words(charOffsets, replaceWordDelimiterChar),
  };
}

/** Equal neighbours as one, or each token by itself. */
function runs(tokens: readonly string[], grouped: boolean): CharOffset[] {
  const found: CharOffset[] = [];
  for (const [frame, char] of tokens.entries()) {
    const last = found.at(-1);
    const extended = { char, startFrame: frame, endFrame: frame + 1 };
    if (grouped && last?.char === char) {
      found[found.length - 1] = { ...extended, startFrame: last.startFrame };
    } else found.push(extended);
  }
  return found;
}

/** What lies between delimiters. */
function words(offsets: readonly CharOffset[], delimiter: string): WordOffset[] {
  const found: WordOffset[] = [];
  let current: WordOffset | undefined;
  for (const { char, startFrame, endFrame } of offsets) {
    if (char !== delimiter) {
      current = current === undefined
        ? { word: char, startFrame, endFrame }
        : { ...current, word: current.word + char, endFrame };
    } else if (current !== undefined) {
      found.push(current);
      current = undefined;
    }
  }
  return current === undefined ? found : [...found, current];
}

/** Spaces that English does not have, in the order they are dropped. */
const NEEDLESS_SPACES = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
] as const;

function cleanUp(text: string): string {
  return NEEDLESS_SPACES.reduce((cleaned, [from, to]) => cleaned.replaceAll(from, to), text);
}
