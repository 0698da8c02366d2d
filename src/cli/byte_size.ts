/**
 * Sizes for people.
 *
 * @module
 */

const UNITS = ["B", "kB", "MB", "GB", "TB"] as const;

/** A number of bytes in three digits and a unit of thousands: `1.26 GB`. */
export function byteSize(byteLength: number): string {
  let value = byteLength;
  let unit = 0;
  // 999.5 would be rounded to four digits
  for (; value >= (unit === 0 ? 1000 : 999.5) && unit < UNITS.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toPrecision(3)} ${UNITS[unit]}`;
}
