/**
 * Word emission latency and erasure: what a reader saw, against what was spoken.
 *
 * @module
 */
import type { Count } from "./statistics.ts";
import type { SpokenWord } from "./word_times.ts";

/** A word as it was shown. */
export type ShownWord = SpokenWord;

/** A caption and when it came. */
export interface SeenCaption {
  /** Since the recording's first sample was spoken, ms. */
  readonly atMs: number;
  /** Words that became final with it. */
  readonly committed: readonly ShownWord[];
  /** Words after them that may change. */
  readonly tentative: readonly ShownWord[];
}

/** How long after its end a spoken word was shown, ms. */
export interface WordLatency {
  /** A first guess at it. */
  readonly interim: number;
  /** Its final text, not to change again. */
  readonly stable: number;
  /** Committed: known not to change. */
  readonly final: number;
  /** When the word ended, ms since the recording began. */
  readonly endMs: number;
}

/**
 * Latencies of the spoken words that were captioned. A spoken word's caption is the final word that
 * shares most time with it; a guess at that word is one that shares more than half of its time.
 *
 * @param spoken What was said, in order. @param seen What was shown, in order.
 */
export function wordLatencies(
  spoken: readonly SpokenWord[],
  seen: readonly SeenCaption[],
): WordLatency[] {
  const finals = seen.flatMap(({ committed, atMs }, index) =>
    committed.map((word) => ({ word, atMs, index }))
  );
  return spoken.flatMap((said) => {
    const found = finals.map((final) => ({ ...final, shared: sharedMs(final.word, said) }))
      .reduce((best, next) => next.shared > best.shared ? next : best, NOTHING);
    if (found.word === undefined) return [];
    const { interimMs, stableMs } = firstShown(found.word, seen.slice(0, found.index + 1));
    return [{
      interim: interimMs - said.endMs,
      stable: stableMs - said.endMs,
      final: found.atMs - said.endMs,
      endMs: said.endMs,
    }];
  });
}

const NOTHING = { word: undefined, atMs: 0, index: 0, shared: 0 } as {
  word: ShownWord | undefined;
  atMs: number;
  index: number;
  shared: number;
};

function sharedMs(a: SpokenWord, b: SpokenWord): number {
  return Math.min(a.endMs, b.endMs) - Math.max(a.startMs, b.startMs);
}

/** When a final word was first guessed at, and since when its text stood. */
function firstShown(
  final: ShownWord,
  seen: readonly SeenCaption[],
): { interimMs: number; stableMs: number } {
  let [interimMs, stableMs] = [Infinity, Infinity];
  for (const { atMs, committed, tentative } of seen) {
    const shown = [...committed, ...tentative].find((word) =>
      sharedMs(word, final) > (final.endMs - final.startMs) / 2
    );
    if (shown !== undefined) interimMs = Math.min(interimMs, atMs);
    stableMs = shown?.text === final.text ? Math.min(stableMs, atMs) : Infinity;
  }
  return { interimMs, stableMs };
}

/**
 * Tentative words that were taken back, and final words. A word counts each time it changes or a
 * word before it does: the reader loses their place there (normalised erasure, arXiv 2004.03643).
 */
export function erasure(seen: readonly SeenCaption[]): Count {
  let [erased, finals] = [0, 0];
  let guess: string[] = [];
  for (const { committed, tentative } of seen) {
    const now = [...committed, ...tentative].map(({ text }) => text);
    const firstChange = guess.findIndex((text, i) => text !== now[i]);
    if (firstChange >= 0) erased += guess.length - firstChange;
    finals += committed.length;
    guess = now.slice(committed.length);
  }
  return [erased, finals];
}

/**
 * By how much a value rises in a unit of time at the least: the slope of the least squares, less
 * twice its standard error, so that noise alone seldom rises. -Infinity for fewer than three.
 */
export function leastRise(points: readonly (readonly [at: number, value: number])[]): number {
  const mean = (index: 0 | 1) => points.reduce((sum, p) => sum + p[index], 0) / points.length;
  const [meanAt, meanValue] = [mean(0), mean(1)];
  const spread = points.reduce((sum, [at]) => sum + (at - meanAt) ** 2, 0);
  if (points.length < 3 || !(spread > 0)) return -Infinity;
  const slope = points.reduce((sum, [at, value]) => sum + (at - meanAt) * (value - meanValue), 0) /
    spread;
  const residue = points.reduce(
    (sum, [at, value]) => sum + (value - meanValue - slope * (at - meanAt)) ** 2,
    0,
  );
  return slope - 2 * Math.sqrt(residue / (points.length - 2) / spread);
}
