// @ts-check
/// <reference lib="dom" />
/**
 * Captions as they grow: a word keeps its element from the first guess on, so that nothing
 * flickers, and only what changed is touched.
 *
 * @module
 */
import { clock, confidenceBand, spell } from "./transcript.js";

/** @import { CaptionWord } from "../src/server/protocol.ts" */
/** @import { LetterCase, Transcript } from "./transcript.js" */

/** How close to the newest line counts as being there, px. */
const NEAR_PX = 48;

/** The captions in their scrolling box. */
export class CaptionsView {
  #box;
  #list;
  #toNewest;
  /** @type {LetterCase} */
  #letterCase = "sentence";
  #isPinned = true;
  #scrollTop = 0;
  /** Index in the session of the next word to become final here. */
  #nextWord = 0;
  #ends = 0;
  #isParagraphOver = true;
  /** @type {HTMLElement | undefined} */
  #words;
  #paragraphWords = 0;
  /** @type {HTMLElement[]} The tentative words' elements. */
  #guess = [];
  /** @type {Transcript | undefined} */
  #transcript;

  /**
   * @param {HTMLElement} box What scrolls.
   * @param {{ list: HTMLElement, toNewest: HTMLButtonElement }} parts
   */
  constructor(box, { list, toNewest }) {
    this.#box = box;
    this.#list = list;
    this.#toNewest = toNewest;
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    toNewest.addEventListener("click", () => this.#pin());
    new ResizeObserver(() => this.#follow("instant")).observe(box);
  }

  /** @param {LetterCase} letterCase */
  set letterCase(letterCase) {
    if (letterCase === this.#letterCase) return;
    this.#letterCase = letterCase;
    const transcript = this.#transcript;
    if (transcript === undefined) return;
    this.clear();
    this.show(transcript);
  }

  /** Forgets all. */
  clear() {
    this.#list.replaceChildren();
    this.#nextWord = 0;
    this.#ends = 0;
    this.#isParagraphOver = true;
    this.#words = undefined;
    this.#guess = [];
    this.#transcript = undefined;
    this.#isPinned = true;
    this.#toNewest.hidden = true;
  }

  /** @param {Transcript} transcript */
  show(transcript) {
    this.#transcript = transcript;
    const { words, firstWord, ends, tentative } = transcript;
    if (this.#nextWord < firstWord) this.#nextWord = firstWord;
    let isNew = false;
    for (const end of ends.slice(this.#ends)) {
      isNew = this.#commit(words.slice(this.#nextWord - firstWord, end - firstWord)) || isNew;
      this.#isParagraphOver = true;
    }
    this.#ends = ends.length;
    isNew = this.#commit(words.slice(this.#nextWord - firstWord)) || isNew;
    this.#propose(tentative);
    this.#follow(isNew || tentative.length > 0 ? "smooth" : "instant");
  }

  /** @param {readonly CaptionWord[]} words */
  #commit(words) {
    for (const word of words) {
      const element = this.#elementFor(word, this.#guess.shift());
      element.classList.remove("tentative");
      element.removeAttribute("aria-hidden");
      element.dataset.confidence = confidenceBand(word.confidence);
      element.dataset.percent = `${Math.round(word.confidence * 100)} %`;
      this.#paragraphWords++;
    }
    this.#nextWord += words.length;
    return words.length > 0;
  }

  /** @param {readonly CaptionWord[]} words */
  #propose(words) {
    const before = this.#guess;
    this.#guess = words.map((word, index) => {
      const isKept = before[index] !== undefined;
      const element = this.#elementFor(word, before[index], index);
      if (!isKept) {
        element.classList.add("tentative");
        element.setAttribute("aria-hidden", "true");
      }
      return element;
    });
    for (const element of before.slice(words.length)) drop(element);
  }

  /**
   * The word's element in the paragraph that grows: the one a guess had, or a new one.
   *
   * @param {CaptionWord} word
   * @param {HTMLElement | undefined} element
   * @param {number} [ahead] Words between the last final one and this.
   */
  #elementFor(word, element, ahead = 0) {
    if (this.#isParagraphOver) this.#openParagraph(word);
    const isFirst = this.#paragraphWords + ahead === 0;
    const text = spell(word.text, { letterCase: this.#letterCase, isFirst });
    const kept = element ?? document.createElement("span");
    if (element === undefined) kept.className = "word";
    if (kept.textContent !== text) kept.textContent = text;
    if (kept.parentElement !== this.#words) this.#words?.append(kept, " ");
    return kept;
  }

  /** @param {CaptionWord} word Its first. */
  #openParagraph(word) {
    const orphans = this.#guess.map((element) => drop(element));
    const paragraph = document.createElement("p");
    paragraph.className = "utterance";
    const time = document.createElement("time");
    time.textContent = clock(word.startMs);
    time.dateTime = `PT${(word.startMs / 1000).toFixed(1)}S`;
    this.#words = document.createElement("span");
    this.#words.className = "words";
    for (const orphan of orphans) this.#words.append(orphan, " ");
    paragraph.append(time, " ", this.#words);
    this.#list.append(paragraph);
    this.#paragraphWords = 0;
    this.#isParagraphOver = false;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    const isNear = scrollHeight - clientHeight - scrollTop < NEAR_PX;
    if (isNear) this.#isPinned = true;
    else if (scrollTop < this.#scrollTop - 1) this.#isPinned = false; // only a reader scrolls up
    this.#scrollTop = scrollTop;
    this.#toNewest.hidden = this.#isPinned;
  }

  #pin() {
    this.#isPinned = true;
    this.#toNewest.hidden = true;
    this.#follow("smooth");
    this.#box.focus({ preventScroll: true });
  }

  /** @param {ScrollBehavior} behavior */
  #follow(behavior) {
    if (!this.#isPinned) return;
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches ||
      document.documentElement.dataset.overlay === "on";
    this.#box.scrollTo({
      top: this.#box.scrollHeight,
      behavior: isCalm || document.hidden ? "instant" : behavior,
    });
  }
}

/**
 * Takes a word out, with the space after it.
 *
 * @param {HTMLElement} element
 */
function drop(element) {
  element.nextSibling?.remove();
  element.remove();
  return element;
}

/** Reads final words to those who listen: a phrase at a time, politely. */
export class Announcer {
  #region;
  #isOn = true;
  /** @type {string[]} */
  #waiting = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {HTMLElement} region */
  constructor(region) {
    this.#region = region;
  }

  /** @param {boolean} isOn */
  set isOn(isOn) {
    this.#isOn = isOn;
    if (!isOn) this.#waiting = [];
  }

  /**
   * @param {readonly string[]} words
   * @param {{ isEnd: boolean }} options Whether they end an utterance.
   */
  say(words, { isEnd }) {
    if (!this.#isOn) return;
    this.#waiting.push(...words);
    clearTimeout(this.#timer);
    if (this.#waiting.length === 0) return;
    if (isEnd || this.#waiting.length >= 12) return this.#speak();
    this.#timer = setTimeout(() => this.#speak(), 2000);
  }

  #speak() {
    const phrase = document.createElement("p");
    phrase.textContent = this.#waiting.join(" ");
    this.#waiting = [];
    this.#region.append(phrase);
    while (this.#region.childElementCount > 3) this.#region.firstElementChild?.remove();
  }
}
