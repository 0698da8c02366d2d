/** What KenLM and pyctcdecode say, made by `tests/golden/make_language_model.py`. */
import { assert, assertAlmostEquals, assertEquals } from "../assert.ts";
import { readArpa } from "../../src/ctc/arpa.ts";
import {
  beamDecoder,
  type BeamOptions,
  decodeBeam,
  flushBeam,
  hypothesesOf,
  startBeam,
} from "../../src/ctc/beam.ts";
import type { TokenSpan } from "../../src/ctc/decoder.ts";
import { emissionsFromLogits } from "../../src/ctc/emissions.ts";
import { type LanguageContext, languageScorer } from "../../src/ctc/language_model.ts";
import type { NgramModel } from "../../src/ctc/ngram.ts";
import { join } from "../../src/std.ts";
import { GOLDEN_FOLDER } from "../golden.ts";
import { chunked } from "./random_emissions.ts";

const FOLDER = join(GOLDEN_FOLDER, "language_model");

const WIDTHS = {
  exhaustive: { beamWidth: Infinity, minTokenLogProb: -30, maxScoreGap: Infinity },
  // wide enough to lose nothing that the reference, which ranks beginnings of words otherwise, keeps
  usual: { beamWidth: 200, minTokenLogProb: -5, maxScoreGap: 15 },
} as const;

interface Case {
  readonly kind: keyof typeof WIDTHS;
  readonly alpha: number;
  readonly beta: number;
  readonly unk_score_offset: number;
  readonly lm_score_boundary: boolean;
  readonly logits: number[][];
  readonly hypotheses: { text: string; logProb: number; score: number }[];
}

interface Expected {
  readonly labels: string[];
  readonly scores: { sentence: string; sentenceScores: number[]; plainScores: number[] }[];
  readonly cases: Case[];
}

const EXPECTED: Expected = JSON.parse(await Deno.readTextFile(join(FOLDER, "expected.json")));
const { labels } = EXPECTED;

async function smallModel(): Promise<NgramModel> {
  const { readable } = await Deno.open(join(FOLDER, "small.arpa"));
  return await readArpa(readable);
}

function optionsOf(golden: Case, model: NgramModel): BeamOptions<LanguageContext> {
  const vocabulary = { wordDelimiterId: 1, tokenText: (id: number) => labels[id]! };
  const scorer = languageScorer(model, vocabulary, {
    weight: golden.alpha,
    wordBonus: golden.beta,
    unknownScore: golden.unk_score_offset,
    isSentence: golden.lm_score_boundary,
  });
  return { blankId: 0, delimiterId: 1, scorer, ...WIDTHS[golden.kind] };
}

function emissionsOf({ logits }: Case) {
  return emissionsFromLogits(new Float32Array(logits.flat()), { vocabularySize: labels.length });
}

function textOf(tokens: readonly TokenSpan[]): string {
  return tokens.map(({ id }) => labels[id]!).join("").trim().replaceAll(/ +/g, " ");
}

Deno.test("n-grams are worth what KenLM says", async () => {
  const model = await smallModel();
  for (const { sentence, sentenceScores, plainScores } of EXPECTED.scores) {
    const score = (start: readonly number[]) => {
      let history = start;
      const scores = sentence.split(" ").map((word) => {
        const scored = model.score(history, model.idOf(word));
        history = scored.history;
        return scored.log10Prob;
      });
      return { scores, end: model.endScore(history) };
    };
    const { scores, end } = score(model.startHistory);
    [...scores, end].forEach((value, i) =>
      assertAlmostEquals(value, sentenceScores[i]!, 1e-4, sentence)
    );
    score(model.nullHistory).scores.forEach((value, i) =>
      assertAlmostEquals(value, plainScores[i]!, 1e-4, sentence)
    );
  }
});

Deno.test("texts and their scores are pyctcdecode's", async () => {
  const model = await smallModel();
  let sameCount = 0;
  for (const [index, golden] of EXPECTED.cases.entries()) {
    const options = optionsOf(golden, model);
    const { state } = decodeBeam(startBeam<LanguageContext>(options), emissionsOf(golden), options);
    const found = hypothesesOf(state, { ...options, count: golden.hypotheses.length });
    for (const [rank, { text, logProb, score }] of golden.hypotheses.entries()) {
      const at = `case ${index}, rank ${rank}`;
      if (golden.kind === "usual") {
        // there a text takes a place in the narrow beam for each of its endings
        assert(found[rank]!.score > score - 1e-3, at);
        if (textOf(found[rank]!.tokens) === text) sameCount++;
        continue;
      }
      assertEquals(textOf(found[rank]!.tokens), text, at);
      assertAlmostEquals(found[rank]!.logProb, logProb, 1e-3, at);
      assertAlmostEquals(found[rank]!.score, score, 1e-3, at);
    }
  }
  assertEquals(sameCount, 10, "of 15 long ones; the others are better texts by the same score");
});

Deno.test("however the frames are cut, the tokens with a language model are the same", async () => {
  const model = await smallModel();
  for (const golden of EXPECTED.cases.filter(({ kind }) => kind === "usual").slice(0, 4)) {
    for (const settleAfterFrames of [4, Infinity]) {
      const decoder = beamDecoder({ ...optionsOf(golden, model), settleAfterFrames });
      const decodeAll = (lengths: readonly number[]) => {
        let state = decoder.start(0);
        const tokens: TokenSpan[] = [];
        for (const chunk of chunked(emissionsOf(golden), lengths)) {
          const step = decoder.decode(state, chunk);
          tokens.push(...step.tokens);
          state = step.state;
        }
        return [...tokens, ...flushBeam(state, optionsOf(golden, model)).tokens];
      };
      const whole = decodeAll([]);
      assert(whole.length > 0);
      for (const lengths of [Array(60).fill(1), [7, 0, 4, 9, 1]]) {
        assertEquals(decodeAll(lengths), whole);
      }
    }
  }
});
