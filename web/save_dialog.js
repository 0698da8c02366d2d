// @ts-check
/// <reference lib="dom" />
/**
 * The transcript, copied or as a file from the server.
 *
 * @module
 */
import { block, button, confirmOn, copyText, dialog } from "./dom.js";
import { showNotice } from "./notices.js";
import { get } from "./server.js";
import { clock, textOf, wordCount } from "./transcript.js";

/** @import { LetterCase, Transcript } from "./transcript.js" */

/**
 * @typedef {object} Saved
 * @property {string | undefined} session
 * @property {Transcript} transcript
 * @property {LetterCase} letterCase
 */

/** @param {() => Saved} current What there is to save. */
export function openSave(current) {
  const sheet = dialog("save");
  button("open-save").addEventListener("click", () => {
    const { transcript } = current();
    const count = wordCount(transcript);
    const length = clock(transcript.settledMs);
    block("save-summary").textContent = `${count} ${
      count === 1 ? "word" : "words"
    }, ${length} long.`;
    sheet.showModal();
  });
  const copy = button("copy-text");
  copy.addEventListener("click", async () => {
    const { transcript, letterCase } = current();
    await copyText(textOf(transcript, letterCase));
    const name = copy.querySelector("b");
    if (name) confirmOn(name, "Copied");
  });
  for (const choice of sheet.querySelectorAll("button[data-format]")) {
    if (!(choice instanceof HTMLButtonElement)) continue;
    choice.addEventListener("click", () => download(choice.dataset.format ?? "txt", current()));
  }
}

/**
 * @param {string} format
 * @param {Saved} saved
 */
async function download(format, { session, transcript, letterCase }) {
  try {
    const response = await get(`v1/captions/${session}.${format}`);
    if (!response.ok) throw new Error(`The server answered ${response.status}`);
    offer(await response.blob(), format);
  } catch {
    if (format === "txt") return offer(new Blob([textOf(transcript, letterCase) + "\n"]), format);
    showNotice(
      "save",
      "The server no longer has this transcript, or cannot be reached. The text can still be copied.",
    );
  }
}

/**
 * @param {Blob} blob
 * @param {string} format
 */
function offer(blob, format) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  const now = new Date(Date.now() - 60_000 * new Date().getTimezoneOffset());
  link.download = `captions-${now.toISOString().slice(0, 16).replaceAll(/[T:]/g, "-")}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
