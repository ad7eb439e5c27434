// What a reader has chosen, kept by the browser for this page.

const KEY = "wordloop.preferences";

const DEFAULTS = {
  theme: "system",
  size: 4,
  width: 60,
  announce: true,
  keys: true,
  device: "",
  processing: true,
  speaker: "",
  language: "",
  vocabulary: "",
};

/** @typedef {typeof DEFAULTS} Preferences */

/** @returns {Preferences} */
function read() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { ...DEFAULTS };
  }
}

export const preferences = read();

/** Text sizes in rem, by number. */
const SIZES = [0, 0.9, 1, 1.125, 1.25, 1.5, 1.75, 2.125, 2.5, 3];
export const LARGEST = SIZES.length - 1;

/** Puts what was chosen into effect, and keeps it. */
export function apply() {
  const { style, dataset } = document.documentElement;
  dataset.theme = preferences.theme;
  style.setProperty("--text", `${SIZES[preferences.size]}rem`);
  style.setProperty("--measure", `${preferences.width}ch`);
  document.getElementById("log")?.setAttribute("aria-live", preferences.announce ? "polite" : "off");
  localStorage.setItem(KEY, JSON.stringify(preferences));
}

/**
 * Binds a form's fields to the preferences of the same name.
 * @param {HTMLFormElement} form
 * @param {(name: string) => void} changed
 */
export function bind(form, changed) {
  const values = /** @type {Record<string, any>} */ (preferences);
  for (const field of form.querySelectorAll("input[name], select[name]")) {
    const one = /** @type {HTMLInputElement} */ (field);
    if (one.type === "checkbox") one.checked = values[one.name];
    else one.value = values[one.name];
    one.addEventListener("input", () => {
      values[one.name] = one.type === "checkbox" ? one.checked : one.type === "range" ? Number(one.value) : one.value;
      apply();
      changed(one.name);
    });
  }
}

/** Names and terms, as the service takes them: at most 100 of 64 characters, 500 in all. */
export function vocabulary() {
  const terms = preferences.vocabulary.split(",").map((term) => term.trim().slice(0, 64));
  return terms.filter(Boolean).slice(0, 100);
}
