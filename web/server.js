// @ts-check
/// <reference lib="dom" />
/**
 * Addresses of the server that this page came from, the key, and why it refuses.
 *
 * @module
 */

/** @typedef {{ code: string, message: string, retryAfterMs?: number }} Refusal */

const SUBPROTOCOL = "hubcap.v1";
const KEY_SUBPROTOCOL_PREFIX = "hubcap.key.";
const KEY_ITEM = "hubcap.key";

/** The key, if one was given; kept until the tab is closed. */
export function storedKey() {
  try {
    return sessionStorage.getItem(KEY_ITEM) ?? "";
  } catch {
    return memoryKey; // storage is forbidden
  }
}

let memoryKey = "";

/** @param {string} key */
export function storeKey(key) {
  memoryKey = key;
  try {
    sessionStorage.setItem(KEY_ITEM, key);
  } catch {
    // kept in memory
  }
}

/** @param {string} path Below the page's own folder, so that a proxy may put it anywhere. */
export function address(path) {
  return new URL(path, document.baseURI);
}

/** @param {string} path */
export function openSocket(path) {
  const url = address(path);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  const key = storedKey();
  const isToken = /^[\w!#$%&'*+.^`|~-]*$/.test(key);
  if (!isToken) url.searchParams.set("key", key); // no subprotocol can hold it
  const protocols = key && isToken ? [SUBPROTOCOL, KEY_SUBPROTOCOL_PREFIX + key] : [SUBPROTOCOL];
  const socket = new WebSocket(url, protocols);
  socket.binaryType = "arraybuffer";
  return socket;
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export function get(path, signal) {
  const key = storedKey();
  return fetch(address(path), {
    headers: key ? { authorization: `Bearer ${key}` } : {},
    cache: "no-store",
    signal: signal ?? null,
  });
}

/**
 * Asks why a socket could not be opened: browsers do not say it themselves.
 *
 * @param {string} path Where it was to be opened.
 * @param {{ isNew: boolean }} options Whether it was to begin a session: then there must be room.
 * @returns {Promise<Refusal | undefined>} `undefined` if nothing is wrong now.
 */
export async function whyRefused(path, { isNew }) {
  for (const place of isNew ? [path, "healthz/ready", "metrics"] : [path]) {
    /** @type {Response} */
    let response;
    try {
      response = await get(place, AbortSignal.timeout(5000));
    } catch {
      return { code: "unreachable", message: "The server cannot be reached" };
    }
    if (response.ok || response.status === 426) {
      await response.body?.cancel();
      continue;
    }
    if (place === "metrics" && response.status !== 401) return undefined;
    return await refusalOf(response);
  }
  return undefined;
}

/**
 * @param {Response} response
 * @returns {Promise<Refusal>}
 */
async function refusalOf(response) {
  const body = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const message = body.error?.message ?? body.why ?? `The server answered ${response.status}`;
  const code = body.error?.code ?? (response.status === 503 ? "not_ready" : "refused");
  return {
    code: response.status === 401 ? "unauthorized" : code,
    message,
    ...(Number.isFinite(seconds) ? { retryAfterMs: seconds * 1000 } : {}),
  };
}

/**
 * How long to wait before trying again: longer each time, never for all at the same moment.
 *
 * @param {number} attempt 0 for the first.
 */
export function backoffMs(attempt) {
  return Math.min(5000, 250 * 2 ** attempt) * (0.75 + Math.random() / 2);
}
