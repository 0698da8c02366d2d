// @ts-check
/// <reference lib="dom" />
/**
 * Full screen, and the keys that work anywhere.
 *
 * @module
 */
import { button } from "./dom.js";
import { CHOICES } from "./settings.js";

/** @import { SettingName, Settings } from "./settings.js" */

/**
 * @typedef {object} DisplayOptions
 * @property {Settings} settings
 * @property {(name: SettingName, value: string) => void} set
 * @property {() => void} onToggle Starts or stops.
 */

/** @param {DisplayOptions} options */
export function watchDisplay(options) {
  button("toggle-display").addEventListener("click", () => show(true));
  button("leave-display").addEventListener("click", () => show(false));
  document.addEventListener("fullscreenchange", () => {
    if (document.fullscreenElement === null) show(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isShown()) return show(false);
    if (options.settings.shortcuts === "on" && isFree(event)) press(event, options);
  });
}

function isShown() {
  return document.body.dataset.display === "on";
}

/** @param {boolean} isOn */
function show(isOn) {
  if (isOn === isShown() || document.documentElement.dataset.overlay === "on") return;
  document.body.dataset.display = isOn ? "on" : "off";
  button("toggle-display").setAttribute("aria-pressed", String(isOn));
  if (isOn) {
    // Where there is no full screen, as on small phones, the page itself is one.
    void document.documentElement.requestFullscreen?.().catch(() => {});
    button("leave-display").focus();
  } else {
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    button("toggle-display").focus();
  }
}

/**
 * Whether a key is meant for the page, not for what has the focus.
 *
 * @param {KeyboardEvent} event
 */
function isFree({ target, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey || document.querySelector("dialog[open]")) return false;
  return !(target instanceof HTMLInputElement || target instanceof HTMLSelectElement);
}

/**
 * @param {KeyboardEvent} event
 * @param {DisplayOptions} options
 */
function press({ key, repeat }, { settings, set, onToggle }) {
  const size = Number(settings.size);
  if (key === "+" || key === "=") set("size", String(Math.min(CHOICES.size.length, size + 1)));
  else if (key === "-") set("size", String(Math.max(1, size - 1)));
  else if (repeat) return;
  else if (key.toLowerCase() === "m") onToggle();
  else if (key.toLowerCase() === "f") show(!isShown());
}
