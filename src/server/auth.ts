/**
 * Who may come in: API keys, compared in constant time, and web origins.
 *
 * @module
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { KEY_SUBPROTOCOL_PREFIX, SUBPROTOCOL } from "./protocol.ts";

/** A key that opens the server. */
export interface ApiKey {
  /** What logs, metrics and limits call its holder. */
  readonly name: string;
  /** SHA-256 of the key. */
  readonly digest: Uint8Array;
}

/** What a request shows of itself. */
export type Identity =
  | {
    readonly kind: "known";
    /** Name of the key; `undefined` on a server without keys. */
    readonly keyName: string | undefined;
    /** The subprotocol to answer an upgrade with, if any was offered. */
    readonly subprotocol: string | undefined;
  }
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * Reads keys as the configuration writes them: `name:key`, or the key alone.
 *
 * @throws {RangeError} If a key is short or could not go in a header, or a name comes twice.
 */
export function parseApiKeys(lines: readonly string[]): ApiKey[] {
  const keys = lines.map((line, index): ApiKey => {
    const colon = line.indexOf(":");
    const name = colon > 0 ? line.slice(0, colon) : `key${index + 1}`;
    const secret = line.slice(colon + 1);
    if (!/^[\w.~-]{16,}$/.test(secret)) {
      throw new RangeError(
        `Cannot use API key "${name}" as it must have at least 16 of the characters ` +
          `A-Z a-z 0-9 _ . ~ -: it has ${secret.length} in all`,
      );
    }
    return { name, digest: digestOf(secret) };
  });
  const names = new Set(keys.map(({ name }) => name));
  if (names.size < keys.length) {
    throw new RangeError("Cannot use the API keys as two have the same name");
  }
  return keys;
}

/**
 * Finds out whose request it is.
 *
 * A key may come as `Authorization: Bearer KEY` (or `Token KEY`), as `x-api-key`, as the query's
 * `key`, or in the subprotocols: `["hubcap.v1", "hubcap.key.KEY"]`, or `["token", KEY]` and
 * `["bearer", KEY]` as Deepgram's clients send it.
 *
 * @param request The request; only its address and headers are read.
 * @param keys The keys; with none, everybody is known.
 */
export function identify(request: Request, keys: readonly ApiKey[]): Identity {
  const offer = subprotocolOffer(request);
  const subprotocol = offer.subprotocol;
  if (keys.length === 0) return { kind: "known", keyName: undefined, subprotocol };
  const secret = headerKey(request.headers) ?? offer.key ??
    new URL(request.url).searchParams.get("key") ?? undefined;
  if (secret === undefined) {
    return {
      kind: "unknown",
      reason: "Cannot let you in as there is no API key: send it as 'Authorization: Bearer KEY'",
    };
  }
  const key = findKey(keys, secret);
  return key === undefined
    ? { kind: "unknown", reason: "Cannot let you in as the API key is not known" }
    : { kind: "known", keyName: key.name, subprotocol };
}

function headerKey(headers: Headers): string | undefined {
  const [, fromAuthorization] = /^(?:bearer|token)\s+(\S+)\s*$/i
    .exec(headers.get("authorization") ?? "") ?? [];
  return fromAuthorization ?? headers.get("x-api-key") ?? undefined;
}

/** The subprotocol to choose, and the key that came with it. A key is never chosen: it would be echoed. */
function subprotocolOffer(request: Request): { subprotocol?: string; key?: string } {
  const offered = (request.headers.get("sec-websocket-protocol") ?? "")
    .split(",").map((name) => name.trim()).filter((name) => name !== "");
  const deepgram = offered.findIndex((name) => /^(token|bearer)$/i.test(name));
  if (deepgram >= 0 && offered[deepgram + 1] !== undefined) {
    return { subprotocol: offered[deepgram]!, key: offered[deepgram + 1]! };
  }
  const own = offered.find((name) => name.startsWith(KEY_SUBPROTOCOL_PREFIX));
  return {
    ...(offered.includes(SUBPROTOCOL) ? { subprotocol: SUBPROTOCOL } : {}),
    ...(own === undefined ? {} : { key: own.slice(KEY_SUBPROTOCOL_PREFIX.length) }),
  };
}

/** Looks at every key, so that the time taken tells nothing. */
function findKey(keys: readonly ApiKey[], secret: string): ApiKey | undefined {
  const digest = digestOf(secret);
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.digest, digest)) found = key;
  return found;
}

/** Whether two secrets are equal, in time that tells nothing. */
export function isSameSecret(one: string, other: string): boolean {
  return timingSafeEqual(digestOf(one), digestOf(other));
}

function digestOf(secret: string): Uint8Array {
  return new Uint8Array(createHash("sha256").update(secret).digest());
}

/** What decides over origins. */
export interface OriginRules {
  /** Origins that may use the server besides its own; `*` is any. */
  readonly allowedOrigins: readonly string[];
  /** Whether the server listens on this machine alone. */
  readonly isLoopback: boolean;
}

/**
 * Whether a page of this origin may use the server. Programs send no origin and may.
 *
 * On a server for this machine alone, the server's own origin must be a name of this machine: a
 * page whose name was made to point here (DNS rebinding) is not its own.
 */
export function isOriginAllowed(request: Request, rules: OriginRules): boolean {
  const origin = request.headers.get("origin");
  if (origin === null || rules.allowedOrigins.includes("*")) return true;
  if (rules.allowedOrigins.includes(origin)) return true;
  if (!URL.canParse(origin)) return false;
  const { host, hostname } = new URL(origin);
  if (host !== request.headers.get("host")) return false;
  return !rules.isLoopback || isLoopbackName(hostname);
}

/** Whether a host name means this machine. */
export function isLoopbackName(hostname: string): boolean {
  return hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
    hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
