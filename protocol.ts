/**
 * The native protocol of the caption server, for programs that speak it themselves: types of every
 * message, the close codes, the names of the subprotocols. It imports nothing.
 *
 * ```ts
 * import { CLOSE_CODES, type ServerMessage } from "./protocol.ts";
 *
 * function render(message: ServerMessage): string {
 *   if (message.type === "error") return `${message.message} (${CLOSE_CODES[message.code]})`;
 *   if (message.type !== "caption") return "";
 *   return message.committed.map(({ text }) => text).join(" ");
 * }
 * render({ type: "draining" });
 * ```
 *
 * @module
 */
export * from "./src/server/protocol.ts";
