/**
 * A WebSocket client that does what no client should: frames by hand over TCP.
 *
 * @module
 */

/** A frame as clients send it, masked with zeros. */
export function frame(
  opcode: number,
  payload: Uint8Array,
  declaredLength: number = payload.length,
): Uint8Array<ArrayBuffer> {
  const length = declaredLength < 126
    ? [0x80 | declaredLength]
    : [0xff, ...new Uint8Array(new BigUint64Array([BigInt(declaredLength)]).buffer).reverse()];
  return new Uint8Array([0x80 | opcode, ...length, 0, 0, 0, 0, ...payload]);
}

export const TEXT = 1;
export const BINARY = 2;

/** A connection whose bytes are written by hand. */
export class RawSocket implements Disposable {
  readonly connection: Deno.Conn;
  /** The status line and headers of the answer. */
  readonly head: string;

  private constructor(connection: Deno.Conn, head: string) {
    this.connection = connection;
    this.head = head;
  }

  /** Connects, and asks for a WebSocket. */
  static async open(
    url: string,
    { path = "/v1/captions", headers = [] }: { path?: string; headers?: string[] } = {},
  ): Promise<RawSocket> {
    const { hostname, port, host } = new URL(url);
    const connection = await Deno.connect({ hostname, port: Number(port) });
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: ${host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      ...headers,
    ];
    const bytes = new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`);
    try {
      for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
    } catch { /* the server has had enough */ }
    const buffer = new Uint8Array(1 << 14);
    let head = "";
    while (!head.includes("\r\n\r\n")) {
      const count = await connection.read(buffer).catch(() => null);
      if (count === null) break;
      head += new TextDecoder("latin1").decode(buffer.subarray(0, count));
    }
    return new RawSocket(connection, head);
  }

  /** Status of the answer; 0 if the connection was cut without one. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.head)?.[1] ?? 0);
  }

  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) at += await this.connection.write(bytes.subarray(at));
  }

  /** Reads until the server closes; gives the bytes as text, and the close code. */
  async rest(): Promise<{ text: string; code: number }> {
    const parts: number[] = [];
    const buffer = new Uint8Array(1 << 16);
    for (;;) {
      const count = await this.connection.read(buffer).catch(() => null);
      if (count === null) break;
      for (const byte of buffer.subarray(0, count)) parts.push(byte);
      const close = closeCodeOf(parts);
      if (close !== undefined) return { text: textOf(parts), code: close };
    }
    return { text: textOf(parts), code: closeCodeOf(parts) ?? 1006 };
  }

  [Symbol.dispose](): void {
    try {
      this.connection.close();
    } catch { /* closed already */ }
  }
}

/** Asks for a path as it is written, which `fetch` would tidy up; gives the whole answer. */
export async function getRaw(url: string, path: string, headers: string[] = []): Promise<string> {
  const { hostname, port, host } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const lines = [`GET ${path} HTTP/1.1`, `Host: ${host}`, "Connection: close", ...headers];
  await connection.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
  return await new Response(connection.readable).text();
}

function textOf(bytes: readonly number[]): string {
  return new TextDecoder().decode(new Uint8Array(bytes));
}

/** Goes through the server's frames to a close. */
function closeCodeOf(bytes: readonly number[]): number | undefined {
  for (let at = 0; at + 2 <= bytes.length;) {
    const opcode = bytes[at]! & 0x0f;
    let length = bytes[at + 1]! & 0x7f;
    let start = at + 2;
    if (length === 126) [length, start] = [(bytes[start]! << 8) | bytes[start + 1]!, start + 2];
    else if (length === 127) return undefined;
    if (start + length > bytes.length) return undefined;
    if (opcode === 8) return (bytes[start]! << 8) | bytes[start + 1]!;
    at = start + length;
  }
  return undefined;
}
