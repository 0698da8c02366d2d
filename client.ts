/**
 * A client of the caption server's native protocol. When the connection breaks it comes back, with
 * nothing lost and nothing doubled.
 *
 * ```ts ignore
 * import { CaptionClient } from "./client.ts";
 *
 * await using client = new CaptionClient({
 *   url: "ws://localhost:8080/v1/captions",
 *   audio: { encoding: "s16le", sampleRateHz: 16_000 },
 *   bytesPerSample: 2,
 *   onMessage: (message) => {
 *     if (message.type === "caption") render(message.committed, message.tentative);
 *   },
 * });
 * for await (const bytes of microphone) await client.write(bytes);
 * await client.end();
 * ```
 *
 * @module
 */
export * from "./src/server/client.ts";
