// @ts-check
/// <reference lib="dom" />
/**
 * The dialog of the settings.
 *
 * @module
 */
import { button, dialog } from "./dom.js";
import { listMicrophones } from "./microphone.js";
import { applySettings, CHOICES, keepSettings, loadSettings } from "./settings.js";

/** @import { SettingName, Settings } from "./settings.js" */

/**
 * Shows the settings when asked, and tells of each change.
 *
 * @param {(settings: Settings) => void} onChange Called at once, and at each change.
 * @returns {{ readonly settings: Settings, set: (name: SettingName, value: string) => void }}
 */
export function openSettings(onChange) {
  const settings = loadSettings();
  const sheet = dialog("settings");
  const form = /** @type {HTMLFormElement} */ (sheet.querySelector("form"));
  const changed = () => {
    applySettings(settings);
    keepSettings(settings);
    onChange(settings);
  };
  form.addEventListener("input", () => {
    read(form, settings);
    changed();
  });
  button("open-settings").addEventListener("click", async () => {
    write(form, settings);
    sheet.showModal();
    await fillMicrophones(form, settings);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  changed();
  return {
    settings,
    set: (name, value) => {
      if (!CHOICES[name].includes(value)) return;
      settings[name] = value;
      changed();
    },
  };
}

/** @param {HTMLFormElement} form */
function fields(form) {
  return [...form.elements].filter((field) =>
    field instanceof HTMLInputElement || field instanceof HTMLSelectElement
  );
}

/**
 * @param {HTMLFormElement} form
 * @param {Settings} settings
 */
function read(form, settings) {
  for (const field of fields(form)) {
    const isSwitch = field instanceof HTMLInputElement && field.type === "checkbox";
    const value = isSwitch ? (field.checked ? "on" : "off") : field.value;
    settings[/** @type {SettingName} */ (field.name)] = value;
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {Settings} settings
 */
function write(form, settings) {
  for (const field of fields(form)) {
    const value = settings[/** @type {SettingName} */ (field.name)];
    const isSwitch = field instanceof HTMLInputElement && field.type === "checkbox";
    if (isSwitch) field.checked = value === "on";
    else field.value = value;
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {Settings} settings
 */
async function fillMicrophones(form, { microphone }) {
  const select = form.elements.namedItem("microphone");
  if (!(select instanceof HTMLSelectElement)) return;
  const devices = await listMicrophones();
  const options = devices.map(({ deviceId, label }) => new Option(label || "Microphone", deviceId));
  select.replaceChildren(new Option("As the system", ""), ...options);
  select.value = microphone;
  if (select.selectedIndex < 0) select.value = "";
}
