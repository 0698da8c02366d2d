/**
 * What a run costs, by how many windows it holds and how long they are: measured on a device, and
 * read between and beyond the measurements.
 *
 * @module
 */
import type { SpeechModel } from "../src/speech_model.ts";
import { steadyJobs, timed } from "./steady_windows.ts";
import { WindowEncoder } from "../src/window_encoder.ts";

/** Measured costs. */
export interface CostCurve {
  /** Windows in a run, rising. */
  readonly batches: readonly number[];
  /** Lengths of windows, rising, ms. */
  readonly windowsMs: readonly number[];
  /** Time of a run, ms: a row for each of `batches`, a column for each of `windowsMs`. */
  readonly runMs: readonly (readonly number[])[];
}

/** Measures a curve: the least of `rounds`, after a run that does not count. */
export async function measureCosts(
  model: SpeechModel<"ctc">,
  { batches, windowsMs, rounds, onPart }: Pick<CostCurve, "batches" | "windowsMs"> & {
    rounds: number;
    onPart: (part: number) => void;
  },
): Promise<CostCurve> {
  const encoder = new WindowEncoder(model, { isShared: true, frontEndCache: false });
  const runMs: number[][] = [];
  for (const [i, streamCount] of batches.entries()) {
    const row: number[] = [];
    for (const [j, windowMs] of windowsMs.entries()) {
      onPart((i + j / windowsMs.length) / batches.length);
      const jobs = await steadyJobs(model, encoder, { windowMs, hopMs: 400, streamCount });
      await encoder.encode(jobs);
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) {
        times.push(await timed(() => encoder.encode(jobs)));
      }
      row.push(Math.min(...times)); // other work on the machine is no cost of the run
    }
    runMs.push(row);
  }
  return { batches, windowsMs, runMs };
}

/** Time of a run, ms: linear between the measurements, and beyond them along the last two. */
export function costOf(
  { batches, windowsMs, runMs }: CostCurve,
  { batch, windowMs }: { batch: number; windowMs: number },
): number {
  const rows = runMs.map((row) => interpolate(windowsMs, row, windowMs));
  return Math.max(0, interpolate(batches, rows, batch));
}

function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  if (xs.length === 1) return ys[0]! * x / xs[0]!;
  const above = xs.findIndex((value) => value >= x);
  const high = above < 0 ? xs.length - 1 : Math.max(1, above);
  const part = (x - xs[high - 1]!) / (xs[high]! - xs[high - 1]!);
  return ys[high - 1]! + part * (ys[high]! - ys[high - 1]!);
}
