import { byteSize } from "../../src/cli/byte_size.ts";
import { assertEquals } from "../assert.ts";

Deno.test("byteSize: three digits and a unit", () => {
  const sizes: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.00 kB"],
    [62_176, "62.2 kB"],
    [999_999, "1.00 MB"],
    [1_262_000_000, "1.26 GB"],
  ];
  for (const [bytes, text] of sizes) assertEquals(byteSize(bytes), text);
});
