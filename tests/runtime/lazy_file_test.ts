import { LazyFile, readWhole } from "../../src/runtime/lazy_file.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";

const CONTENT = Uint8Array.from({ length: 300_000 }, (_, i) => i % 253);

async function withFile(use: (path: string) => void | Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, CONTENT);
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("LazyFile gives the ranges of its file", () =>
  withFile((path) => {
    const file = new LazyFile(path);
    assert(file instanceof Uint8Array);
    assertEquals(file.byteLength, CONTENT.length);
    for (const [begin, end] of [[0, 0], [5, 9], [100_000, 300_000], [0, 300_000]] as const) {
      assertEquals(new Uint8Array(file.subarray(begin, end)), CONTENT.subarray(begin, end));
    }
    assertEquals(file.failure, undefined);
    file.close();
  }));

Deno.test("LazyFile keeps the reason of a failure, for readers that swallow it", () =>
  withFile(async (path) => {
    const file = new LazyFile(path);
    await Deno.truncate(path, 10);
    const error = assertThrows(() => file.subarray(5, 20), Error, "the file ends before");
    assertEquals(file.failure, error);
    file.close();
    assertThrows(() => new LazyFile("/nowhere/at/all"), Deno.errors.NotFound);
  }));

Deno.test("readWhole reads a whole file", () =>
  withFile(async (path) => assertEquals(await readWhole(path), CONTENT)));
