/**
 * The current client of Deepgram, as its users drive it. It sends its key as a header.
 *
 * @module
 */
import { DeepgramClient } from "@deepgram/sdk";
import {
  Inbox,
  type ListenClient,
  type ListenMessage,
  type ListenTarget,
} from "./deepgram_client.ts";

/**
 * Connects.
 *
 * @throws If the server refuses.
 */
export async function connectSdk5({ url, key, options }: ListenTarget): Promise<ListenClient> {
  const client = new DeepgramClient({ apiKey: key, baseUrl: url.replace(/^http/, "ws") });
  const socket = await client.listen.v1.connect(
    {
      model: "nova-3",
      reconnectAttempts: 0,
      ...options,
    } as Parameters<typeof client.listen.v1.connect>[0],
  );
  const inbox = new Inbox();
  const closed = Promise.withResolvers<number>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  socket.on("message", (message) => inbox.push(message as unknown as ListenMessage));
  socket.on("close", ({ code }) => closed.resolve(code));
  socket.on("error", (error) => failed.reject(error));
  socket.connect();
  await Promise.race([socket.waitForOpen(), failed.promise]);
  return {
    messages: inbox.messages,
    send: (bytes) => socket.sendMedia(bytes),
    keepAlive: () => socket.sendKeepAlive({ type: "KeepAlive" }),
    finalize: () => socket.sendFinalize({ type: "Finalize" }),
    closeStream: () => socket.sendCloseStream({ type: "CloseStream" }),
    next: (accept) => inbox.next(accept),
    closed: closed.promise,
    close: () => socket.close(),
  };
}
