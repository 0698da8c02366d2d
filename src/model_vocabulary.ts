/**
 * A model's tokenizer and language model, as the making of words sees them.
 *
 * @module
 */
import type { LanguageModel } from "./language_model.ts";
import type { ModelConfig } from "./model/family.ts";
import type { Tokenizer } from "./model/tokenizer.ts";
import type { SpeechModel } from "./speech_model.ts";
import type { Vocabulary } from "./stitch/vocabulary.ts";

/** What words are spelled by, whichever copy of a model computed their frames. A plain record. */
export interface Spelling {
  /** The language, of a model with adapters; undefined is that of the main weights. */
  readonly targetLang: string | undefined;
  /** Its tokens. */
  readonly vocabulary: Vocabulary;
  /** The language model, for beam search. */
  readonly languageModel: LanguageModel | undefined;
}

/**
 * How a model spells.
 *
 * @throws {TypeError} If its checkpoint has no vocabulary.
 */
export function spellingOf(model: SpeechModel<"ctc">): Spelling {
  const { targetLang, languageModel } = model;
  return { targetLang, vocabulary: vocabularyOf(model), languageModel };
}

/** What words need to know of a CTC model's tokenizer. */
export function vocabularyOf(
  { tokenizer, config }: { readonly tokenizer: Tokenizer; readonly config: ModelConfig },
): Vocabulary {
  const { tokens, ids, specialTokens, wordDelimiterToken, doLowerCase } = tokenizer.vocabulary;
  const texts = new Map([...tokens].map(([id, token]) => {
    const text = specialTokens.has(token) ? "" : doLowerCase ? token.toLowerCase() : token;
    return [id, text];
  }));
  return {
    blankId: config.pad_token_id ?? 0,
    wordDelimiterId: ids.get(wordDelimiterToken),
    tokenText: (id) => texts.get(id) ?? "",
  };
}
