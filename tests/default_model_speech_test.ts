/**
 * The model that comes with the project, on real recordings: its card says how
 * many words it gets wrong, and three recordings show that it still does so.
 *
 * @module
 */
import { defaultModel } from "../src/default_model.ts";
import { loadModel } from "../src/load_model.ts";
import { fromFileUrl, join } from "../src/std.ts";
import { transcribe } from "../src/transcribe.ts";
import { assert } from "./assert.ts";

const CLIPS = join(
  Deno.env.get("HUBCAP_SPEECH_DATA") ?? fromFileUrl(new URL("../../shared/data", import.meta.url)),
  "clips",
);
const FILES = ["LJ001-0004.flac", "ls_2609-156975-0000.flac", "an4_an36-fejs-b.flac"];
const MAX_WORD_ERROR_RATE = 0.25;

/** Edit distance of two sequences of words. */
function distance(a: readonly string[], b: readonly string[]): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row.at(-1)!;
}

const isThere = await Deno.stat(CLIPS).then(() => true, () => false);

Deno.test({
  name: `default model hears real speech${isThere ? "" : ` (skipped: no ${CLIPS})`}`,
  ignore: !isThere,
  async fn() {
    const source = await defaultModel();
    assert(source !== undefined, "a model comes with the project");
    await using model = await loadModel(source, { task: "ctc", backend: "cpu" });
    const manifest = await Deno.readTextFile(join(CLIPS, "manifest.tsv"));
    let errors = 0;
    let wordCount = 0;
    for (const file of FILES) {
      const truth = manifest.split("\n").find((line) => line.startsWith(file))!.split("\t")[2]!;
      const said = truth.toLowerCase().replaceAll(/[^a-z' ]/g, "").split(" ");
      const { text } = await transcribe(join(CLIPS, file), { model });
      errors += distance(said, text.split(" "));
      wordCount += said.length;
    }
    const rate = errors / wordCount;
    assert(rate < MAX_WORD_ERROR_RATE, `${(100 * rate).toFixed(1)} % of words are wrong`);
  },
});

Deno.test("default model says nothing to silence", async () => {
  const source = await defaultModel();
  assert(source !== undefined, "a model comes with the project");
  await using model = await loadModel(source, { task: "ctc", backend: "cpu" });
  const { words } = await transcribe(new Float32Array(16_000 * 20), { model });
  assert(words.length === 0, words.map(({ text }) => text).join(" "));
});
