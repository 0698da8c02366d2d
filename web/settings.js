// @ts-check
/// <reference lib="dom" />
/**
 * How captions look: chosen once, kept in this browser, and written on the root element, where the
 * style sheet finds it.
 *
 * @module
 */

const ITEM = "hubcap.settings";

/** What there is to choose, the first of each as it comes. */
export const CHOICES = Object.freeze({
  size: ["3", "1", "2", "4", "5", "6"],
  theme: ["auto", "light", "dark"],
  contrast: ["normal", "high"],
  font: ["sans", "serif"],
  lines: ["all", "2", "3", "4"],
  position: ["bottom", "top"],
  letters: ["sentence", "recognised"],
  confidence: ["off", "on"],
  times: ["on", "off"],
  latency: ["on", "off"],
  announce: ["on", "off"],
  shortcuts: ["on", "off"],
  hear: ["on", "off"],
  speed: ["real", "fast"],
});

/** @typedef {keyof typeof CHOICES} SettingName */
/** @typedef {Record<SettingName, string> & { microphone: string }} Settings */

/** @returns {Settings} */
export function loadSettings() {
  /** @type {Record<string, unknown>} */
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(ITEM) ?? "{}") ?? {};
  } catch {
    // nothing kept, or no storage
  }
  const entries = Object.entries(CHOICES).map(([name, values]) => {
    const value = kept[name];
    return [name, typeof value === "string" && values.includes(value) ? value : values[0]];
  });
  const microphone = typeof kept.microphone === "string" ? kept.microphone : "";
  return { ...Object.fromEntries(entries), microphone };
}

/** @param {Settings} settings */
export function keepSettings(settings) {
  try {
    localStorage.setItem(ITEM, JSON.stringify(settings));
  } catch {
    // they hold until the page is closed
  }
}

/**
 * Writes the settings on the root element; what the address says, as `#lines=2`, wins.
 *
 * @param {Settings} settings
 */
export function applySettings(settings) {
  const { dataset } = document.documentElement;
  const wished = new URLSearchParams(location.hash.slice(1));
  for (const [name, values] of Object.entries(CHOICES)) {
    const wish = wished.get(name) ?? "";
    dataset[name] = values.includes(wish) ? wish : settings[/** @type {SettingName} */ (name)];
  }
  const isDark = dataset.theme === "dark" ||
    (dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  dataset.scheme = isDark ? "dark" : "light";
  const color = isDark ? "#121315" : "#f8f6f2";
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", color);
}
