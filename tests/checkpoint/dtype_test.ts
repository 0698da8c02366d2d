import { widen } from "../../src/checkpoint/dtype.ts";
import { assert, assertEquals } from "../assert.ts";

const bytesOf = (view: ArrayBufferView<ArrayBuffer>) => new Uint8Array(view.buffer);

Deno.test("widen() gives every bfloat16 the float of the same upper half", () => {
  const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const floats = widen(bytesOf(halves), "BF16");
  const words = new Uint32Array(floats.buffer);
  assert(halves.every((half, i) => words[i] === half * 65536));
});

Deno.test("widen() gives every float16 its value", () => {
  const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const floats = widen(bytesOf(halves), "F16");
  for (const [i, half] of halves.entries()) {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const expected = exponent === 31
      ? (fraction ? NaN : sign * Infinity)
      : sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
    assert(Object.is(floats[i], expected), `${half}`);
  }
});

Deno.test("widen() rounds what 32 bits do not hold, and shares what they do", () => {
  const doubles = new Float64Array([1 / 3, 1e300, -0]);
  assertEquals(widen(bytesOf(doubles), "F64"), new Float32Array([1 / 3, Infinity, -0]));
  const large = new BigUint64Array([2n ** 64n - 1n, 16777217n]);
  assertEquals(widen(bytesOf(large), "U64"), new Float32Array([2 ** 64, 16777216]));
  const floats = new Float32Array([1, 2]);
  assertEquals(widen(bytesOf(floats), "F32").buffer, floats.buffer);
  assertEquals(widen(new Uint8Array([0, 1, 2]), "BOOL"), new Float32Array([0, 1, 1]));
});
