/**
 * The caption server, for programs that bring it along: the page, the native protocol, and those of
 * Deepgram, Vosk and OpenAI.
 *
 * ```ts
 * import { CaptionEngine } from "./mod.ts";
 * import { startServer } from "./server.ts";
 * import { CaptionClient } from "./client.ts";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = new URL("tests/golden/ctc_adapter", import.meta.url).pathname;
 * await using server = await startServer({ port: 0, maxSessions: 8 }, {
 *   engine: (observer) => CaptionEngine.load(folder, { backend: "cpu", observer }),
 * });
 * await server.settled; // until then speakers are asked to come back
 *
 * let heardMs = 0;
 * await using client = new CaptionClient({
 *   url: `${server.url}/v1/captions`,
 *   audio: { encoding: "s16le", sampleRateHz: 16_000 },
 *   bytesPerSample: 2,
 *   onMessage: (message) => {
 *     if (message.type === "end") heardMs = message.atMs;
 *   },
 * });
 * await client.write(new Uint8Array(32_000));
 * await client.end();
 * assertEquals(heardMs, 1000);
 * ```
 *
 * @module
 */
export * from "./src/server/serve.ts";
export type { ServerConfig } from "./src/server/server_config.ts";
export type { EngineSource, EngineState } from "./src/server/engine_slot.ts";
