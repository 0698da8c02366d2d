/**
 * How much is let in: speakers at once, connections at once, audio a second.
 *
 * @module
 */
import type { ServerConfig } from "./config.ts";
import type { ErrorCode, RefusalCode } from "./protocol.ts";

/** A request or a session turned away. */
export interface Refusal {
  readonly kind: "refused";
  /** HTTP status. */
  readonly status: 400 | 401 | 403 | 404 | 426 | 429 | 503;
  readonly code: RefusalCode;
  readonly message: string;
  /** When to try again. */
  readonly retryAfterMs?: number;
}

/** A limit that a client went over; the connection ends with it. */
export class LimitError extends Error {
  override name = "LimitError";
  /** Which one. */
  readonly code: ErrorCode;
  /** When to try again, where that helps. */
  readonly retryAfterMs: number | undefined;

  /** @param code Which one. @param message What came, and what was allowed. */
  constructor(code: ErrorCode, message: string, options: { retryAfterMs?: number } = {}) {
    super(message);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Room for one speaker or one connection. Give it back once; more is harmless. */
export interface Permit extends Disposable {
  readonly kind: "admitted";
}

/** How soon a client turned away for want of room may ask again. */
const RETRY_AFTER_MS = 5000;

/** Who asks for room. */
export interface Caller {
  /** Name of the key; `undefined` on a server without keys. */
  readonly keyName: string | undefined;
  /** Where the request comes from; `undefined` where that is not known. */
  readonly address: string | undefined;
}

/** Counts speakers and connections. */
export class Gate {
  readonly #config: ServerConfig;
  readonly #byKey = new Tally();
  readonly #byAddress = new Tally();
  #speakerCount = 0;
  #socketCount = 0;

  /** @param config Where the limits are. */
  constructor(config: ServerConfig) {
    this.#config = config;
  }

  /** Speakers now, those that may still resume included. */
  get speakerCount(): number {
    return this.#speakerCount;
  }

  /** Connections now. */
  get socketCount(): number {
    return this.#socketCount;
  }

  /**
   * Takes room for a speaker.
   *
   * @param caller Whose it is.
   */
  admitSpeaker({ keyName, address }: Caller): Permit | Refusal {
    const { maxSessions, maxSessionsPerKey, maxSessionsPerAddress } = this.#config;
    if (this.#byKey.of(keyName) >= maxSessionsPerKey) {
      return refusal(
        429,
        "too_many_sessions",
        `Cannot open a session as the key has ${maxSessionsPerKey}, the most allowed`,
      );
    }
    if (this.#byAddress.of(address) >= maxSessionsPerAddress) {
      return refusal(
        429,
        "too_many_from_address",
        `Cannot open a session as there are ${maxSessionsPerAddress} from ${address}, the most allowed`,
      );
    }
    if (this.#speakerCount >= maxSessions) {
      return refusal(
        503,
        "server_full",
        `Cannot open a session as there are ${this.#speakerCount}, the most allowed`,
      );
    }
    const count = (change: 1 | -1) => {
      this.#speakerCount += change;
      this.#byKey.count(keyName, change);
      this.#byAddress.count(address, change);
    };
    count(1);
    return permit(() => count(-1));
  }

  /** Takes room for a connection. */
  admitSocket(): Permit | Refusal {
    if (this.#socketCount >= this.#config.maxSockets) {
      return refusal(
        503,
        "server_full",
        `Cannot connect as there are ${this.#socketCount} connections, the most allowed`,
      );
    }
    this.#socketCount++;
    return permit(() => void this.#socketCount--);
  }
}

/** How many each of some names has. Nobody without a name has any. */
class Tally {
  readonly #counts = new Map<string, number>();

  of(name: string | undefined): number {
    return name === undefined ? 0 : this.#counts.get(name) ?? 0;
  }

  count(name: string | undefined, change: 1 | -1): void {
    if (name === undefined) return;
    const count = this.of(name) + change;
    if (count === 0) this.#counts.delete(name);
    else this.#counts.set(name, count);
  }
}

function permit(release: () => void): Permit {
  let isHeld = true;
  return {
    kind: "admitted",
    [Symbol.dispose]: () => {
      if (isHeld) release();
      isHeld = false;
    },
  };
}

function refusal(
  status: Refusal["status"],
  code: RefusalCode,
  message: string,
): Refusal {
  return { kind: "refused", status, code, message, retryAfterMs: RETRY_AFTER_MS };
}

/** Options of {@linkcode SpeedLimit}. */
export interface SpeedLimitOptions {
  /** Audio a second of time, for long. */
  readonly maxSpeed: number;
  /** Audio above that, at once. */
  readonly burstSeconds: number;
  /** The clock, ms. @default {performance.now} */
  readonly nowMs?: () => number;
}

/** Audio above real time: a bucket that `burstSeconds` fill and `maxSpeed` empties. */
export class SpeedLimit {
  readonly #options: SpeedLimitOptions;
  readonly #nowMs: () => number;
  #filledSeconds = 0;
  #atMs: number;

  /** @param options The limit. */
  constructor(options: SpeedLimitOptions) {
    const { nowMs = () => performance.now() } = options;
    this.#options = options;
    this.#nowMs = nowMs;
    this.#atMs = nowMs();
  }

  /** Whether this much audio may come now; it is counted only then. */
  take(seconds: number): boolean {
    const { maxSpeed, burstSeconds } = this.#options;
    const nowMs = this.#nowMs();
    const emptied = (nowMs - this.#atMs) / 1000 * maxSpeed;
    this.#atMs = nowMs;
    this.#filledSeconds = Math.max(0, this.#filledSeconds - emptied);
    if (this.#filledSeconds + seconds > burstSeconds) return false;
    this.#filledSeconds += seconds;
    return true;
  }
}

/** Text messages a second, for long, and at once: many times what any client has to say. */
const TEXT_LIMIT = { maxSpeed: 50, burstSeconds: 1000 };

/** How much one connection may say in text, as each message costs time that others need. */
export class TextLimit {
  readonly #limit = new SpeedLimit(TEXT_LIMIT);

  /** @throws {LimitError} If it is too much. */
  take(): void {
    if (this.#limit.take(1)) return;
    throw new LimitError(
      "too_fast",
      `Cannot take more than ${TEXT_LIMIT.maxSpeed} text messages a second for long`,
    );
  }
}
