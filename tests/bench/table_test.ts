import { countsOf, runsOf } from "../../bench/record.ts";
import { measureText, numberText, recordsTable } from "../../bench/table.ts";
import { assertEquals } from "../assert.ts";
import { benchRecord } from "./records.ts";

Deno.test("numberText keeps three digits", () => {
  assertEquals([1234.5, 12.345, 0.12345, 0, 0.0000123].map(numberText), [
    ...["1235", "12.3", "0.123", "0", "1.2e-5"],
  ]);
  assertEquals(numberText(NaN), "–");
});

Deno.test("measureText: the median and where the runs lie; parts in percent", () => {
  assertEquals(measureText(runsOf([3, 1, 2], "ms")), "2 (1–3)");
  assertEquals(measureText(runsOf([5], "ms")), "5");
  assertEquals(measureText(countsOf([[1, 4], [2, 8]], "%")), "25");
});

Deno.test("recordsTable: what differs in columns, what does not above", () => {
  const row = (hop: number, p95: number) =>
    benchRecord({ case: { system: "cpu", hop }, measures: { p95: runsOf([p95], "ms") } });
  assertEquals(
    recordsTable([row(200, 800), row(400, 1000)]),
    "system cpu\n\n| hop | p95, ms |\n| ---: | ---: |\n| 200 | 800 |\n| 400 | 1000 |",
  );
});
