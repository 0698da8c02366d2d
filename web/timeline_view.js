// @ts-check
/// <reference lib="dom" />
/**
 * The last seconds as a waveform, with the words under it where they were said.
 *
 * @module
 */
import { spell } from "./transcript.js";

/** @import { CaptionWord } from "../src/server/protocol.ts" */
/** @import { LetterCase, Transcript } from "./transcript.js" */

/** One bar of the waveform. */
const BAR_MS = 40;
/** Px for a second. */
const SECOND_PX = 128;
const BARS_KEPT = 1000;

/** The drawing. What it shows is in the captions too, so readers of the screen lose nothing. */
export class TimelineView {
  #canvas;
  /** @type {number[]} */
  #bars = [];
  #firstBar = 0;
  #barPeak = 0;
  #barSamples = 0;
  #audioMs = 0;
  #heardAtMs = 0;
  /** @type {Pick<Transcript, "words" | "tentative">} */
  #transcript = { words: [], tentative: [] };
  /** @type {LetterCase} */
  letterCase = "sentence";
  #frame = 0;
  #drawnAtMs = 0;
  #isLive = false;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    new ResizeObserver(() => this.#draw()).observe(canvas);
  }

  /** Forgets all. */
  clear() {
    this.#bars = [];
    this.#firstBar =
      this.#barPeak =
      this.#barSamples =
      this.#audioMs =
        0;
    this.#transcript = { words: [], tentative: [] };
    this.#draw();
  }

  /** @param {boolean} isLive Whether it moves. */
  set isLive(isLive) {
    this.#isLive = isLive;
    cancelAnimationFrame(this.#frame);
    if (isLive) this.#frame = requestAnimationFrame((nowMs) => this.#tick(nowMs));
    else this.#draw();
  }

  /**
   * @param {Int16Array} samples
   * @param {number} sampleRateHz
   */
  hear(samples, sampleRateHz) {
    const barSamples = BAR_MS / 1000 * sampleRateHz;
    for (const sample of samples) {
      this.#barPeak = Math.max(this.#barPeak, Math.abs(sample));
      if (++this.#barSamples < barSamples) continue;
      this.#barSamples -= barSamples;
      this.#bars.push(this.#barPeak / 32768);
      this.#barPeak = 0;
    }
    const excess = this.#bars.length - BARS_KEPT;
    if (excess > 0) {
      this.#bars.splice(0, excess);
      this.#firstBar += excess;
    }
    this.#audioMs += samples.length / sampleRateHz * 1000;
    this.#heardAtMs = performance.now();
  }

  /** @param {Transcript} transcript */
  show({ words, tentative }) {
    this.#transcript = { words: words.slice(-60), tentative };
    if (!this.#isLive) this.#draw();
  }

  /** @param {number} nowMs */
  #tick(nowMs) {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (nowMs - this.#drawnAtMs >= (isCalm ? 1000 : 32)) {
      this.#drawnAtMs = nowMs;
      this.#draw();
    }
    this.#frame = requestAnimationFrame((next) => this.#tick(next));
  }

  #draw() {
    const canvas = this.#canvas;
    const context = canvas.getContext("2d");
    const { clientWidth: width, clientHeight: height } = canvas;
    if (context === null || width === 0) return;
    const scale = Math.min(devicePixelRatio, 2);
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const aheadMs = this.#isLive ? Math.min(100, performance.now() - this.#heardAtMs) : 0;
    const right = this.#audioMs + aheadMs;
    const view = { context, width, height, right, style: getComputedStyle(canvas) };
    this.#drawBars(view);
    this.#drawWords(view);
  }

  /** @param {View} view */
  #drawBars({ context, width, height, right, style }) {
    const middle = (height - 38) / 2;
    const barPx = BAR_MS / 1000 * SECOND_PX;
    context.fillStyle = style.getPropertyValue("--wave");
    const first = Math.max(0, Math.floor((right - width / SECOND_PX * 1000) / BAR_MS));
    for (let i = first - this.#firstBar; i < this.#bars.length; i++) {
      const peak = this.#bars[i];
      if (peak === undefined) continue;
      const x = width - (right - (i + this.#firstBar) * BAR_MS) / 1000 * SECOND_PX;
      const half = Math.max(0.75, Math.sqrt(peak) * (middle - 1));
      context.beginPath();
      context.roundRect(x, middle - half, barPx * 0.56, 2 * half, 1.2);
      context.fill();
    }
  }

  /** @param {View} view */
  #drawWords({ context, width, height, right, style }) {
    const { words, tentative } = this.#transcript;
    context.font = `500 12px ${style.fontFamily}`;
    context.textBaseline = "alphabetic";
    const rows = [height - 24, height - 9];
    const ends = [-Infinity, -Infinity];
    /** @param {readonly CaptionWord[]} list @param {string} color */
    const write = (list, color) => {
      context.fillStyle = color;
      for (const { text, startMs } of list) {
        const x = width - (right - startMs) / 1000 * SECOND_PX;
        const shown = spell(text, { letterCase: this.letterCase, isFirst: false });
        const end = x + context.measureText(shown).width;
        const row = x >= (ends[0] ?? 0) ? 0 : x >= (ends[1] ?? 0) ? 1 : -1;
        if (row < 0) continue;
        ends[row] = end + 4;
        if (end > 0) context.fillText(shown, x, rows[row] ?? height);
      }
    };
    write(words, style.getPropertyValue("--ink-2"));
    write(tentative, style.getPropertyValue("--ink-3"));
  }
}

/**
 * @typedef {object} View
 * @property {CanvasRenderingContext2D} context
 * @property {number} width
 * @property {number} height
 * @property {number} right Time at the right edge, ms.
 * @property {CSSStyleDeclaration} style
 */
