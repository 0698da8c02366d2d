/**
 * `hubcap export` in this process.
 *
 * @module
 */
import { join } from "../../src/std.ts";
import { TemporaryFolder } from "../checkpoint/files.ts";
import { assertEquals, assertStringIncludes } from "../assert.ts";
import { HARBOUR, hubcap, MODEL, WITH_MODEL } from "./fake_terminal.ts";

Deno.test("export: the folder transcribes as the checkpoint does, and is not replaced unasked", async () => {
  await using temporary = new TemporaryFolder();
  const folder = join(temporary.path, "onnx folder");
  const first = await hubcap(["export", MODEL, folder]);
  assertEquals([first.code, first.errors], [0, ""]);
  assertStringIncludes(first.output, "onnx/model.onnx, config.json");

  const exported = await hubcap(["transcribe", HARBOUR, "-m", folder, "-b", "cpu"]);
  const original = await hubcap(["transcribe", HARBOUR, ...WITH_MODEL]);
  assertEquals(exported, original);
  assertStringIncludes(
    (await hubcap(["inspect", folder])).output,
    "unknown: only a graph is there",
  );

  const again = await hubcap(["export", MODEL, folder]);
  assertEquals(again.code, 1);
  assertStringIncludes(again.errors, "give --force");
  assertEquals((await hubcap(["export", MODEL, folder, "--force"])).code, 0);
});

Deno.test("export: a missing folder is a wrong call", async () => {
  const { code, errors } = await hubcap(["export", MODEL]);
  assertEquals(code, 2);
  assertStringIncludes(errors, "missing required argument 'folder'");
});
