/**
 * How long a batch is: what transformers' feature extractors share.
 *
 * @module
 */
import { AudioError } from "../errors.ts";
import { indexOfNonFinite } from "../tensor.ts";

/** Options of padding and cutting. Lengths are in what the model takes: samples, or log-mel frames. */
export interface PaddingOptions {
  /** Length of the batch: that of its longest input, or `maxLength`. @default {"longest"} */
  readonly padding?: "longest" | "max_length";
  /** Length that `padding: "max_length"` fills up to and `truncation` cuts at. @default {no limit} */
  readonly maxLength?: number;
  /** Whether inputs longer than `maxLength` are cut. @default {false} */
  readonly truncation?: boolean;
  /** Rounds the length of the batch up to a multiple of this. @default {1 sample, 2 log-mel frames} */
  readonly padToMultipleOf?: number;
}

/**
 * What an input may keep, and what each row of the batch gets.
 *
 * @param lengths Of the inputs.
 * @param options How to pad, and what lengths count, for errors.
 * @throws {RangeError} If an option is out of range, or an input longer than the batch.
 */
export function paddedLength(
  lengths: readonly number[],
  { padding = "longest", maxLength, truncation = false, padToMultipleOf = 1, unit }:
    & PaddingOptions
    & { readonly unit: string },
): { cut: number; length: number } {
  if (!Number.isSafeInteger(padToMultipleOf) || padToMultipleOf < 1) {
    throw new RangeError(
      `Cannot pad as padToMultipleOf must be a positive integer: ${padToMultipleOf}`,
    );
  }
  if (maxLength === undefined ? padding === "max_length" || truncation : !(maxLength >= 1)) {
    throw new RangeError(
      `Cannot pad or cut as maxLength must be a positive number of ${unit}: ${maxLength}`,
    );
  }
  const roundUp = (value: number) => Math.ceil(value / padToMultipleOf) * padToMultipleOf;
  const cut = truncation ? roundUp(maxLength!) : Infinity;
  const longest = Math.min(lengths.reduce((most, length) => Math.max(most, length), 0), cut);
  const length = roundUp(padding === "max_length" ? maxLength! : longest);
  if (length >= longest) return { cut, length };
  throw new RangeError(
    `Cannot pad to maxLength (${maxLength}) as a waveform has ${longest} ${unit}. Set truncation, or a greater maxLength`,
  );
}

/** @throws {RangeError} If audio has another rate than the model's. */
export function checkRate(modelRateHz: number, rateHz: number = modelRateHz): void {
  if (rateHz === modelRateHz) return;
  throw new RangeError(
    `Cannot take audio at another rate than the model's ${modelRateHz} Hz: it has ${rateHz} Hz. Resample it first`,
  );
}

/** @throws {AudioError} If a sample is NaN or infinite. samples: [S] */
export function checkFinite(samples: Float32Array, row: number): void {
  const bad = indexOfNonFinite(samples);
  if (bad === -1) return;
  throw new AudioError(
    `Cannot take waveform ${row} as its samples must be finite numbers: sample ${bad} is ${
      samples[bad]
    }`,
  );
}
