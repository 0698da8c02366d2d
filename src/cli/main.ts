/**
 * The command line.
 *
 * @module
 */
import { benchCommand } from "./bench.ts";
import { runCommandLine } from "./command_line.ts";
import { exportCommand } from "./export.ts";
import { inspectCommand } from "./inspect.ts";
import { interruption } from "./interruption.ts";
import { listenCommand } from "./listen.ts";
import { serveCommand } from "./serve.ts";
import { processTerminal } from "./terminal.ts";
import { transcribeCommand } from "./transcribe.ts";
import { VERSION } from "./version.ts";

/** What the program offers. */
export const HUBCAP = {
  name: "hubcap",
  version: VERSION,
  summary: "Speech to text with HuBERT and wav2vec 2.0 checkpoints",
  commands: [
    ...[transcribeCommand, listenCommand, serveCommand],
    ...[inspectCommand, exportCommand, benchCommand],
  ],
} as const;

if (import.meta.main) {
  const { signal, exitWhenDone } = interruption();
  await exitWhenDone(
    runCommandLine(Deno.args, { line: HUBCAP, terminal: processTerminal(signal) }),
  );
}
