/**
 * WebSockets as the server uses them: upgraded, and guarded against readers that do not read.
 *
 * @module
 */
import type { ServerConfig } from "./config.ts";
import { LimitError, type Permit } from "./limits.ts";

/** How a request becomes a socket. */
export interface UpgradeOptions {
  /** Room for the connection, given back when it is closed. */
  readonly permit: Permit;
  /** The subprotocol chosen. */
  readonly subprotocol?: string | undefined;
  /** Headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** An upgraded connection. */
export interface Upgraded {
  readonly socket: WebSocket;
  readonly response: Response;
}

/** Whether a request asks to become a WebSocket. */
export function isUpgrade(request: Request): boolean {
  return request.headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** Makes a WebSocket of a request. Set handlers before anything is awaited. */
export function upgrade(
  request: Request,
  config: Pick<ServerConfig, "pingSeconds">,
  options: UpgradeOptions,
): Upgraded {
  const { permit, subprotocol, headers = {} } = options;
  try {
    const { socket, response } = Deno.upgradeWebSocket(request, {
      idleTimeout: config.pingSeconds,
      ...(subprotocol === undefined ? {} : { protocol: subprotocol }),
    });
    for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("close", () => permit[Symbol.dispose](), { once: true });
    return { socket, response };
  } catch (error) {
    permit[Symbol.dispose]();
    throw error;
  }
}

/**
 * Sends a text, if the socket is open and its reader keeps up.
 *
 * @throws {LimitError} If more than `maxBufferedBytes` wait for the reader.
 */
export function sendText(
  socket: WebSocket,
  text: string,
  config: Pick<ServerConfig, "maxBufferedBytes">,
): void {
  if (socket.readyState !== WebSocket.OPEN) return;
  if (socket.bufferedAmount > config.maxBufferedBytes) throw slowReader(socket);
  socket.send(text);
}

/** How often a reader that is behind is looked at, ms. */
const LOOK_MS = 50;

/**
 * Resolves at once while the reader keeps up, else when it has caught up or the socket is closed.
 *
 * @throws {LimitError} If it reads nothing for `slowReaderSeconds`.
 */
export async function readerReady(
  socket: WebSocket,
  config: Pick<ServerConfig, "maxBufferedBytes" | "slowReaderSeconds">,
): Promise<void> {
  let least = Infinity;
  let deadlineMs = 0;
  while (socket.readyState === WebSocket.OPEN && socket.bufferedAmount > config.maxBufferedBytes) {
    if (socket.bufferedAmount < least) {
      least = socket.bufferedAmount;
      deadlineMs = performance.now() + 1000 * config.slowReaderSeconds;
    }
    if (performance.now() > deadlineMs) throw slowReader(socket);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Closes a socket that is not closed yet. */
export function closeSocket(socket: WebSocket, close: { code: number; reason?: string }): void {
  if (socket.readyState > WebSocket.OPEN) return;
  socket.close(close.code, (close.reason ?? "").slice(0, 60)); // at most 123 bytes
}

function slowReader(socket: WebSocket): LimitError {
  return new LimitError(
    "slow_reader",
    `Cannot send more as ${socket.bufferedAmount} bytes have not been read`,
  );
}
