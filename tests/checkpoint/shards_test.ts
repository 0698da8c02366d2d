import { openSafetensors } from "../../src/checkpoint/safetensors.ts";
import { openShards } from "../../src/checkpoint/shards.ts";
import { CheckpointError } from "../../src/errors.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { safetensorsOf, TemporaryFolder } from "./files.ts";

Deno.test("openShards() reads several files as one", async () => {
  await using at = new TemporaryFolder();
  await at.write("1.safetensors", safetensorsOf({ a: [1], b: [2, 3] }));
  await at.write("2.safetensors", safetensorsOf({ c: [4] }));
  const weight_map = { a: "1.safetensors", b: "1.safetensors", c: "2.safetensors" };
  const index = await at.write("index.json", { metadata: { total_size: 16 }, weight_map });
  await using store = await openShards(index, openSafetensors);
  assertEquals([...store.tensors.keys()], ["a", "b", "c"]);
  assertEquals(store.tensors.get("b")?.shape, [2]);
  const values = await Promise.all(["c", "b", "a"].map((name) => store.read(name)));
  assertEquals(values.map((floats) => [...floats]), [[4], [2, 3], [1]]);
  await assertRejects(() => store.read("d"), CheckpointError, `no tensor of that name: "d"`);
});

const WRONG: Record<string, [index: unknown, reason: string]> = {
  "is null": [null, "no weight_map"],
  "has no map": [{}, "no weight_map"],
  "has a list for a map": [{ weight_map: [] }, "no weight_map"],
  "names a number": [{ weight_map: { a: 1 } }, `no file of weights for "a": 1`],
  "names a file of another kind": [{ weight_map: { a: "/etc/passwd" } }, "no file of weights"],
  "names an absolute path": [{ weight_map: { a: "/x.bin" } }, "leads out of the folder"],
  "climbs": [{ weight_map: { a: "../x.safetensors" } }, "leads out of the folder"],
  "climbs by backslash": [{ weight_map: { a: "..\\x.safetensors" } }, "leads out of the folder"],
  "names a missing file": [{ weight_map: { a: "gone.safetensors" } }, "gone.safetensors"],
  "names a tensor that the file lacks": [
    { weight_map: { a: "1.safetensors", z: "1.safetensors" } },
    `1.safetensors has no tensor "z"`,
  ],
  "names too many files": [
    { weight_map: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, `${i}.bin`])) },
    "over 1000 files",
  ],
};

for (const [what, [index, reason]] of Object.entries(WRONG)) {
  Deno.test(`openShards() refuses an index that ${what}`, async () => {
    await using at = new TemporaryFolder();
    await at.write("1.safetensors", safetensorsOf({ a: [1] }));
    const path = await at.write("index.json", JSON.stringify(index));
    await assertRejects(() => openShards(path, openSafetensors), CheckpointError, reason);
  });
}
