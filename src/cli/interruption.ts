/**
 * Ctrl-C: the work is asked to end, and ended if it does not.
 *
 * @module
 */

/** Time that interrupted work has to clean up, ms. */
let graceMs = 2000;

/** Gives interrupted work more time: a server has people to finish with. */
export function allowGrace(ms: number): void {
  graceMs = Math.max(graceMs, ms);
}

/** Signals that end a program, and their exit codes: 128 and the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** The process's interruption. */
export interface Interruption {
  /** Aborted when the process is asked to end. */
  readonly signal: AbortSignal;
  /** Ends the process with the work's exit code, or that of the signal. */
  exitWhenDone(work: Promise<number>): Promise<never>;
}

/** Listens for the signals that end a program; the second one ends it at once. */
export function interruption(): Interruption {
  const controller = new AbortController();
  const interrupted = Promise.withResolvers<number>();
  // Windows knows no SIGTERM.
  const names = Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM"] as const;
  for (const name of names) {
    Deno.addSignalListener(name, () => {
      const code = EXIT_CODES[name];
      if (controller.signal.aborted) Deno.exit(code);
      controller.abort(new Deno.errors.Interrupted(`The work was ended by ${name}`));
      interrupted.resolve(code);
    });
  }
  return {
    signal: controller.signal,
    async exitWhenDone(work) {
      const settled = work.then((code) => code, (error) => {
        if (!controller.signal.aborted) throw error;
      });
      const code = await Promise.race([settled, interrupted.promise]);
      if (!controller.signal.aborted) Deno.exit(code ?? 1);
      const grace = new Promise<undefined>((resolve) =>
        setTimeout(() => resolve(undefined), graceMs)
      );
      const finished = await Promise.race([settled, grace]);
      Deno.exit(finished ?? await interrupted.promise);
    },
  };
}
