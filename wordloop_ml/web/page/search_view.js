// Search in the transcript: what has the words, and what is near in meaning.

import { who } from "./formats.js";
import { embed, Refused } from "./service.js";
import { citation } from "./synthesis_view.js";
import { element } from "./transcript_view.js";
import { explain } from "./words.js";

/** @typedef {import("./transcript.js").Entry} Entry */
/** @typedef {import("./transcript.js").Transcript} Transcript */

const WAIT_MS = 250;
const BATCH = 256;
const EXACT_AT_MOST = 50;
const NEAR_AT_MOST = 8;
const NEAR_ENOUGH = 0.2;
const HIGHLIGHT = "search";

export class SearchView {
  #form;
  #note;
  #results;
  #goTo;
  #rows;
  #meaning;
  /** @type {Transcript | null} */
  #transcript = null;
  /** @type {Map<string, Float32Array>} by segment */
  #vectors = new Map();
  /** @type {AbortController | null} */
  #asking = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLFormElement} form
   * @param {HTMLElement} note
   * @param {HTMLElement} results
   * @param {object} page
   * @param {(id: string) => void} page.goTo
   * @param {() => Iterable<{row: HTMLElement, entry: Entry}>} page.rows
   * @param {() => boolean} page.meaning whether the server makes embeddings
   */
  constructor(form, note, results, { goTo, rows, meaning }) {
    this.#form = form;
    this.#note = note;
    this.#results = results;
    this.#goTo = goTo;
    this.#rows = rows;
    this.#meaning = meaning;
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#search();
    };
    form.oninput = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#search(), WAIT_MS);
    };
  }

  /** @param {Transcript} transcript */
  open(transcript) {
    this.#transcript = transcript;
    this.#vectors.clear();
    this.clear();
  }

  /** Marks the words that are searched for, in the rows that are in the page now. */
  highlight() {
    if (!("highlights" in CSS)) return;
    const wanted = this.#query.toLocaleLowerCase();
    const ranges = [];
    if (wanted && !this.#form.closest("[hidden]")) {
      for (const { row } of this.#rows()) ranges.push(...found(row, wanted));
    }
    if (ranges.length) CSS.highlights.set(HIGHLIGHT, new Highlight(...ranges));
    else CSS.highlights.delete(HIGHLIGHT);
  }

  /** Empties the field and its results. */
  clear() {
    this.#form.reset();
    this.#search();
  }

  get #query() {
    return /** @type {HTMLInputElement} */ (this.#form.elements.namedItem("query")).value.trim();
  }

  async #search() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    const query = this.#query;
    this.highlight();
    if (!query || !this.#transcript) {
      this.#results.replaceChildren();
      this.#note.textContent = "";
      return;
    }
    const exact = this.#transcript.find(query).slice(-EXACT_AT_MOST).reverse();
    this.#show(exact, []);
    if (!this.#meaning()) return;
    try {
      const near = await this.#near(query, new Set(exact), signal);
      if (!signal.aborted) this.#show(exact, near);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Refused)) throw error;
      this.#note.textContent = explain(error.code, error.detail);
    }
  }

  /**
   * @param {string} query
   * @param {Set<Entry>} known
   * @param {AbortSignal} signal
   */
  async #near(query, known, signal) {
    const segments = this.#transcript?.segments ?? [];
    const missing = segments.filter(({ id }) => !this.#vectors.has(id));
    for (let at = 0; at < missing.length; at += BATCH) {
      const batch = missing.slice(at, at + BATCH);
      const vectors = await embed(batch.map((one) => `${who(one)}: ${one.text}`), signal);
      for (const [index, { id }] of batch.entries()) this.#vectors.set(id, vectors[index]);
    }
    const [wanted] = await embed([query], signal);
    return segments
      .filter((one) => !known.has(one))
      .map((entry) => ({ entry, score: dot(wanted, this.#vectors.get(entry.id)) }))
      .filter(({ score }) => score >= NEAR_ENOUGH)
      .sort((one, other) => other.score - one.score)
      .slice(0, NEAR_AT_MOST)
      .map(({ entry }) => entry);
  }

  /**
   * @param {Entry[]} exact
   * @param {Entry[]} near
   */
  #show(exact, near) {
    const places = (/** @type {number} */ count) => (count === 1 ? "1 place" : `${count} places`);
    const words = exact.length ? `${places(exact.length)} with the words` : "Nobody used the words";
    this.#note.textContent = near.length ? `${words}; ${places(near.length)} near in meaning.` : `${words}.`;
    this.#results.replaceChildren(
      ...exact.map((entry) => this.#result(entry, "")),
      ...near.map((entry) => this.#result(entry, "near in meaning")),
    );
  }

  /**
   * @param {Entry} entry
   * @param {string} how
   */
  #result(entry, how) {
    const line = element(document, "li");
    const link = citation(entry.text, entry.id, /** @type {Transcript} */ (this.#transcript));
    link.onclick = (event) => {
      event.preventDefault();
      this.#goTo(entry.id);
    };
    line.append(link);
    if (!how) return line;
    const facts = element(document, "span", "facts");
    facts.append(element(document, "span", "fact", how));
    line.append(facts);
    return line;
  }
}

/**
 * @param {HTMLElement} row
 * @param {string} wanted in lower case
 */
function* found(row, wanted) {
  const node = row.querySelector(".text")?.firstChild;
  if (!node?.textContent) return;
  const text = node.textContent.toLocaleLowerCase();
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const range = document.createRange();
    range.setStart(node, at);
    range.setEnd(node, Math.min(at + wanted.length, node.textContent.length));
    yield range;
  }
}

/**
 * @param {Float32Array} one
 * @param {Float32Array | undefined} other
 */
function dot(one, other) {
  return other ? one.reduce((sum, value, index) => sum + value * other[index], 0) : 0;
}
