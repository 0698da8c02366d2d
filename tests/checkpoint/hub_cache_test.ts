import { RepositoryCache } from "../../src/checkpoint/hub_cache.ts";
import { CheckpointError } from "../../src/errors.ts";
import { join } from "../../src/std.ts";
import { assertEquals, assertRejects, assertThrows } from "../assert.ts";
import { TemporaryFolder } from "./files.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

Deno.test("RepositoryCache.link() makes links that can be moved, at any depth", async () => {
  await using folder = new TemporaryFolder();
  const cache = new RepositoryCache(folder.path, "a/b", { useSymlinks: true });
  await folder.write("models--a--b/blobs/etag", "content");
  for (const file of ["config.json", "onnx/model.onnx", "x/y/z"]) {
    await cache.link(COMMIT, file, "etag");
    await cache.link(COMMIT, file, "etag");
    assertEquals(await cache.has(COMMIT, file), true);
  }
  const moved = join(folder.path, "moved");
  await Deno.rename(join(folder.path, "models--a--b"), moved);
  for (const file of ["config.json", "onnx/model.onnx", "x/y/z"]) {
    assertEquals(await Deno.readTextFile(join(moved, "snapshots", COMMIT, file)), "content");
  }
});

Deno.test("RepositoryCache.link() does without symbolic links", async () => {
  await using folder = new TemporaryFolder();
  const cache = new RepositoryCache(folder.path, "a/b", { useSymlinks: false });
  await folder.write("models--a--b/blobs/etag", "content");
  await cache.link(COMMIT, "config.json", "etag");
  const path = cache.filePath(COMMIT, "config.json");
  assertEquals((await Deno.lstat(path)).isSymlink, false);
  assertEquals(await Deno.readTextFile(path), "content");
});

Deno.test("RepositoryCache keeps refs, and trusts none that is not a commit", async () => {
  await using folder = new TemporaryFolder();
  const cache = new RepositoryCache(folder.path, "a/b", { useSymlinks: true });
  assertEquals(await cache.readRef("main"), undefined);
  await cache.writeRef("refs/pr/1", COMMIT);
  assertEquals(await cache.readRef("refs/pr/1"), COMMIT);
  await folder.write("models--a--b/refs/main", "../../etc");
  assertEquals(await cache.readRef("main"), undefined);
});

Deno.test("RepositoryCache refuses names that lead out of it", async () => {
  await using folder = new TemporaryFolder();
  const cache = new RepositoryCache(folder.path, "a/b", { useSymlinks: true });
  for (const name of ["../x", "/x", "a/../../x", "a//x", "", ".", "a\\x", "C:x", "a\0b"]) {
    assertThrows(() => cache.filePath(COMMIT, name), CheckpointError, "leads out of the folder");
    await assertRejects(() => cache.readRef(name), CheckpointError);
    await assertRejects(() => cache.link(COMMIT, name, "etag"), CheckpointError);
    await assertRejects(() => cache.noteAbsent(COMMIT, name), CheckpointError);
  }
});

Deno.test("RepositoryCache.lock() lets in one at a time", async () => {
  await using folder = new TemporaryFolder();
  const cache = new RepositoryCache(folder.path, "a/b", { useSymlinks: true });
  const { signal } = new AbortController();
  const order: string[] = [];
  async function work(name: string) {
    using _lock = await cache.lock("etag", signal);
    order.push(`${name} in`);
    await new Promise((resolve) => setTimeout(resolve, 30));
    order.push(`${name} out`);
  }
  await Promise.all([work("a"), work("b")]);
  const first = order[0]!.slice(0, 1);
  const second = first === "a" ? "b" : "a";
  assertEquals(order, [`${first} in`, `${first} out`, `${second} in`, `${second} out`]);
});
