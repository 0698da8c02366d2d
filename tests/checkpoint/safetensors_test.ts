import { openSafetensors } from "../../src/checkpoint/safetensors.ts";
import { CheckpointError } from "../../src/errors.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../assert.ts";
import { safetensors, safetensorsOf, TemporaryFolder } from "./files.ts";
import { assertHoldsFixture, fixture, fixtureNames } from "./fixtures.ts";

for (const name of fixtureNames(".safetensors")) {
  Deno.test(`openSafetensors() reads ${name} as PyTorch wrote it`, async () => {
    await using store = await openSafetensors(fixture(name));
    await assertHoldsFixture(store, name);
  });
}

const a = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
const b = { dtype: "U8", shape: [4], data_offsets: [8, 12] };

Deno.test("openSafetensors() takes metadata, any order of names, padding and empty tensors", async () => {
  await using folder = new TemporaryFolder();
  const empty = { dtype: "F16", shape: [0, 3], data_offsets: [8, 8] };
  const header = JSON.stringify({ b, empty, a, __metadata__: { format: "pt" } }) + "   ";
  const path = await folder.write("x.safetensors", safetensors(header, 12));
  await using store = await openSafetensors(path);
  assertEquals([...store.tensors.keys()].sort(), ["a", "b", "empty"]);
  assertEquals(await store.read("b"), new Float32Array([8, 9, 10, 11]));
  assertEquals(await store.read("empty"), new Float32Array(0));
});

Deno.test("openSafetensors() reads tensors asked for at once", async () => {
  await using folder = new TemporaryFolder();
  const path = await folder.write("x", safetensorsOf({ a: [1, 2], b: [3], c: [4, 5, 6] }));
  await using store = await openSafetensors(path);
  const all = await Promise.all(["c", "a", "b", "a"].map((name) => store.read(name)));
  assertEquals(all.map((values) => [...values]), [[4, 5, 6], [1, 2], [3], [1, 2]]);
});

Deno.test("openSafetensors() keeps a tensor named __proto__ apart", async () => {
  await using folder = new TemporaryFolder();
  const path = await folder.write("x", safetensors(`{"__proto__":${JSON.stringify(a)}}`, 8));
  await using store = await openSafetensors(path);
  assertEquals([...store.tensors.keys()], ["__proto__"]);
});

Deno.test("WeightStore.read() refuses an unknown name, and everything once closed", async () => {
  await using folder = new TemporaryFolder();
  const path = await folder.write("x", safetensorsOf({ a: [1] }));
  const store = await openSafetensors(path);
  await assertRejects(() => store.read("b"), CheckpointError, `no tensor of that name: "b"`);
  assertEquals(await store.read("a"), new Float32Array([1]));
  await store[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await assertRejects(() => store.read("a"), CheckpointError, "it is closed");
});

const HOSTILE: Record<string, [file: Uint8Array, reason: string]> = {
  "is empty": [new Uint8Array(0), "the file has 0"],
  "is shorter than its length field": [new Uint8Array(7), "the file has 7"],
  "claims a header beyond its end": [safetensors({ a }, 8, 1000), "it claims 1000"],
  "claims a header of 2^64 - 1 bytes": [safetensors({ a }, 8, 2n ** 64n - 1n), "it claims"],
  "claims too short a header": [safetensors({ a }, 8, 5), "not JSON"],
  "has a header that is not UTF-8": [
    Uint8Array.from([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]),
    "not JSON",
  ],
  "has an array for a header": [safetensors("[]", 0), "not a JSON object"],
  "has a number for a tensor": [safetensors({ a: 1 }, 0), "an entry that is not"],
  "has numbers in its metadata": [safetensors({ __metadata__: { a: 1 } }, 0), "metadata"],
  "names a tensor twice": [
    safetensors(`{"a":${JSON.stringify(a)},"\\u0061":${JSON.stringify(a)}}`, 8),
    `tensor "a" is there twice`,
  ],
  "has an unknown type": [safetensors({ a: { ...a, dtype: "F8_E4M3" } }, 8), `"F8_E4M3"`],
  "has a type from Object.prototype": [
    safetensors({ a: { ...a, dtype: "toString" } }, 8),
    `"toString"`,
  ],
  "has a negative length": [safetensors({ a: { ...a, shape: [-2] } }, 8), "no valid shape: [-2]"],
  "has a fractional length": [safetensors({ a: { ...a, shape: [1.5] } }, 8), "no valid shape"],
  "has a length beyond 2^53": [safetensors({ a: { ...a, shape: [1e300] } }, 8), "no valid shape"],
  "has a shape whose product overflows": [
    safetensors({ a: { ...a, shape: Array(8).fill(2 ** 52) } }, 8),
    "takes",
  ],
  "has a shape nested without end": [
    safetensors(
      `{"a":{"dtype":"F32","data_offsets":[0,8],"shape":${"[".repeat(1e5)}${"]".repeat(1e5)}}}`,
      8,
    ),
    "no valid shape",
  ],
  "has no offsets": [safetensors({ a: { dtype: "F32", shape: [2] } }, 8), "data_offsets"],
  "has reversed offsets": [safetensors({ a: { ...a, data_offsets: [8, 0] } }, 8), "8 to 0"],
  "has offsets beyond its end": [safetensors({ a }, 7), "within the 7 bytes of data: 0 to 8"],
  "has a shape that its bytes do not fill": [
    safetensors({ a: { ...a, shape: [3] } }, 8),
    "[3] of F32 takes 12 bytes: the file has 8",
  ],
  "has overlapping tensors": [
    safetensors({ a, b: { ...b, data_offsets: [4, 8] } }, 8),
    `tensor "b" overlaps`,
  ],
  "has a hole": [
    safetensors({ a, b: { ...b, data_offsets: [9, 13] } }, 13),
    `tensor "b" leaves a hole`,
  ],
  "has bytes after its tensors": [safetensors({ a }, 9), "tensors end at byte"],
};

for (const [what, [bytes, reason]] of Object.entries(HOSTILE)) {
  Deno.test(`openSafetensors() refuses a file that ${what}`, async () => {
    await using folder = new TemporaryFolder();
    const path = await folder.write("x.safetensors", bytes);
    const error = await assertRejects(() => openSafetensors(path), CheckpointError, reason);
    assertEquals(error.path, path);
  });
}

Deno.test("openSafetensors() names the file that is not there", async () => {
  const error = await assertRejects(() => openSafetensors("/nowhere/x"), CheckpointError);
  assertStringIncludes(error.message, "/nowhere/x");
  await assertRejects(() => openSafetensors(Deno.cwd()), CheckpointError);
});
