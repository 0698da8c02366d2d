/**
 * A model's tokenizer, as the making of words sees it.
 *
 * @module
 */
import type { SpeechModel } from "./speech_model.ts";
import type { Vocabulary } from "./stitch/vocabulary.ts";

/** What words need to know of a CTC model's tokenizer. */
export function vocabularyOf(model: SpeechModel<"ctc">): Vocabulary {
  const { tokenizer, config } = model;
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
