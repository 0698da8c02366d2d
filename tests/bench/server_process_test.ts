import { metricOf } from "../../bench/server_process.ts";
import { assertEquals } from "../assert.ts";

Deno.test("metricOf adds up a metric's labels, and takes no other's", () => {
  const text = '# HELP a Things\na{kind="x"} 1.5\na{kind="y"} 2\na_total 9\nb 4\n';
  assertEquals([metricOf(text, "a"), metricOf(text, "b"), metricOf(text, "c")], [3.5, 4, 0]);
});
