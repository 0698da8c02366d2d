/**
 * A client of vosk-server as its samples are: it sends, waits for the answer, and sends again.
 *
 * @module
 */

/** What the server answers. */
export interface VoskAnswer {
  readonly partial?: string;
  readonly text?: string;
  readonly result?: readonly { conf: number; start: number; end: number; word: string }[];
  readonly alternatives?: readonly {
    confidence: number;
    text: string;
    result?: readonly { start: number; end: number; word: string }[];
  }[];
}

/** A connection that must never be told more than it asked for. */
export class VoskClient implements AsyncDisposable {
  readonly socket: WebSocket;
  readonly opened: Promise<void>;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly #answers: VoskAnswer[] = [];
  #changed = Promise.withResolvers<void>();

  constructor(url: string) {
    this.socket = new WebSocket(url.replace(/^http/, "ws"));
    const opened = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<{ code: number; reason: string }>();
    opened.promise.catch(() => {});
    this.opened = opened.promise;
    this.closed = closed.promise;
    this.socket.onopen = () => opened.resolve();
    this.socket.onerror = () => opened.reject(new Error("The connection was refused"));
    this.socket.onclose = ({ code, reason }) => {
      closed.resolve({ code, reason });
      this.#changed.resolve();
    };
    this.socket.onmessage = ({ data }) => {
      this.#answers.push(JSON.parse(data));
      this.#changed.resolve();
    };
  }

  /** Answers that nobody has asked for. */
  get unaskedCount(): number {
    return this.#answers.length;
  }

  /** Sends without waiting: what has no answer. */
  tell(message: unknown): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Sends, and waits for the one answer. */
  async ask(message: Uint8Array<ArrayBuffer> | object): Promise<VoskAnswer> {
    if (this.#answers.length > 0) throw new Error("There is an answer that nobody asked for");
    this.socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
    while (this.#answers.length === 0) {
      if (this.socket.readyState === WebSocket.CLOSED) throw new Error("Closed before the answer");
      await this.#changed.promise;
      this.#changed = Promise.withResolvers();
    }
    return this.#answers.shift()!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState !== WebSocket.CLOSED) this.socket.close();
    await this.closed;
  }
}
