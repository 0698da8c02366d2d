/**
 * Errors for people: a sentence, and a stack only for those who ask.
 *
 * @module
 */
import type { Terminal } from "./terminal.ts";

/** Options of {@linkcode errorText}. */
export interface ErrorTextOptions {
  /** Whether the stack is shown. */
  readonly debug: boolean;
  /** Whether colours are understood there. */
  readonly terminal: Pick<Terminal, "hasColors">;
  /** What the error happened with, such as a file. @default {undefined} */
  readonly place?: string;
}

/** An error as lines of text. */
export function errorText(
  error: unknown,
  { debug, terminal, place }: ErrorTextOptions,
): string {
  const label = terminal.hasColors ? "\x1b[1;31merror:\x1b[0m" : "error:";
  const message = error instanceof Error ? error.message || error.name : String(error);
  const line = `${label} ${place === undefined ? "" : `${place}: `}${message}\n`;
  if (!debug || !(error instanceof Error)) return line;
  return line + [...chainOf(error)].map(({ stack }) => `${stack}\n`).join("caused by ");
}

function* chainOf(error: Error): Generator<Error> {
  for (let next: unknown = error; next instanceof Error; next = next.cause) yield next;
}
