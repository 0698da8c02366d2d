/**
 * What a speaker sent and was not taken in yet: audio and the wishes between it, in order.
 *
 * @module
 */
import type { AudioInput } from "./audio_input.ts";

/** What an intake tells its session. All are called one at a time. */
export interface IntakeHooks {
  /** Audio was taken in. */
  readonly onAccepted: () => void;
  /** All audio before a wish to finalize was taken in. */
  readonly onFinalize: () => void;
  /** All audio was taken in, and none follows. */
  readonly onEnd: () => void;
  /** Audio could not be taken in. */
  readonly onError: (error: unknown) => void;
}

/** What waits to be taken in. */
type Item =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "finalize" | "end" };

/** Audio taken in at once: what a cut connection can leave half done. */
const PIECE_SECONDS = 0.1;

/** Takes audio in piece by piece, as there is room. */
export class Intake {
  readonly #input: AudioInput;
  readonly #hooks: IntakeHooks;
  #items: Item[] = [];
  #byteLength = 0;
  #isBusy = false;

  /** @param input Where audio goes. @param hooks What is told. */
  constructor(input: AudioInput, hooks: IntakeHooks) {
    this.#input = input;
    this.#hooks = hooks;
  }

  /** Bytes that wait. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Takes audio. */
  push(bytes: Uint8Array): void {
    this.#byteLength += bytes.length;
    this.#add({ kind: "bytes", bytes });
  }

  /** Takes a wish that follows the audio so far; the same one twice is one. */
  ask(kind: "finalize" | "end"): void {
    if (this.#items.at(-1)?.kind !== kind) this.#add({ kind });
  }

  /** Forgets what waits. */
  clear(): void {
    this.#items = [];
    this.#byteLength = 0;
  }

  #add(item: Item): void {
    this.#items.push(item);
    if (!this.#isBusy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    try {
      for (let item = this.#next(); item !== undefined; item = this.#next()) await this.#take(item);
    } catch (error) {
      this.#hooks.onError(error);
    } finally {
      this.#isBusy = false;
    }
  }

  /** The next item; of bytes only a piece. */
  #next(): Item | undefined {
    const [item] = this.#items;
    if (item?.kind !== "bytes") return this.#items.shift();
    const length = Math.max(1, Math.round(PIECE_SECONDS / this.#input.secondsPerByte));
    const bytes = item.bytes.subarray(0, length);
    const rest = item.bytes.subarray(length);
    if (rest.length === 0) this.#items.shift();
    else this.#items[0] = { kind: "bytes", bytes: rest };
    this.#byteLength -= bytes.length;
    return { kind: "bytes", bytes };
  }

  async #take(item: Item): Promise<void> {
    switch (item.kind) {
      case "bytes": {
        const hasRoom = this.#input.write(item.bytes);
        if (hasRoom !== undefined) await hasRoom;
        return this.#hooks.onAccepted();
      }
      case "finalize":
        await this.#input.settle();
        return this.#hooks.onFinalize();
      case "end":
        await this.#input.end();
        return this.#hooks.onEnd();
      default:
        item satisfies never;
    }
  }
}
