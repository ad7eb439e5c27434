// Single keys that do things, and the list of them.

import { element } from "./transcript_view.js";

/** @type {Record<string, string>} */
const NAMES = { " ": "Space", Escape: "Esc" };

/**
 * @param {HTMLElement} list a `dl`, which is filled
 * @param {() => boolean} allowed whether single keys are on; Escape always is
 * @param {Record<string, [string, () => void]>} keys what each does
 */
export function bindKeys(list, allowed, keys) {
  for (const [key, [what]] of Object.entries(keys)) {
    const line = element(document, "div");
    const term = element(document, "dt");
    term.append(element(document, "kbd", "", NAMES[key] ?? key.toUpperCase()));
    line.append(term, element(document, "dd", "", what));
    list.append(line);
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (!Object.hasOwn(keys, key) || document.querySelector("dialog[open]")) return;
    if (key !== "Escape" && (!allowed() || takesKeys(event.target, key))) return;
    event.preventDefault();
    keys[key][1]();
  });
}

/**
 * Whether an element has a use of its own for a key.
 * @param {EventTarget | null} target
 * @param {string} key
 */
function takesKeys(target, key) {
  if (!(target instanceof Element)) return false;
  if (target.closest("input, select, textarea, [contenteditable]")) return true;
  return key === " " && target.closest("button, summary, a[href]") !== null;
}
