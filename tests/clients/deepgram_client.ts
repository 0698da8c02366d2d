/**
 * What the drivers of Deepgram's own clients have in common.
 *
 * @module
 */

/** A reading of a result. */
interface Alternative {
  readonly transcript: string;
  readonly confidence: number;
  readonly words: readonly {
    readonly word: string;
    readonly punctuated_word: string;
    readonly start: number;
    readonly end: number;
    readonly confidence: number;
  }[];
}

/** A message of `/v1/listen`, as loosely as clients read it. */
export interface ListenMessage {
  readonly type: string;
  readonly start: number;
  readonly duration: number;
  readonly is_final: boolean;
  readonly speech_final: boolean;
  readonly from_finalize: boolean;
  readonly channel_index: [number, number];
  readonly channel: { readonly alternatives: readonly [Alternative, ...Alternative[]] };
  readonly metadata: { readonly request_id: string };
  readonly request_id: string;
  readonly channels: number;
  readonly last_word_end: number;
  readonly timestamp: number;
  readonly variant: string;
}

/** A connection of one of Deepgram's clients. */
export interface ListenClient {
  /** All that came. */
  readonly messages: ListenMessage[];
  send(bytes: Uint8Array<ArrayBuffer>): void;
  keepAlive(): void;
  finalize(): void;
  closeStream(): void;
  /** Resolves with the first message that `accept` accepts. */
  next(accept: (message: ListenMessage) => boolean): Promise<ListenMessage>;
  /** The code the connection is closed with. */
  readonly closed: Promise<number>;
  /** Hangs up. */
  close(): void;
}

/** Where a client connects, and what it asks for. */
export interface ListenTarget {
  /** The server, as `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly key: string;
  /** The query. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Keeps messages, and wakes who waits for one. */
export class Inbox {
  readonly messages: ListenMessage[] = [];
  #changed = Promise.withResolvers<void>();

  push(message: ListenMessage): void {
    this.messages.push(message);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async next(accept: (message: ListenMessage) => boolean): Promise<ListenMessage> {
    while (true) {
      const found = this.messages.find(accept);
      if (found !== undefined) return found;
      await this.#changed.promise;
    }
  }
}

/** The transcript of the final results of a channel. */
export function transcriptOf(messages: readonly ListenMessage[], channel = 0): string {
  return finalsOf(messages, channel).map((result) => result.channel.alternatives[0].transcript)
    .filter((text) => text !== "").join(" ");
}

/** The final results of a channel. */
export function finalsOf(messages: readonly ListenMessage[], channel = 0): ListenMessage[] {
  return messages.filter(({ type, is_final, channel_index }) =>
    type === "Results" && is_final && channel_index[0] === channel
  );
}
