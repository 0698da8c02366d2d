import { listClips } from "../../bench/clips.ts";
import { UsageError } from "../../src/cli/command.ts";
import { join } from "../../src/std.ts";
import { assertEquals, assertRejects } from "../assert.ts";

async function withManifest(text: string, test: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "hubcap-test-" });
  try {
    await Deno.writeTextFile(join(folder, "manifest.tsv"), text);
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const TABLE =
  "seconds\tfile\ttranscript\r\n1\ta.wav\tOne.\r\n2\tb.wav\tTwo.\r\n3\tc.wav\tThree.\r\n";

Deno.test("listClips finds columns by their names, picks by name, spreads a limit", async () => {
  await withManifest(TABLE, async (clips) => {
    const all = await listClips({ clips });
    assertEquals(all.map(({ name, transcript }) => [name, transcript]), [
      ["a.wav", "One."],
      ["b.wav", "Two."],
      ["c.wav", "Three."],
    ]);
    const names = async (values: object) =>
      (await listClips({ clips, ...values })).map(({ name }) => name);
    assertEquals(await names({ only: "^[bc]" }), ["b.wav", "c.wav"]);
    assertEquals(await names({ limit: 2 }), ["a.wav", "b.wav"]);
  });
});

Deno.test("listClips says what is wrong with a folder", async () => {
  await withManifest("path\ttext\nx\ty\n", async (clips) => {
    await assertRejects(() => listClips({ clips }), UsageError, '"file"');
  });
  await withManifest(TABLE, async (clips) => {
    await assertRejects(() => listClips({ clips, only: "z" }), UsageError, "z");
  });
  await assertRejects(() => listClips({ clips: "/nowhere" }), UsageError, "manifest.tsv");
});
