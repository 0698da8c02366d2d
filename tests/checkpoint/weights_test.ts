import { openSafetensors } from "../../src/checkpoint/safetensors.ts";
import { overlayWeights } from "../../src/checkpoint/weights.ts";
import { CheckpointError } from "../../src/errors.ts";
import { assertEquals, assertRejects } from "../assert.ts";
import { safetensorsOf, TemporaryFolder } from "./files.ts";

Deno.test("overlayWeights() reads what is on top first, and closes both", async () => {
  await using at = new TemporaryFolder();
  const base = await openSafetensors(await at.write("1", safetensorsOf({ a: [1], b: [2] })));
  const top = await openSafetensors(await at.write("2", safetensorsOf({ b: [3, 4], c: [5] })));
  {
    await using store = overlayWeights(base, top);
    assertEquals([...store.tensors.keys()].sort(), ["a", "b", "c"]);
    assertEquals(store.tensors.get("b")?.shape, [2]);
    assertEquals(await store.read("a"), new Float32Array([1]));
    assertEquals(await store.read("b"), new Float32Array([3, 4]));
    await assertRejects(() => store.read("d"), CheckpointError);
  }
  await assertRejects(() => base.read("a"), CheckpointError, "closed");
  await assertRejects(() => top.read("c"), CheckpointError, "closed");
});
