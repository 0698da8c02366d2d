/**
 * Parts of error messages.
 *
 * @module
 */

/** Characters of a found value that a message shows. */
const MAX_SHOWN = 80;

/** An error's own words. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A value found in a file, as JSON, cut short: files can be hostile. */
export function shown(value: unknown): string {
  const text = typeof value === "bigint" ? String(value) : asJson(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "(nested too deeply to show)";
  }
}
