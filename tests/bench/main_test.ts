import { join } from "../../src/std.ts";
import { hubcap, MODEL, WITH_MODEL } from "../cli/fake_terminal.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";

Deno.test("hubcap bench lists its sub-commands, and each explains itself", async () => {
  const { code, output } = await hubcap(["bench"]);
  assertEquals(code, 0);
  const names = [...output.matchAll(/^ {2}([a-z]+) \[options\]/gm)].map((match) => match[1]!);
  assertEquals(names.length > 3, true, output);
  for (const name of names) {
    const help = await hubcap(["bench", name, "--help"]);
    assertEquals(help.code, 0);
    assertMatch(help.output, /Examples?:\n {2}hubcap bench/, name);
  }
});

Deno.test("hubcap bench says what is wrong with a call", async () => {
  const wrong = await hubcap(["bench", "accuracy", "--hop", "fast"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.errors, "--hop");
  const absent = await hubcap(["bench", "accuracy", "--clips", MODEL]);
  assertEquals(absent.code, 2);
  assertStringIncludes(absent.errors, "manifest.tsv");
  assertEquals((await hubcap(["bench", "speed"])).code, 2);
});

Deno.test("hubcap bench accuracy: records, table, plots, and a comparison with itself", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hubcap-test-" });
  try {
    const json = join(folder, "results.jsonl");
    const args = ["bench", "accuracy", ...WITH_MODEL, "--left", "1000"];
    const first = await hubcap([...args, "--json", json, "--plot", join(folder, "plots")]);
    assertEquals(first.code, 0, first.errors);
    const records = (await Deno.readTextFile(json)).trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    assertEquals(records.map((record) => record.case.mode), ["offline", "stream"]);
    assertEquals(records[0].measures.WER.counts.map(([, words]: number[]) => words), [7, 7, 13]);
    assertStringIncludes(first.output, "WER, %");
    assertMatch(await Deno.readTextFile(join(folder, "plots", "report.html")), /<svg[\s\S]*WER/);
    const again = await hubcap([...args, "--compare", json]);
    assertEquals(again.code, 0, again.errors);
    assertMatch(again.output, /mode stream.*\| WER \|.*\| same \|/);
    const report = await hubcap(["bench", "report", json]);
    assertStringIncludes(report.output, "WER, %");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("hubcap bench latency: a server of its own, words with their latencies", async () => {
  const args = ["bench", "latency", ...WITH_MODEL, "--only", "harbour", "--left", "1000"];
  const { code, output, errors } = await hubcap([...args, "--seconds", "1", "--rounds", "1"]);
  assertEquals(code, 0, errors);
  assertMatch(output, /final p95, ms/);
  const [head, , row] = output.trim().split("\n").slice(-3).map((line) =>
    line.split("|").map((cell) => cell.trim())
  ) as [string[], string[], string[]];
  const [interim, stable, final] = ["interim", "stable", "final"].map((name) =>
    Number(row[head.indexOf(`${name} p50, ms`)])
  ) as [number, number, number];
  assertEquals(interim <= stable && stable <= final && final < 60_000, true, output);
});
