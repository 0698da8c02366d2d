/**
 * Progress in one line that is written over.
 *
 * @module
 */
import type { Terminal } from "./terminal.ts";

/** Time between two drawings, ms. */
const INTERVAL_MS = 100;
const BAR_LENGTH = 24;
const CLEAR_LINE = "\r\x1b[2K";

/** What a line of progress says. */
export interface ProgressLine {
  /** What is at work. */
  readonly label: string;
  /** How much is done, 0 to 1, where that is known. */
  readonly fraction?: number | undefined;
  /** Numbers, for people. */
  readonly detail: string;
}

/** A line at the bottom of the terminal; none where messages go elsewhere, or once the work is stopped. */
export class Progress {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  #drawnAtMs = -Infinity;
  #isDrawn = false;

  /** @param terminal Where it shows. @param now The clock, ms. */
  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
    terminal.signal.addEventListener("abort", () => this.clear(), { once: true });
  }

  /** Shows a line in the place of the one before, at most ten times a second. */
  show(line: ProgressLine): void {
    const { isErrorTerminal, signal } = this.#terminal;
    if (!isErrorTerminal || signal.aborted) return;
    if (this.#now() - this.#drawnAtMs < INTERVAL_MS) return;
    this.#drawnAtMs = this.#now();
    this.#isDrawn = true;
    this.#terminal.writeError(CLEAR_LINE + progressText(line, this.#terminal.width - 1));
  }

  /** Takes the line away; the next one shows at once. */
  clear(): void {
    if (this.#isDrawn) this.#terminal.writeError(CLEAR_LINE);
    this.#isDrawn = false;
    this.#drawnAtMs = -Infinity;
  }
}

/** A line of progress, `width` characters at most: the label gives way first, then the bar. */
export function progressText({ label, fraction, detail }: ProgressLine, width: number): string {
  const numbers = fraction === undefined
    ? detail
    : `${String(Math.floor(clamp(fraction) * 100)).padStart(3)}% ${detail}`;
  const bar = fraction === undefined ? "" : `${barText(clamp(fraction))} `;
  const withBar = `${bar}${numbers}`;
  const rest = withBar.length <= width ? withBar : numbers;
  const room = width - rest.length - 1;
  if (room < 4) return rest.slice(0, width);
  const name = label.length <= room ? label : `…${label.slice(label.length - room + 1)}`;
  return `${name} ${rest}`;
}

function barText(fraction: number): string {
  const length = Math.round(fraction * BAR_LENGTH);
  return `[${"#".repeat(length)}${"-".repeat(BAR_LENGTH - length)}]`;
}

function clamp(fraction: number): number {
  return Math.min(Math.max(fraction, 0), 1);
}
