/**
 * How long windows are and how often they come: options in milliseconds, and the
 * same in whole frames of a grid.
 *
 * @module
 */
import type { FrameGeometry } from "../geometry.ts";
import { msToSamples, samplesToMs } from "../units.ts";

/**
 * Windows in milliseconds. A caption is at most `hopMs + rightMs` behind its frames,
 * plus the time to compute; `leftMs` costs compute, not latency. What the defaults rest on is in
 * `bench/README.md`: agreement, accuracy and latency against context.
 */
export interface WindowOptions {
  /** Context before the frames a window commits, less only at stream start. Rounded up to frames. @default {4000} */
  leftMs?: number;
  /** Time from one window's end to the next one's. Rounded up to frames; `Infinity` is as long as `maxWindowMs` allows. @default {400} */
  hopMs?: number;
  /** Context after the frames a window commits, none only at a flush. Rounded up to frames. @default {600} */
  rightMs?: number;
  /**
   * Context after what ends a word, a delimiter or the next word: with so much the word is committed, and
   * the frames up to there, once its letters have `rightMs`. As much as `rightMs` commits no word before
   * its frames are due. Rounded up to frames. @default {100}
   */
  wordEndRightMs?: number;
  /**
   * Context after the letters of a word that is committed so, where the window before had the same ones.
   * As much as `rightMs` trusts no agreement. Rounded up to frames. @default {300}
   */
  agreeRightMs?: number;
  /** Longest window, with its context. Rounded down to frames. @default {12000} */
  maxWindowMs?: number;
  /** Length of a stream's first window, for a quick first word. Rounded up to frames; `Infinity` is `maxWindowMs`. @default {400} */
  firstWindowMs?: number;
  /**
   * Shortest window, silence before the stream making up what is lacking, as far as `leftMs` goes:
   * models seldom heard shorter recordings. Rounded up to frames, at most `maxWindowMs`. Nothing is
   * put before a stream that one window commits as a whole: it says what the recording says offline.
   *
   * @default {3000 in live streams of models that take samples, else 0}
   */
  leadMs?: number;
  /** Silence taken to follow the end of the stream, so that a model can finish the last word. @default {0} */
  tailPaddingMs?: number;
  /**
   * Whether a window that is late takes all that came meanwhile, as far as `maxWindowMs` allows.
   * Without it every hop has its window, and windows do not depend on how samples arrive.
   * @default {true}
   */
  catchUp?: boolean;
  /** Rate of the samples, Hz. @default {16000} */
  sampleRateHz?: number;
}

/** Windows in frames of a grid, checked to fit together. Made by {@linkcode windowPolicy}. */
export interface WindowPolicy {
  /** The grid. */
  readonly geometry: FrameGeometry;
  /** Frames of context before. */
  readonly leftFrames: number;
  /** Frames from one window's end to the next one's; at least 1. */
  readonly hopFrames: number;
  /** Frames of context after. */
  readonly rightFrames: number;
  /** Frames of context after letters on which two windows agree; at most `rightFrames`. */
  readonly agreeRightFrames: number;
  /** Frames of context after what ends a word; at most `rightFrames`. */
  readonly wordEndRightFrames: number;
  /** Most frames in a window; at least `leftFrames + hopFrames + rightFrames`. */
  readonly maxWindowFrames: number;
  /** Most samples in a window. */
  readonly maxWindowSamples: number;
  /** Frames in a stream's first window; at least 1. */
  readonly firstWindowFrames: number;
  /** Frames in the shortest window, silence before the stream making up what is lacking. */
  readonly leadFrames: number;
  /** Samples of silence taken to follow the end. */
  readonly tailPaddingSamples: number;
  /** Whether a window that is late takes all that came meanwhile. */
  readonly catchUp: boolean;
}

/** Whole recordings in the fewest windows: a file is a stream that is fed at once. */
export const OFFLINE_WINDOWS: Readonly<WindowOptions> = {
  leftMs: 4000,
  hopMs: Infinity,
  rightMs: 2000,
  wordEndRightMs: Infinity,
  agreeRightMs: Infinity,
  maxWindowMs: 30_000,
  firstWindowMs: Infinity,
  leadMs: 0,
};

/**
 * Windows of whole recordings for what takes no more than `limitMs` at once: at most half of a
 * window is context.
 */
export function offlineWindows(limitMs: number): Readonly<WindowOptions> {
  const maxWindowMs = Math.min(OFFLINE_WINDOWS.maxWindowMs!, limitMs);
  const contextMs = OFFLINE_WINDOWS.leftMs! + OFFLINE_WINDOWS.rightMs!;
  const share = Math.min(1, maxWindowMs / 2 / contextMs);
  const leftMs = share * OFFLINE_WINDOWS.leftMs!;
  const rightMs = share * OFFLINE_WINDOWS.rightMs!;
  return { ...OFFLINE_WINDOWS, leftMs, rightMs, maxWindowMs };
}

/**
 * Checks that windows are no longer than what there is for them.
 *
 * @param limit Longest window, and whose limit it is, to be said after "as".
 * @throws {RangeError} If they are longer.
 */
export function requireWindowsWithin(
  limit: { readonly limitMs: number; readonly because: string },
  { leftMs = 4000, hopMs = 400, rightMs = 600 }: WindowOptions,
): void {
  const windowMs = leftMs + (hopMs === Infinity ? 0 : hopMs) + rightMs;
  if (!(windowMs > limit.limitMs)) return;
  throw new RangeError(
    `Cannot use windows of leftMs ${leftMs} + hopMs ${hopMs} + rightMs ${rightMs}, ${windowMs} ms, ` +
      `as ${limit.because} ${limit.limitMs} ms: make one of the three shorter`,
  );
}

/**
 * Turns options into whole frames.
 *
 * @param geometry The frame grid.
 * @param options Lengths in milliseconds.
 * @throws {RangeError} If a length is negative or no number, or they do not fit together.
 *
 * @example
 * ```ts
 * import { convGeometry } from "../geometry.ts";
 * import { windowPolicy } from "./window_policy.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const geometry = convGeometry([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]);
 * const { hopFrames, maxWindowFrames } = windowPolicy(geometry, { hopMs: 390, maxWindowMs: 8000 });
 * assertEquals([hopFrames, maxWindowFrames], [20, 399]); // 400 ms, and 8 s hold 399 frames
 * ```
 */
export function windowPolicy(
  geometry: FrameGeometry,
  options: WindowOptions = {},
): WindowPolicy {
  const {
    leftMs = 4000,
    hopMs = 400,
    rightMs = 600,
    wordEndRightMs = 100,
    agreeRightMs = 300,
    maxWindowMs = 12_000,
    firstWindowMs = 400,
    leadMs = 0,
    tailPaddingMs = 0,
    catchUp = true,
    sampleRateHz = 16_000,
  } = options;
  requireRate(sampleRateHz);
  requireLengths({ leftMs, rightMs, maxWindowMs, leadMs, tailPaddingMs });
  requireLengths({ hopMs, firstWindowMs, wordEndRightMs, agreeRightMs }, { finite: false });
  const framesIn = (ms: number) =>
    Math.ceil(msToSamples(ms, sampleRateHz) / geometry.strideSamples);
  const maxWindowSamples = msToSamples(maxWindowMs, sampleRateHz);
  const maxWindowFrames = geometry.frameCount(maxWindowSamples);
  const leftFrames = framesIn(leftMs);
  const rightFrames = framesIn(rightMs);
  const roomFrames = maxWindowFrames - leftFrames - rightFrames;
  const hopFrames = hopMs === Infinity ? roomFrames : Math.max(1, framesIn(hopMs));
  const firstWindowFrames = firstWindowMs === Infinity
    ? maxWindowFrames
    : Math.max(1, framesIn(firstWindowMs));
  if (hopFrames < 1 || hopFrames > roomFrames || firstWindowFrames > maxWindowFrames) {
    const frameMs = samplesToMs(geometry.strideSamples, sampleRateHz);
    throw new RangeError(
      `Cannot plan windows as leftMs + hopMs + rightMs and firstWindowMs must fit in maxWindowMs: ` +
        `leftMs ${leftMs}, hopMs ${hopMs}, rightMs ${rightMs}, firstWindowMs ${firstWindowMs}, ` +
        `maxWindowMs ${maxWindowMs}, which holds ${maxWindowFrames} whole frames of ${frameMs} ms. ` +
        `Raise maxWindowMs, or shorten leftMs`,
    );
  }
  return {
    geometry,
    leftFrames,
    hopFrames,
    rightFrames,
    agreeRightFrames: Math.min(rightFrames, framesIn(agreeRightMs)),
    wordEndRightFrames: Math.min(rightFrames, framesIn(wordEndRightMs)),
    maxWindowFrames,
    maxWindowSamples,
    firstWindowFrames,
    leadFrames: Math.min(maxWindowFrames, framesIn(leadMs)),
    tailPaddingSamples: msToSamples(tailPaddingMs, sampleRateHz),
    catchUp,
  };
}

function requireRate(sampleRateHz: number): void {
  if (!(sampleRateHz > 0 && sampleRateHz < Infinity)) {
    throw new RangeError(
      `Cannot plan windows as sampleRateHz must be a positive number: ${sampleRateHz}`,
    );
  }
}

function requireLengths(lengths: Record<string, number>, options: { finite?: boolean } = {}): void {
  const { finite = true } = options;
  for (const [name, ms] of Object.entries(lengths)) {
    if (!(ms >= 0) || (finite && ms === Infinity)) {
      throw new RangeError(
        `Cannot plan windows as ${name} must be a ${
          finite ? "finite " : ""
        }number of at least 0: ${ms}`,
      );
    }
  }
}
