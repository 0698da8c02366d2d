/**
 * Sizes for people.
 *
 * @module
 */

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** A number of bytes in three digits and a unit of thousands: `1.26 GB`. */
export function byteSize(byteLength: number): string {
  const step = byteLength < 1000 ? 0 : Math.floor(Math.log10(byteLength) / 3);
  const unit = Math.min(step, UNITS.length - 1);
  const value = byteLength / 1000 ** unit;
  return `${unit === 0 ? value : value.toPrecision(3)} ${UNITS[unit]}`;
}
