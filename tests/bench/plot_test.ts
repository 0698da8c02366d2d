import { drawPlot, plotPoints } from "../../bench/plot.ts";
import { runsOf } from "../../bench/record.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../assert.ts";
import { benchRecord } from "./records.ts";

const records = ["cpu", "wasm"].flatMap((system) =>
  [200, 400].map((hop) =>
    benchRecord({
      case: { system, hop, left: 6000 },
      measures: { p50: runsOf([hop, hop + 2, hop + 4], "ms"), busy: runsOf([0.5], "%") },
    })
  )
);

Deno.test("plotPoints: a line for each of what varies, with its spread; percent of parts", () => {
  const points = plotPoints(records, { title: "", x: "hop", y: ["p50"], yTitle: "ms" });
  assertEquals(points[0], { x: 200, y: 202, low: 200, high: 204, series: "cpu" });
  assertEquals(new Set(points.map(({ series }) => series)), new Set(["cpu", "wasm"]));
  const bars = plotPoints(records, { title: "", y: ["busy"], yTitle: "%" });
  assertEquals(bars.map(({ x, y }) => [x, y])[1], ["cpu, hop 400", 50]);
});

Deno.test("drawPlot gives an SVG that stands alone, and nothing where there is nothing", async () => {
  const plot = { title: "How <late>?", x: "hop", y: ["p50"], yTitle: "ms" };
  const svg = await drawPlot(records, plot);
  assertMatch(svg!, /^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  assertStringIncludes(svg!, "How &lt;late&gt;?");
  assertStringIncludes(svg!, "wasm");
  assertEquals(await drawPlot(records, { ...plot, y: ["absent"] }), undefined);
});
