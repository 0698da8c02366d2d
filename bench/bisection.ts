/**
 * Finding the most that still works.
 *
 * @module
 */

/**
 * The largest whole number that passes, of those from 1 to `max`; 0 if none does. Doubles until one
 * fails, then halves the gap. What passes is taken to pass below, too.
 *
 * @param max The largest to try. @param passes Tries one.
 */
export async function largestPassing(
  max: number,
  passes: (count: number) => Promise<boolean>,
): Promise<number> {
  let passed = 0;
  let failed = max + 1;
  for (let count = 1; count <= max && failed > max; count = Math.min(2 * count, max)) {
    if (!await passes(count)) failed = count;
    else if ((passed = count) === max) return max;
  }
  while (failed - passed > 1) {
    const middle = Math.floor((passed + failed) / 2);
    if (await passes(middle)) passed = middle;
    else failed = middle;
  }
  return passed;
}
