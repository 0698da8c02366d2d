// @ts-check
/// <reference lib="dom" />
/**
 * How loud it is.
 *
 * @module
 */

/** The quietest sound that moves the meter, dB below full scale. */
const FLOOR_DB = -60;
/** Below this nothing is said. */
const SILENT_PEAK = 0.002;
const SILENT_SECONDS = 8;

/** The meter under the button. */
export class LevelMeter {
  #element;
  #level = 0;
  #silentSeconds = 0;
  #toldAtMs = 0;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /**
   * @param {Int16Array} samples
   * @param {number} sampleRateHz
   * @returns {boolean} Whether it has been silent for long.
   */
  hear(samples, sampleRateHz) {
    let peak = 0;
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample) / 32768);
    const db = 20 * Math.log10(peak + 1e-6);
    const heard = Math.min(1, Math.max(0, 1 - db / FLOOR_DB));
    this.#level = Math.max(heard, this.#level * 0.86);
    this.#show(peak > 0.985);
    const seconds = samples.length / sampleRateHz;
    this.#silentSeconds = peak > SILENT_PEAK ? 0 : this.#silentSeconds + seconds;
    return this.#silentSeconds > SILENT_SECONDS;
  }

  /** Nothing is heard any more. */
  rest() {
    this.#level = 0;
    this.#silentSeconds = 0;
    this.#toldAtMs = 0;
    this.#show(false);
  }

  /** @param {boolean} isLoud */
  #show(isLoud) {
    this.#element.style.setProperty("--level", this.#level.toFixed(3));
    this.#element.toggleAttribute("data-loud", isLoud);
    const nowMs = performance.now();
    if (nowMs - this.#toldAtMs < 1000) return;
    this.#toldAtMs = nowMs;
    this.#element.setAttribute("aria-valuenow", String(Math.round(this.#level * 100)));
  }
}
