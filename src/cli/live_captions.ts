/**
 * Captions that grow in place: final words stay, tentative ones stand dimmed behind them and are
 * written over.
 *
 * @module
 */
import type { CaptionMessage, CaptionWord, SessionEvent } from "../server/protocol.ts";
import type { Terminal } from "./terminal.ts";

const CLEAR_LINE = "\r\x1b[2K";
const DIM = "\x1b[2m";
const NORMAL = "\x1b[22m";

/** Where captions show. */
export type CaptionTerminal = Pick<Terminal, "isTerminal" | "width" | "write">;

/** Writes a session's events. Where nobody watches, final words alone, an utterance a line. */
export class LiveCaptions {
  readonly #terminal: CaptionTerminal;
  /** Final words of the line that is open. */
  #line = "";
  #hasTentative = false;

  /** @param terminal Where they show. */
  constructor(terminal: CaptionTerminal) {
    this.#terminal = terminal;
  }

  /** Shows an event. */
  show(event: SessionEvent): void {
    if (event.type === "caption") this.#caption(event);
    else if (event.type === "utterance_end" || event.type === "end") this.end();
  }

  /** Ends the line that is open. */
  end(): void {
    if (this.#line !== "" || this.#hasTentative) {
      if (this.#terminal.isTerminal) this.#terminal.write(CLEAR_LINE + this.#line);
      this.#terminal.write("\n");
    }
    this.#line = "";
    this.#hasTentative = false;
  }

  #caption({ committed, tentative }: CaptionMessage): void {
    const { isTerminal, width } = this.#terminal;
    if (!isTerminal) {
      for (const { text } of committed) {
        this.#terminal.write(this.#line === "" ? text : ` ${text}`);
        this.#line = text;
      }
      return;
    }
    let drawn = CLEAR_LINE;
    for (const { text } of committed) {
      const longer = this.#line === "" ? text : `${this.#line} ${text}`;
      if (longer.length < width) {
        this.#line = longer;
        continue;
      }
      drawn += `${this.#line}\n`;
      this.#line = text;
    }
    const room = width - 1 - this.#line.length;
    const guess = tentativeText(tentative, this.#line === "" ? room : room - 1);
    this.#hasTentative = guess !== "";
    const gap = this.#line === "" || guess === "" ? "" : " ";
    this.#terminal.write(`${drawn}${this.#line}${gap}${guess === "" ? "" : DIM + guess + NORMAL}`);
  }
}

/** As many words as fit in the line. */
function tentativeText(words: readonly CaptionWord[], room: number): string {
  let line = "";
  for (const { text } of words) {
    const longer = line === "" ? text : `${line} ${text}`;
    if (longer.length > room) break;
    line = longer;
  }
  return line;
}
