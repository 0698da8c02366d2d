/**
 * What all dialects do with a text first.
 *
 * @module
 */
import { LimitError } from "./limits.ts";

/**
 * Reads a text message as JSON.
 *
 * @param maxBytes Most characters.
 * @throws {LimitError} If it is too long, or no JSON.
 */
export function jsonOf(text: string, maxBytes: number): unknown {
  if (text.length > maxBytes) {
    throw new LimitError(
      "message_too_big",
      `Cannot take a message of ${text.length} characters as the most is ${maxBytes}`,
    );
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new LimitError("bad_message", "Cannot understand the message as it is not JSON");
  }
}
