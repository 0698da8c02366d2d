/**
 * What a command sees of the world: where it writes, what it reads, and when
 * it is told to stop.
 *
 * @module
 */

/** The streams of a process, or a test's stand-in. */
export interface Terminal {
  /** Whether results are seen by a person as they come. */
  readonly isTerminal: boolean;
  /** Whether messages are seen by a person as they come. */
  readonly isErrorTerminal: boolean;
  /** Whether input would have to be typed. */
  readonly isInputTerminal: boolean;
  /** Whether messages may have colours. */
  readonly hasColors: boolean;
  /** Characters in a line of messages. */
  readonly width: number;
  /** Ends the work; its reason is a {@linkcode Deno.errors.Interrupted}. */
  readonly signal: AbortSignal;
  /** Writes a result. */
  write(text: string): void;
  /** Writes a message. */
  writeError(text: string): void;
  /** Bytes from outside. To be asked once. */
  input(): ReadableStream<Uint8Array>;
}

const encoder = new TextEncoder();

/**
 * The process's own streams.
 *
 * @param signal Ends the work.
 */
export function processTerminal(signal: AbortSignal): Terminal {
  const isErrorTerminal = Deno.stderr.isTerminal();
  return {
    isTerminal: Deno.stdout.isTerminal(),
    isErrorTerminal,
    isInputTerminal: Deno.stdin.isTerminal(),
    hasColors: isErrorTerminal && !Deno.noColor,
    get width() {
      // some pseudo-terminals say 0
      return isErrorTerminal && Deno.consoleSize().columns || 80;
    },
    signal,
    write: (text) => writeAll(Deno.stdout, text),
    writeError: (text) => writeAll(Deno.stderr, text),
    input: () => Deno.stdin.readable,
  };
}

function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = encoder.encode(text);
  for (let written = 0; written < bytes.length;) {
    written += stream.writeSync(bytes.subarray(written));
  }
}
