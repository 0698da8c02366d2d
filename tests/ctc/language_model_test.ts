import { assert, assertAlmostEquals, assertEquals, assertThrows } from "../assert.ts";
import { readArpa } from "../../src/ctc/arpa.ts";
import { type LanguageContext, languageScorer } from "../../src/ctc/language_model.ts";
import type { NgramModel } from "../../src/ctc/ngram.ts";
import type { TokenScorer } from "../../src/ctc/prefix.ts";

const UNIGRAMS = ["-1 <unk>", "-2 so", "-3 sofa", "-1.5 it"];

async function modelOf(unigrams: readonly string[]): Promise<NgramModel> {
  const lines = ["\\data\\", `ngram 1=${unigrams.length}`, "\\1-grams:", ...unigrams, "\\end\\"];
  return await readArpa(ReadableStream.from([new TextEncoder().encode(lines.join("\n"))]));
}

/** What a scorer says of tokens, one after the other, and of an end there. */
function judge(scorer: TokenScorer<LanguageContext>, ids: readonly number[]) {
  let context = scorer.start;
  let sum = 0;
  const pending: number[] = [];
  for (const id of ids) {
    const judged = scorer.score(context, id);
    ({ context } = judged);
    sum += judged.logProb;
    pending.push(judged.pendingLogProb);
  }
  return { sum, pending, whole: sum + scorer.end(context) };
}

const worth = (log10: number) => 0.5 * Math.LN10 * log10 + 1.5;

Deno.test("words are judged when they are complete, beginnings by the likeliest word they may become", async () => {
  const texts = ["", "|", "s", "o", "f", "a", "x"];
  const vocabulary = { wordDelimiterId: 1, tokenText: (id: number) => texts[id]! };
  const scorer = languageScorer(await modelOf(UNIGRAMS), vocabulary);
  const so = judge(scorer, [2, 3, 1]);
  assertAlmostEquals(so.sum, worth(-2), 1e-9);
  assertEquals(so.pending, [worth(-2), worth(-2), 0]);
  assertEquals(judge(scorer, [2, 3, 4]).pending.at(-1), worth(-3), "only sofa is left");
  assertAlmostEquals(judge(scorer, [1, 2, 3]).whole, worth(-2), 1e-9);
  assertAlmostEquals(judge(scorer, [2, 3, 4, 5, 1, 2, 3]).whole, worth(-3) + worth(-2), 1e-9);
  const unknown = judge(scorer, [2, 6, 1]);
  assertEquals(unknown.pending, [worth(-2), worth(-1 - 10), 0], "as the word, once complete");
  assertAlmostEquals(unknown.sum, worth(-1 - 10), 1e-9);
  assertAlmostEquals(judge(scorer, [2, 3, 4]).whole, worth(-11), 1e-9, "a beginning is no word");
});

Deno.test("sub-words that begin a word complete the one before", async () => {
  const texts = ["", "▁so", "fa", "▁it", "▁", "so"];
  const scorer = languageScorer(await modelOf(UNIGRAMS), { tokenText: (id) => texts[id]! });
  assertAlmostEquals(judge(scorer, [1, 3]).sum, worth(-2), 1e-9);
  assertAlmostEquals(judge(scorer, [1, 2, 4, 5]).whole, worth(-3) + worth(-2), 1e-9);
});

Deno.test("capitals count only where the words have both kinds", async () => {
  const texts = ["", "|", "IT"];
  const vocabulary = { wordDelimiterId: 1, tokenText: (id: number) => texts[id]! };
  const whole = (model: NgramModel) => judge(languageScorer(model, vocabulary), [2]).whole;
  assertAlmostEquals(whole(await modelOf(UNIGRAMS)), worth(-1.5), 1e-9);
  const capitals = UNIGRAMS.map((line) => line.includes("<") ? line : line.toUpperCase());
  assertAlmostEquals(whole(await modelOf(capitals)), worth(-1.5), 1e-9);
  assertAlmostEquals(whole(await modelOf([...UNIGRAMS, "-1 It"])), worth(-11), 1e-9);
});

Deno.test("weights that are no numbers are refused", async () => {
  const model = await modelOf(UNIGRAMS);
  const vocabulary = { tokenText: () => "" };
  for (const weights of [{ weight: NaN }, { wordBonus: Infinity }, { unknownScore: -Infinity }]) {
    assertThrows(() => languageScorer(model, vocabulary, weights), RangeError, "must be a number");
  }
  assert(languageScorer(model, vocabulary, { weight: 0 }).end !== undefined);
});
