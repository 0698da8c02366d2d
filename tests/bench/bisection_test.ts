import fc from "../property.ts";
import { largestPassing } from "../../bench/bisection.ts";
import { assertEquals } from "../assert.ts";

Deno.test("largestPassing finds the limit, asks for each number once, and few of them", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.nat(400), async (max, limit) => {
      const asked: number[] = [];
      const found = await largestPassing(max, (count) => {
        asked.push(count);
        return Promise.resolve(count <= limit);
      });
      assertEquals(found, Math.min(limit, max));
      assertEquals(new Set(asked).size, asked.length);
      assertEquals(asked.every((count) => count >= 1 && count <= max), true);
      assertEquals(asked.length <= 2 * Math.ceil(Math.log2(max + 1)) + 1, true);
    }),
  );
});
