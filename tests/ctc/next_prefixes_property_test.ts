import fc from "../property.ts";
import { nextPrefixes } from "../../src/ctc/next_prefixes.ts";
import {
  emptyText,
  impossible,
  type Prefix,
  scoreOf,
  type TokenScorer,
} from "../../src/ctc/prefix.ts";
import { assertEquals } from "../assert.ts";

const MAX_SCORE_GAP = 4;

/** Praises and blames tokens by the one before, at once and for the time being. */
const scorer: TokenScorer<number> = {
  start: 0,
  score: (last, id) => ({
    logProb: (last * 7 + id * 3) % 5 - 2,
    pendingLogProb: -((last + id) % 3),
    context: id,
  }),
  end: () => 0,
};

/** What is within reach of the best: texts with what is known of them, in the order of their keys. */
function withinReach(prefixes: readonly Prefix<number>[]): Prefix<number>[] {
  const best = Math.max(...prefixes.map(scoreOf));
  return prefixes.filter((prefix) => scoreOf(prefix) >= best - MAX_SCORE_GAP)
    .sort((a, b) => a.text.key - b.text.key);
}

Deno.test("texts that are not made are those that would have been dropped", () => {
  const logProb = fc.double({ min: -6, max: 0, noNaN: true });
  const frames = fc.array(fc.array(logProb, { minLength: 4, maxLength: 4 }), { maxLength: 8 });
  let spared = 0;
  fc.assert(fc.property(frames, (rows) => {
    const rules = { blankId: 0, delimiterId: 1, scorer };
    const blank = { logProb: 0, bestLogProb: 0, path: undefined };
    let prefixes: Prefix<number>[] = [{ text: emptyText(1), blank, token: impossible() }];
    for (const [frame, row] of rows.entries()) {
      const tokens = row.map((logProb, id) => ({ id, logProb, frame }));
      const all = nextPrefixes(prefixes, tokens, { ...rules, maxScoreGap: Infinity });
      const some = nextPrefixes(prefixes, tokens, { ...rules, maxScoreGap: MAX_SCORE_GAP });
      spared += all.length - some.length;
      assertEquals(withinReach(some), withinReach(all));
      prefixes = withinReach(all);
    }
  }));
  assertEquals(spared > 0, true);
});
