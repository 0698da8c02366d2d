/**
 * Results that were kept, shown again.
 *
 * @module
 */
import type { CommandSpec } from "../../src/cli/command.ts";
import { concludeRecords } from "../bench_command.ts";
import type { PlotSpec } from "../plot.ts";
import { readRecords } from "../record.ts";
import { recordsTable } from "../table.ts";

interface Values {
  readonly plot?: string;
  readonly compare?: string;
}

/** The command. @param plots How each benchmark's records are drawn. */
export function reportCommand(
  plots: ReadonlyMap<string, readonly PlotSpec[]>,
): CommandSpec<Values> {
  return {
    name: "report",
    summary: "Show, draw and compare results that --json has written",
    parameters: [{ usage: "<file...>", description: "files of results" }],
    options: [
      {
        name: "plot",
        description: "draw the results: SVG files and report.html in this folder",
        value: { kind: "text", name: "folder" },
      },
      {
        name: "compare",
        description: "judge the results against those of this file; fails if one is worse",
        value: { kind: "text", name: "file" },
      },
    ],
    notes: `Example:
  hubcap bench report new.jsonl --compare old.jsonl --plot plots/`,
    run: async (files, { plot, compare }, terminal) => {
      const records = (await Promise.all(files.map(readRecords))).flat();
      for (const [bench, some] of Map.groupBy(records, ({ bench }) => bench)) {
        terminal.write(`\n${bench}: ${recordsTable(some)}\n`);
      }
      return await concludeRecords(records, {
        terminal,
        plots,
        old: compare === undefined ? [] : await readRecords(compare),
        ...(plot === undefined ? {} : { folder: plot }),
      });
    },
  };
}
