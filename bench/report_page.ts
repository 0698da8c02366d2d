/**
 * Tables and plots of records as files: an SVG for each plot, and a page with all of it that needs
 * nothing else.
 *
 * @module
 */
import { join } from "../src/std.ts";
import { drawPlot, type PlotSpec } from "./plot.ts";
import type { BenchRecord } from "./record.ts";
import { recordsTable } from "./table.ts";

/** Records of one benchmark, and how they are drawn. */
export interface ReportSection {
  readonly bench: string;
  readonly records: readonly BenchRecord[];
  readonly plots: readonly PlotSpec[];
}

/**
 * Writes the page and the plots into a folder, which is made where it is not.
 *
 * @returns The files.
 */
export async function writeReport(
  folder: string,
  sections: readonly ReportSection[],
): Promise<string[]> {
  await Deno.mkdir(folder, { recursive: true });
  const files: string[] = [];
  const parts: string[] = [];
  for (const { bench, records, plots } of sections) {
    const svgs: string[] = [];
    for (const [index, plot] of plots.entries()) {
      const svg = await drawPlot(records, plot);
      if (svg === undefined) continue;
      const path = join(folder, `${bench}_${index + 1}.svg`);
      await Deno.writeTextFile(path, svg);
      files.push(path);
      svgs.push(svg);
    }
    parts.push(sectionHtml(bench, records, svgs));
  }
  const page = join(folder, "report.html");
  await Deno.writeTextFile(page, pageHtml(parts));
  return [page, ...files];
}

function sectionHtml(
  bench: string,
  records: readonly BenchRecord[],
  svgs: readonly string[],
): string {
  const { machine, settings } = records.at(-1)!;
  return [
    `<section><h2>${escape(bench)}</h2>`,
    `<p>${escape(factsText(machine))}</p>`,
    ...svgs.map((svg) => `<figure>${svg}</figure>`),
    tableHtml(recordsTable(records)),
    `<details><summary>Settings</summary><pre>${
      escape(JSON.stringify(settings, null, 2))
    }</pre></details></section>`,
  ].join("\n");
}

function factsText(machine: object): string {
  return Object.entries(machine).map(([name, value]) => `${name}: ${value}`).join(" · ");
}

/** The Markdown of `recordsTable` as HTML. */
function tableHtml(markdown: string): string {
  const lines = markdown.split("\n");
  const first = lines.findIndex((line) => line.startsWith("|"));
  const row = (line: string, tag: string) =>
    `<tr>${
      line.slice(2, -2).split(" | ").map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")
    }</tr>`;
  return [
    `<p>${escape(lines.slice(0, first).join(" ").trim())}</p><table>`,
    row(lines[first]!, "th"),
    ...lines.slice(first + 2).map((line) => row(line, "td")),
    "</table>",
  ].join("\n");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

const STYLE =
  `body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem}
table{border-collapse:collapse;display:block;overflow-x:auto}td,th{border:1px solid #ccc;padding:.2rem .6rem}
td{text-align:right}td:first-child{text-align:left}figure{margin:1rem 0;overflow-x:auto}`;

function pageHtml(parts: readonly string[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Hubcap benchmarks</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head>
<body><h1>Hubcap benchmarks</h1>
${parts.join("\n")}
</body></html>
`;
}
