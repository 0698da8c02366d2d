// @ts-check
/// <reference lib="dom" />
/**
 * The link for readers, as text and as a QR code.
 *
 * @module
 */
import { block, button, byId, confirmOn, copyText, dialog } from "./dom.js";
import { qrCode } from "./qr_code.js";

const SVG = "http://www.w3.org/2000/svg";
/** Modules left free around the code. */
const QUIET = 2;

/** @param {() => string | undefined} session Whose captions, if there are any. */
export function openShare(session) {
  const sheet = dialog("share");
  button("open-share").addEventListener("click", () => {
    const id = session();
    if (id === undefined) return;
    fill(id);
    sheet.showModal();
  });
  for (const copy of sheet.querySelectorAll("button[data-copy]")) {
    if (!(copy instanceof HTMLButtonElement)) continue;
    copy.addEventListener("click", async (event) => {
      event.preventDefault(); // or the dialog closes
      await copyText(byId(copy.dataset.copy ?? "", HTMLInputElement).value);
      confirmOn(copy, "Copied");
    });
  }
}

/** @param {string} session */
function fill(session) {
  const link = new URL(document.baseURI);
  link.hash = `watch=${session}`;
  byId("viewer-link", HTMLInputElement).value = link.href;
  drawCode(link.href);
  link.hash = `watch=${session}&overlay&lines=3`;
  byId("overlay-link", HTMLInputElement).value = link.href;
  block("share-local").hidden = !/^(localhost|127\..*|\[::1\])$/.test(link.hostname);
}

/** @param {string} text */
function drawCode(text) {
  const svg = byId("qr", SVGSVGElement);
  const rows = qrCode(text);
  svg.toggleAttribute("hidden", rows === undefined);
  if (rows === undefined) return;
  const path = document.createElementNS(SVG, "path");
  const squares = rows.flatMap((row, y) =>
    row.flatMap((isDark, x) => isDark ? [`M${x + QUIET} ${y + QUIET}h1v1h-1z`] : [])
  );
  path.setAttribute("d", squares.join(""));
  const size = rows.length + 2 * QUIET;
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("shape-rendering", "crispEdges");
  svg.replaceChildren(path);
}
