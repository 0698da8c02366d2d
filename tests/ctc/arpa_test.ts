import { assertAlmostEquals, assertEquals, assertRejects } from "../assert.ts";
import { readArpa } from "../../src/ctc/arpa.ts";
import type { NgramModel } from "../../src/ctc/ngram.ts";
import { CheckpointError } from "../../src/errors.ts";

const LINES = [
  "a comment of the tool that wrote it",
  "\\data\\",
  "ngram 1=4",
  "ngram 2=2",
  "",
  "\\1-grams:",
  "-1.5\tzoë\t-0.25",
  "-0.5\tso\t-0.3",
  "-2\tit",
  "-1 \\ -0.1",
  "",
  "\\2-grams:",
  "-0.1\tso it",
  "-0.2\tzoë so",
  "",
  "\\end\\",
  "what follows is nobody's business",
];

function read(lines: readonly string[], chunkLength = Infinity): Promise<NgramModel> {
  const bytes = new TextEncoder().encode(lines.join("\r\n"));
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += chunkLength) {
    chunks.push(bytes.subarray(at, Math.min(bytes.length, at + chunkLength)));
  }
  return readArpa(ReadableStream.from(chunks));
}

Deno.test("grams, back-offs and words are read, however the bytes come", async () => {
  for (const chunkLength of [1, 7, Infinity]) {
    const model = await read(LINES, chunkLength);
    assertEquals([model.order, [...model.words]], [2, ["\\", "it", "so", "zoë"]]);
    const score = (first: string, word: string) => {
      const { history } = model.score(model.nullHistory, model.idOf(first));
      return model.score(history, model.idOf(word)).log10Prob;
    };
    assertAlmostEquals(score("so", "it"), -0.1, 1e-6);
    assertAlmostEquals(score("zoë", "so"), -0.2, 1e-6);
    assertAlmostEquals(score("zoë", "it"), -0.25 - 2, 1e-6);
    assertAlmostEquals(score("it", "so"), -0.5, 1e-6, "no back-off is one of 1");
    assertEquals([model.idOf("nobody"), model.idOf("s"), model.idOf("")], [-1, -1, -1]);
  }
});

Deno.test("a word that is nowhere is unlikely, and nothing is known after it", async () => {
  const model = await read(LINES);
  const { history } = model.score(model.nullHistory, model.idOf("so"));
  const unknown = model.score(history, -1);
  assertEquals(unknown, { log10Prob: -7, history: model.nullHistory });
  assertEquals(model.endScore(history), 0);
  assertEquals(model.startHistory, model.nullHistory);
});

Deno.test("files that are damaged, or something else, are refused with the line", async () => {
  const without = (line: string) => LINES.filter((text) => text !== line);
  const instead = (line: string, other: string) =>
    LINES.map((text) => text === line ? other : text);
  const cases: [string[], string][] = [
    [["trie 5gram.bin"], "no \\data\\"],
    [LINES.slice(0, -2), "without \\end\\"],
    [without("-0.2\tzoë so"), "line 15 it has fewer 2-grams"],
    [instead("ngram 2=2", "ngram 2=1"), "line 14 it has more 2-grams"],
    [instead("ngram 2=2", "ngram 3=2"), 'cannot be "ngram 3=2"'],
    [instead("ngram 1=4", "ngram 1=99999999999"), "cannot be"],
    [instead("-0.1\tso it", "-0.1\tso that"), 'the parts of "so that" are no grams'],
    [instead("-0.1\tso it", "-0.1\tsuch it"), "no grams"],
    [instead("-0.1\tso it", "-0.1\tso"), "is no 2-gram"],
    [instead("-0.1\tso it", "0.1\tso it"), "is no 2-gram"],
    [instead("-0.5\tso\t-0.3", "-0.5\tso\tmuch"), "is no 1-gram"],
    [instead("\\2-grams:", "\\3-grams:"), '"\\3-grams:" must not come after 1-grams'],
    [["\\data\\", "\\end\\"], "must not come after 0-grams"],
  ];
  for (const [lines, message] of cases) {
    await assertRejects(() => read(lines), CheckpointError, message);
  }
});
