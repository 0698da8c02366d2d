import { argmax, rowsOf } from "../src/tensor.ts";
import { assertEquals, assertThrows } from "./assert.ts";

Deno.test("argmax() takes the first of equals and keeps the other dimensions", () => {
  const data = Float32Array.of(
    1,
    3,
    3,
    -5,
    -7,
    -6,
    -Infinity,
    0,
    -1,
    -Infinity,
    -Infinity,
    -Infinity,
  );
  assertEquals(argmax({ data, shape: [2, 2, 3] }), {
    data: Int32Array.of(1, 0, 1, 0),
    shape: [2, 2],
  });
  assertEquals(argmax({ data: Float32Array.of(2, 4), shape: [2] }), {
    data: Int32Array.of(1),
    shape: [],
  });
  assertEquals(argmax({ data: new Float32Array(0), shape: [0, 3] }).shape, [0]);
  assertThrows(() => argmax({ data: new Float32Array(0), shape: [3, 0] }), RangeError, "[3,0]");
});

Deno.test("rowsOf() gives views of one shape", () => {
  const data = Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const [first, second, ...rest] = rowsOf({ data, shape: [2, 2, 2] });
  assertEquals(rest, []);
  assertEquals(first, { data: Int32Array.of(1, 2, 3, 4), shape: [2, 2] });
  second!.data[0] = 9;
  assertEquals(data[4], 9);
  assertEquals(rowsOf({ data, shape: [8] })[7], { data: Int32Array.of(8), shape: [] });
});
