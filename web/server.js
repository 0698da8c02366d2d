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
function storedKey() {
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
 * Asks why a socket could not be opened: browsers do not say it themselves. The same address asked
 * without an upgrade answers 426 when all is well, and with the reason when it is not.
 *
 * @param {string} path Where it was to be opened.
 * @returns {Promise<Refusal | undefined>} `undefined` if nothing is wrong now.
 */
export async function whyRefused(path) {
  /** @type {Response} */
  let response;
  try {
    response = await get(path, AbortSignal.timeout(5000));
  } catch {
    return { code: "unreachable", message: "The server cannot be reached" };
  }
  if (!response.ok && response.status !== 426) return await refusalOf(response);
  await response.body?.cancel();
  return undefined;
}

/**
 * @param {Response} response
 * @returns {Promise<Refusal>}
 */
async function refusalOf(response) {
  const { error } = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return {
    code: error?.code ?? "refused",
    message: error?.message ?? `The server answered ${response.status}`,
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
