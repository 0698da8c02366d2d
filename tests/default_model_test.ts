import { defaultModel } from "../src/default_model.ts";
import { join } from "../src/std.ts";
import { assertEquals } from "./assert.ts";
import { TemporaryFolder } from "./checkpoint/files.ts";

Deno.test("defaultModel: the only model folder, or none", async () => {
  await using folder = new TemporaryFolder();
  const find = () => defaultModel({ folder: folder.path });
  assertEquals(await find(), undefined);
  await folder.write("README.md", "Models");
  await folder.write("notes/README.md", "No model");
  assertEquals(await find(), undefined);
  await folder.write("small/config.json", {});
  assertEquals(await find(), join(folder.path, "small"));
  await folder.write("large/config.json", {});
  assertEquals(await find(), undefined);
});
