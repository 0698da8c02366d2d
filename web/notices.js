// @ts-check
/// <reference lib="dom" />
/**
 * What goes wrong, in words a speaker can act on; one at a time.
 *
 * @module
 */
import { block, button } from "./dom.js";
import { MicrophoneError } from "./microphone.js";

/** @import { Refusal } from "./server.js" */

/** @typedef {{ label: string, act: () => void }} Action */

const box = block("notice");
const text = block("notice-text");
const actionButton = button("notice-action");
let shownKind = "";
/** @type {(() => void) | undefined} */
let act;

actionButton.addEventListener("click", () => act?.());
button("notice-close").addEventListener("click", () => hideNotice());

/**
 * @param {string} kind What it is about; another of this kind replaces it.
 * @param {string} message
 * @param {Action} [action]
 */
export function showNotice(kind, message, action) {
  shownKind = kind;
  act = action?.act;
  if (text.textContent !== message) text.textContent = message;
  actionButton.hidden = action === undefined;
  actionButton.textContent = action?.label ?? "";
  box.hidden = false;
}

/** @param {string} [kind] Only if it is about this. */
export function hideNotice(kind) {
  if (kind !== undefined && kind !== shownKind) return;
  box.hidden = true;
  shownKind = "";
}

/** @type {Record<string, string>} */
const REFUSALS = {
  unreachable: "The server cannot be reached.",
  server_full: "The server is full: all its sessions are taken.",
  too_many_sessions: "Your key has as many sessions as it may have.",
  too_many_from_address: "Your network has as many sessions as it may have.",
  overloaded: "The server has more to do than it can just now.",
  starting: "The server is still loading its model.",
  draining: "The server is shutting down.",
  forbidden_origin: "The server does not let pages from this address in.",
  replaced: "The session was taken over in another tab.",
  idle: "The session ended because nothing was heard for a long time.",
  session_too_long: "The session has reached the longest time the server allows.",
  cut: "The connection broke.",
};

/** @param {Refusal} refusal */
export function refusalText({ code, message }) {
  return REFUSALS[code] ?? (/[.!?]$/.test(message) ? message : `${message}.`);
}

/** @param {unknown} error */
export function microphoneText(error) {
  const code = error instanceof MicrophoneError ? error.code : "busy";
  switch (code) {
    case "denied":
      return "The microphone is blocked. Allow it for this page beside the address, then start again.";
    case "missing":
      return "No microphone was found. Plug one in, or open a recording.";
    case "insecure":
      return "Browsers give the microphone only to pages opened by https or as localhost. A recording works here.";
    case "busy":
      return "The microphone could not be started; another program may be using it.";
    default:
      return code;
  }
}
