import fc from "../property.ts";
import {
  dequantizeBlocks,
  dequantizeRows,
  unpackNibbles,
} from "../../src/checkpoint/dequantize.ts";
import { quantizeInt8 } from "../../src/graph/quantize.ts";
import { assertEquals } from "../assert.ts";

const codes = (length: number) =>
  fc.array(fc.integer({ min: -127, max: 127 }), { minLength: length, maxLength: length });

/** Rows as bitsandbytes leaves them: the largest weight of each has the largest code. */
const matrices = fc.record({
  rowCount: fc.integer({ min: 1, max: 5 }),
  columnCount: fc.integer({ min: 1, max: 9 }),
})
  .chain(({ rowCount, columnCount }) =>
    fc.record({
      rows: fc.array(
        fc.record({
          codes: codes(columnCount),
          extreme: fc.constantFrom(-127, 127),
          column: fc.integer({ min: 0, max: columnCount - 1 }),
          peak: fc.float({ min: Math.fround(1e-6), max: 1e4, noNaN: true }),
        }),
        { minLength: rowCount, maxLength: rowCount },
      ),
      columnCount: fc.constant(columnCount),
    })
  );

Deno.test("a matrix of eight bits comes out of the graph's quantiser as it is on disk", () => {
  fc.assert(fc.property(matrices, ({ rows, columnCount }) => {
    const stored = rows.map(({ codes, extreme, column }) => codes.with(column, extreme));
    const weight = dequantizeRows(
      new Float32Array(stored.flat()),
      new Float32Array(rows.map(({ peak }) => peak)),
    );
    const { values } = quantizeInt8(weight, rows.length, columnCount);
    const transposed = Array.from(
      { length: columnCount },
      (_, column) => stored.map((row) => row[column]!),
    );
    assertEquals([...values], transposed.flat());
  }));
});

Deno.test("unpackNibbles() gives back what was packed, the upper half of a byte first", () => {
  const nibbles = fc.array(fc.integer({ min: 0, max: 15 }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(nibbles, (codes) => {
    const bytes = Array.from(
      { length: Math.ceil(codes.length / 2) },
      (_, i) => codes[2 * i]! << 4 | (codes[2 * i + 1] ?? 0),
    );
    assertEquals([...unpackNibbles(bytes, codes.length)], codes);
  }));
});

Deno.test("dequantizeBlocks() takes each block's own factor, that of a short last one too", () => {
  const blocks = {
    levels: Float32Array.of(-1, 0, 2),
    scales: Float32Array.of(1, 10),
    blockSize: 3,
  };
  assertEquals([...dequantizeBlocks([0, 1, 2, 2, 0], blocks)], [-1, 0, 2, 20, -10]);
});
