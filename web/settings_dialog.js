// @ts-check
/// <reference lib="dom" />
/**
 * The dialog of the settings.
 *
 * @module
 */
import { block, button, dialog, element } from "./dom.js";
import { listMicrophones } from "./microphone.js";
import { applySettings, CHOICES, keepSettings, loadSettings } from "./settings.js";

/** @import { SettingName, Settings } from "./settings.js" */

/**
 * A control: of a switch the label alone; of a choice what its values are called, in their order;
 * a range has no names.
 *
 * @typedef {[name: SettingName | "microphone", label: string, names?: readonly string[]]} Control
 */

/** All controls, in groups. What stands in brackets is a key. */
const GROUPS = /** @type {const} @satisfies {readonly [string, readonly Control[]][]} */ ([
  ["Reading", [
    ["size", "Text size", []],
    ["theme", "Theme", ["As the system", "Light", "Dark"]],
    ["contrast", "Contrast", ["Normal", "High"]],
    ["font", "Typeface", ["Sans serif", "Serif"]],
    ["letters", "Letters", ["As in sentences", "As recognised"]],
    ["lines", "Lines in full screen", ["As many as fit", "2", "3", "4"]],
    ["position", "Place in full screen", ["Bottom", "Top"]],
    ["confidence", "Mark words that may be wrong"],
    ["times", "Times beside the text"],
    ["latency", "How late words come"],
  ]],
  ["Sound", [
    ["microphone", "Microphone", ["As the system"]],
    ["speed", "Recordings", ["As they were spoken", "As fast as possible"]],
    ["hear", "Play recordings aloud"],
  ]],
  ["Access", [
    ["announce", "Screen reader reads new captions"],
    ["shortcuts", "Shortcuts: [M] start or stop, [F] full screen, [+] [−] size"],
  ]],
]);

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
  block("controls").append(...GROUPS.flatMap(([title, controls]) => [
    element("h3", {}, title),
    ...controls.map(rowOf),
  ]));
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

/** @param {Control} control */
function rowOf([name, label, names]) {
  const parts = label.split(/[[\]]/).map((part, i) => i % 2 ? element("kbd", {}, part) : part);
  return element(
    "label",
    { className: "row" },
    element("span", {}, ...parts),
    fieldOf(name, names),
  );
}

/**
 * @param {SettingName | "microphone"} name
 * @param {readonly string[]} [names]
 */
function fieldOf(name, names) {
  const values = name === "microphone" ? [""] : CHOICES[name];
  if (names === undefined) return element("input", { type: "checkbox", name });
  if (names.length > 0) {
    return element("select", { name }, ...names.map((text, i) => new Option(text, values[i])));
  }
  const numbers = values.map(Number);
  const [min, max] = [`${Math.min(...numbers)}`, `${Math.max(...numbers)}`];
  return element("input", { type: "range", name, min, max, step: "1" });
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
