// @ts-check
/// <reference lib="dom" />
/**
 * Elements of the page, found or refused.
 *
 * @module
 */

/**
 * The element of an id.
 *
 * @template {Element} T
 * @param {string} id
 * @param {{ new (): T }} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new TypeError(`Cannot find #${id} as a ${type.name}`);
  return element;
}

/** @param {string} id */
export function button(id) {
  return byId(id, HTMLButtonElement);
}

/** @param {string} id */
export function block(id) {
  return byId(id, HTMLElement);
}

/**
 * A new element.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} name
 * @param {Partial<HTMLElementTagNameMap[T]>} properties
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/**
 * A dialog that also closes at a click beside it.
 *
 * @param {string} id
 */
export function dialog(id) {
  const found = byId(id, HTMLDialogElement);
  found.addEventListener("click", ({ target }) => {
    if (target === found) found.close();
  });
  return found;
}

/**
 * Copies a text, also where the clipboard is not offered, as on plain http.
 *
 * @param {string} text
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

/**
 * Says on a button that it worked, for a moment.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function confirmOn(element, text) {
  const before = element.dataset.label ?? element.textContent ?? "";
  element.dataset.label = before;
  element.textContent = text;
  setTimeout(() => {
    element.textContent = before;
  }, 1600);
}
