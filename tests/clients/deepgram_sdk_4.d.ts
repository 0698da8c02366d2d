/**
 * The part of the client's types that is used. Its own types bring those of an old Node.js, which
 * take the place of Deno's for the whole program.
 */

/** A live connection. */
export interface LiveClient {
  // deno-lint-ignore no-explicit-any
  on(event: string, listener: (data: any) => void): void;
  send(data: ArrayBuffer): void;
  keepAlive(): void;
  finalize(): void;
  requestClose(): void;
  disconnect(): void;
}

/** Makes a client. */
export function createClient(
  key: string,
  options: { global: { websocket: { options: { url: string } } } },
): { listen: { live(options: Record<string, unknown>): LiveClient } };
