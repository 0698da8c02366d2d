/**
 * The client of Deepgram that most programs still have. Where there is a global WebSocket it sends
 * its key as a subprotocol.
 *
 * @module
 */
// @ts-types="./deepgram_sdk_4.d.ts"
import { createClient } from "@deepgram/sdk-4";
import {
  Inbox,
  type ListenClient,
  type ListenMessage,
  type ListenTarget,
} from "./deepgram_client.ts";

/** Events of its connection that are messages. */
const MESSAGES = ["Results", "Metadata", "UtteranceEnd", "SpeechStarted", "Unhandled"];

/**
 * Connects.
 *
 * @throws If the server refuses.
 */
export async function connectSdk4({ url, key, options }: ListenTarget): Promise<ListenClient> {
  const client = createClient(key, {
    global: { websocket: { options: { url: url.replace(/^http/, "ws") } } },
  });
  const connection = client.listen.live({ model: "nova-2", ...options });
  const inbox = new Inbox();
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<number>();
  for (const name of MESSAGES) {
    connection.on(name, (message: ListenMessage) => inbox.push(message));
  }
  connection.on("open", () => opened.resolve());
  connection.on("error", (error: unknown) => opened.reject(error));
  connection.on("close", ({ code }: { code: number }) => closed.resolve(code));
  await opened.promise;
  return {
    messages: inbox.messages,
    send: (bytes) => connection.send(bytes.buffer),
    keepAlive: () => connection.keepAlive(),
    finalize: () => connection.finalize(),
    closeStream: () => connection.requestClose(),
    next: (accept) => inbox.next(accept),
    closed: closed.promise,
    close: () => connection.disconnect(),
  };
}
