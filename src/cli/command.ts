/**
 * What a command is to the command line: its words, and what it does.
 *
 * @module
 */
import type { Terminal } from "./terminal.ts";

/** What an option takes. */
export type OptionValue =
  /** Nothing; it is there or not. */
  | { readonly kind: "flag" }
  /** Any text. */
  | { readonly kind: "text"; readonly name: string }
  /** One of a few words. */
  | { readonly kind: "choice"; readonly name: string; readonly choices: readonly string[] }
  /** A positive integer. */
  | { readonly kind: "count"; readonly name: string };

/** An option of a command. */
export interface OptionSpec {
  /** Its name, without dashes. */
  readonly name: string;
  /** Its one-letter name, without the dash. */
  readonly short?: string;
  /** What it does, in one line. */
  readonly description: string;
  /** What it takes. */
  readonly value: OptionValue;
  /** What holds without it, shown in the help. */
  readonly default?: string;
}

/** A command: `V` are the values of its options, by their names in camel case. */
export interface CommandSpec<V = unknown> {
  /** The word it is called by. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** What it takes, as the usage line shows it: `<model>`, `[file...]`. */
  readonly parameters: readonly { readonly usage: string; readonly description: string }[];
  /** Its options. */
  readonly options: readonly OptionSpec[];
  /** Whether everything after its word is its own to read, options and `--help` too. */
  readonly passesThrough?: boolean;
  /** Shown under its help. */
  readonly notes: string;
  /**
   * Does it.
   *
   * @returns The exit code.
   */
  run(parameters: readonly string[], values: V, terminal: Terminal): Promise<number>;
}

/** A command that was called wrongly. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** Exit codes. */
export const EXIT_CODES = { ok: 0, failure: 1, usage: 2, brokenPipe: 141 } as const;
