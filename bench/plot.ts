/**
 * Plots of records, and the door to Vega-Lite: plain data in, SVG out, no DOM.
 *
 * @module
 */
import type { TopLevelSpec } from "vega-lite";
import { type BenchRecord, intervalOf, type Measure, valueOf } from "./record.ts";

/** What a plot shows of a benchmark's records. */
export interface PlotSpec {
  /** Its heading. */
  readonly title: string;
  /** The varied value on the horizontal axis; without it a bar for each case. */
  readonly x?: string;
  /** Title of the horizontal axis. */
  readonly xTitle?: string;
  /** Measures on the vertical axis. */
  readonly y: readonly string[];
  /** Title of the vertical axis. */
  readonly yTitle: string;
}

/** A point of a plot. */
export interface PlotPoint {
  readonly x: string | number;
  readonly y: number;
  readonly low: number;
  readonly high: number;
  /** What the point's line or bar is called. */
  readonly series: string;
}

/** Points of the records that have what the plot shows. */
export function plotPoints(records: readonly BenchRecord[], spec: PlotSpec): PlotPoint[] {
  const { x, y } = spec;
  const shown = records.filter((record) =>
    (x === undefined || x in record.case) && y.some((name) => name in record.measures)
  );
  const varied = [...new Set(shown.flatMap((record) => Object.keys(record.case)))].filter((name) =>
    name !== x && new Set(shown.map((record) => record.case[name])).size > 1
  );
  return shown.flatMap((record) => {
    const label = varied.filter((name) => name in record.case).map((name) => {
      const value = record.case[name]!;
      return typeof value === "number" ? `${name} ${value}` : value;
    }).join(", ");
    return y.filter((name) => name in record.measures).flatMap((name) => {
      const measure = record.measures[name]!;
      const value = scaled(measure, valueOf(measure));
      if (!Number.isFinite(value)) return [];
      const [low, high] = (intervalOf(measure) ?? [valueOf(measure), valueOf(measure)])
        .map((end) => scaled(measure, end)) as [number, number];
      const at = x === undefined ? label || record.bench : record.case[x]!;
      const series = [x === undefined ? "" : label, y.length > 1 ? name : ""].filter(Boolean);
      return [{ x: at, y: value, low, high, series: series.join(", ") || name }];
    });
  });
}

function scaled({ unit }: Measure, value: number): number {
  return unit === "%" ? 100 * value : value;
}

/** The plot as Vega-Lite has it; undefined where there is nothing to show. */
function vegaLiteSpec(
  records: readonly BenchRecord[],
  spec: PlotSpec,
): TopLevelSpec | undefined {
  const values = plotPoints(records, spec);
  const isLine = spec.x !== undefined;
  const isEmpty = new Set(values.map(({ x }) => x)).size < (isLine ? 2 : 1);
  if (isEmpty) return undefined;
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    title: spec.title,
    background: "white",
    data: { values },
    ...(isLine ? lines(spec) : bars(spec)),
    config: { legend: { labelLimit: 0 }, axis: { labelLimit: 0 } },
  } as TopLevelSpec;
}

const SERIES = { color: { field: "series", type: "nominal", title: null, sort: null } };

/** Lines with their spread upright. */
function lines({ x, xTitle, yTitle }: PlotSpec) {
  const scale = { zero: false };
  const at = { x: { field: "x", type: "quantitative", title: xTitle ?? x, scale }, ...SERIES };
  const spread = { y: { field: "low", type: "quantitative" }, y2: { field: "high" } };
  const y = { field: "y", type: "quantitative", title: yTitle };
  return {
    ...{ width: 460, height: 280 },
    layer: [
      { mark: { type: "line", point: true }, encoding: { ...at, y } },
      { mark: { type: "rule" }, encoding: { ...at, ...spread } },
    ],
  };
}

/** Bars that lie, so that what they are called can be read, with their spread. */
function bars({ yTitle }: PlotSpec) {
  const at = {
    y: { field: "x", type: "nominal", title: null, sort: null },
    yOffset: { field: "series", sort: null },
  };
  const spread = { x: { field: "low", type: "quantitative" }, x2: { field: "high" } };
  const x = { field: "y", type: "quantitative", title: yTitle };
  return {
    ...{ width: 420, height: { step: 18 } },
    layer: [
      { mark: { type: "bar" }, encoding: { ...at, x, ...SERIES } },
      { mark: { type: "rule", color: "black" }, encoding: { ...at, ...spread } },
    ],
  };
}

/** Draws a plot. Result: an SVG that stands alone; undefined where there is nothing to show. */
export async function drawPlot(
  records: readonly BenchRecord[],
  spec: PlotSpec,
): Promise<string | undefined> {
  const lite = vegaLiteSpec(records, spec);
  if (lite === undefined) return undefined;
  const [{ compile }, { parse, View }] = await Promise.all([import("vega-lite"), import("vega")]);
  const view = new View(parse(compile(lite).spec), { renderer: "none" });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
