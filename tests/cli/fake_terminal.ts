/**
 * The command line in this process, its streams kept in strings.
 *
 * @module
 */
import { HUBCAP } from "../../src/cli/main.ts";
import { runCommandLine } from "../../src/cli/command_line.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { fromFileUrl } from "../../src/std.ts";

/** A terminal that remembers. */
export interface FakeTerminal extends Terminal {
  /** What was written to standard output. */
  readonly output: string;
  /** What was written to standard error. */
  readonly errors: string;
}

/** What of a terminal a test sets. */
export interface FakeTerminalOptions extends Partial<Omit<Terminal, "write" | "input">> {
  /** What standard input gives. */
  readonly inputBytes?: Uint8Array;
  /** Sees each piece of output as it is written. */
  readonly onWrite?: (text: string) => void;
}

/** Makes a terminal; nobody watches it, unless the options say so. */
export function fakeTerminal(options: FakeTerminalOptions = {}): FakeTerminal {
  const { inputBytes, onWrite, ...overrides } = options;
  const terminal = {
    isTerminal: false,
    isErrorTerminal: false,
    isInputTerminal: false,
    hasColors: false,
    width: 80,
    signal: new AbortController().signal,
    output: "",
    errors: "",
    write(text: string) {
      terminal.output += text;
      onWrite?.(text);
    },
    writeError(text: string) {
      terminal.errors += text;
    },
    input: () => new Blob([inputBytes as BlobPart ?? ""]).stream(),
    ...overrides,
  };
  return terminal;
}

/** What a call of the program came to. */
export interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Calls the program. */
export async function hubcap(
  args: readonly string[],
  options: FakeTerminalOptions = {},
): Promise<Outcome> {
  const terminal = fakeTerminal(options);
  const code = await runCommandLine(args, { line: HUBCAP, terminal });
  return { code, output: terminal.output, errors: terminal.errors };
}

/** Path of a file of the project. */
export function projectPath(path: string): string {
  return fromFileUrl(new URL(`../../${path}`, import.meta.url));
}

/** A recording of speech. */
export const HARBOUR = projectPath("samples/harbour.wav");
/** A small CTC model with adapters. */
export const MODEL = projectPath("tests/golden/ctc_adapter");
/** Arguments for that model on the quickest backend for small models. */
export const WITH_MODEL = ["--model", MODEL, "--backend", "cpu", "--threads", "1"] as const;
