/**
 * The files that PyTorch wrote (`make_fixtures.py`), and what they hold.
 *
 * @module
 */
import { fromFileUrl } from "../../src/std.ts";
import type { WeightStore } from "../../src/checkpoint/weights.ts";
import { assertEquals } from "../assert.ts";

interface ExpectedTensor {
  dtype: string;
  shape: string;
  values: string;
}

const FOLDER = new URL("fixtures/", import.meta.url);

const DTYPES: Record<string, string> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint16: "U16",
  uint8: "U8",
  bool: "BOOL",
};

/** Path of a fixture. */
export function fixture(name: string): string {
  return fromFileUrl(new URL(name, FOLDER));
}

/** Names of the fixtures that can be read, in one format. */
export function fixtureNames(extension: string): string[] {
  return Object.keys(readExpected()).filter((name) => name.endsWith(extension));
}

function readExpected(): Record<string, Record<string, ExpectedTensor>> {
  return JSON.parse(Deno.readTextFileSync(new URL("expected.json", FOLDER)));
}

/** Fails unless the store holds, to the bit, what PyTorch says the fixture holds. */
export async function assertHoldsFixture(store: WeightStore, name: string) {
  const expected = readExpected()[name]!;
  assertEquals([...store.tensors.keys()].sort(), Object.keys(expected).sort());
  for (const [tensor, { dtype, shape, values }] of Object.entries(expected)) {
    const info = store.tensors.get(tensor)!;
    assertEquals(info.dtype as string, DTYPES[dtype]!, tensor);
    assertEquals([...info.shape], words(shape).map(Number), tensor);
    const numbers = words(values).map((word) => Number(word.replace("inf", "Infinity")));
    assertEquals(await store.read(tensor), new Float32Array(numbers), tensor);
  }
}

function words(text: string): string[] {
  return text === "" ? [] : text.split(" ");
}
