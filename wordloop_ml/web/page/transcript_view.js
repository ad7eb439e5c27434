// The transcript on the page: finals in a log of bounded length, open segments below it, word by word.

import { clock, HOLES } from "./words.js";

/** @typedef {import("./client/messages.js").CaptionMessage} CaptionMessage */
/** @typedef {import("./transcript.js").Entry} Entry */
/** @typedef {(track: string) => {label: string, voice: number}} Voices how a track is called, and its colour */

const ROWS = 300; // in the page at most; the rest is a button away
const ROWS_UNFOLLOWED = 450; // while someone reads above, nothing vanishes under their eyes before this
const PAGE = 150;
const NAMED_AGAIN_MS = 60_000;

/**
 * @param {Document} document
 * @param {string} name
 * @param {string} [className]
 * @param {string} [text]
 */
export function element(document, name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Finals and holes, oldest first; a row each. */
export class LogView {
  #log;
  #earlier;
  #later;
  #voices;
  /** @type {Entry[]} */
  #entries = [];
  #from = 0;
  #to = 0;
  #atEnd = true; // as far as it was drawn

  /**
   * @param {HTMLElement} log
   * @param {HTMLElement} earlier the button above
   * @param {HTMLElement} later the button below
   * @param {Voices} voices
   * @param {() => void} turned one of the buttons was pressed
   */
  constructor(log, earlier, later, voices, turned) {
    this.#log = log;
    this.#earlier = earlier;
    this.#later = later;
    this.#voices = voices;
    const turn = (/** @type {number} */ from) => {
      turned();
      this.#show(from, from + PAGE)?.focus();
    };
    earlier.onclick = () => turn(Math.max(0, this.#from - PAGE));
    later.onclick = () => turn(this.#to);
  }

  /** Whether the newest row is in the page. */
  get atEnd() {
    return this.#atEnd;
  }

  /**
   * Begins with another transcript.
   * @param {Entry[]} entries grows by `append`
   */
  open(entries) {
    this.#entries = entries;
    this.#from = this.#to = 0;
    this.#atEnd = true;
    this.#log.replaceChildren();
    this.#buttons();
  }

  /**
   * Shows the entries that are new since the last call, at the end, if the end is in the page.
   * @param {boolean} followed whether the reader is at the end; else rows above stay longer
   */
  append(followed) {
    if (!this.#atEnd) {
      this.#buttons();
      return;
    }
    const most = followed ? ROWS : ROWS_UNFOLLOWED;
    const rows = [];
    while (this.#to < this.#entries.length && (followed || this.#to - this.#from < most)) {
      rows.push(this.#row(this.#to));
      this.#to += 1;
    }
    this.#log.append(...rows);
    while (this.#to - this.#from > most) {
      this.#log.firstElementChild?.remove();
      this.#from += 1;
    }
    this.#atEnd = this.#to === this.#entries.length;
    this.#buttons();
  }

  /** Shows the newest rows. */
  toEnd() {
    if (!this.#atEnd) this.#show(this.#entries.length - PAGE, this.#entries.length);
  }

  /**
   * Brings a row into the page.
   * @param {number} index
   * @returns {HTMLElement | null}
   */
  row(index) {
    if (index < this.#from || index >= this.#to) this.#show(index - PAGE / 2, index + PAGE / 2);
    return /** @type {HTMLElement | null} */ (this.#log.children[index - this.#from] ?? null);
  }

  /** The rows in the page, with their entries. */
  *rows() {
    for (const [index, row] of [...this.#log.children].entries()) {
      yield { row: /** @type {HTMLElement} */ (row), entry: this.#entries[this.#from + index] };
    }
  }

  /**
   * Replaces the rows; a screen reader is not told: they are not new.
   * @param {number} from
   * @param {number} to
   * @returns {HTMLElement | null} the first row
   */
  #show(from, to) {
    this.#from = Math.max(0, from);
    this.#to = Math.min(this.#entries.length, Math.max(to, this.#from));
    this.#atEnd = this.#to === this.#entries.length;
    const live = this.#log.getAttribute("aria-live");
    this.#log.setAttribute("aria-live", "off");
    const rows = [];
    for (let index = this.#from; index < this.#to; index += 1) rows.push(this.#row(index));
    this.#log.replaceChildren(...rows);
    requestAnimationFrame(() => {
      if (live === null) this.#log.removeAttribute("aria-live");
      else this.#log.setAttribute("aria-live", live);
    });
    this.#buttons();
    return /** @type {HTMLElement | null} */ (this.#log.firstElementChild);
  }

  #buttons() {
    const later = this.#entries.length - this.#to;
    this.#earlier.hidden = this.#from === 0;
    this.#earlier.textContent = `Earlier (${this.#from})`;
    this.#later.hidden = later === 0;
    this.#later.textContent = `Later (${later})`;
  }

  /** @param {number} index */
  #row(index) {
    const entry = this.#entries[index];
    const before = this.#entries[index - 1];
    const { label, voice } = this.#voices(entry.track);
    const row = element(document, "div", "row");
    row.tabIndex = -1;
    row.dataset.voice = String(voice);
    row.dataset.segment = entry.id;
    if (!before || before.track !== entry.track || entry.start - before.start > NAMED_AGAIN_MS) {
      row.classList.add("first");
      const meta = element(document, "p", "meta");
      meta.append(element(document, "span", "who", entry.speaker ?? label), " ", element(document, "span", "when", clock(entry.start)));
      row.append(meta);
    }
    const text = element(document, "p", entry.hole ? "text missing" : "text");
    if (entry.hole) text.textContent = `${Math.round((entry.end - entry.start) / 1000)} s: ${HOLES[entry.hole]}`;
    else text.textContent = entry.text;
    if (entry.language) text.lang = entry.language;
    row.append(text);
    return row;
  }
}

/** Open segments: an element a word, and only words that change are touched. */
export class LiveView {
  #box;
  #voices;
  /** @type {Map<string, {turn: HTMLElement, text: HTMLElement, words: HTMLElement[]}>} */
  #turns = new Map();

  /**
   * @param {HTMLElement} box
   * @param {Voices} voices
   */
  constructor(box, voices) {
    this.#box = box;
    this.#voices = voices;
  }

  /**
   * Shows what is open now.
   * @param {Map<string, CaptionMessage>} open
   * @param {string | null} lastTrack who spoke last: who goes on is not named again
   */
  update(open, lastTrack) {
    for (const [id, { turn }] of this.#turns) {
      if (open.has(id)) continue;
      turn.remove();
      this.#turns.delete(id);
    }
    let before = lastTrack;
    for (const [id, caption] of open) {
      const shown = this.#turns.get(id) ?? this.#open(id, caption);
      shown.turn.classList.toggle("first", before !== caption.track);
      before = caption.track;
      this.#words(shown, caption.words);
    }
  }

  /**
   * @param {string} id
   * @param {CaptionMessage} caption
   */
  #open(id, caption) {
    const { ownerDocument } = this.#box;
    const { label, voice } = this.#voices(caption.track);
    const turn = element(ownerDocument, "div", "row open");
    turn.dataset.voice = String(voice);
    const meta = element(ownerDocument, "p", "meta");
    meta.append(element(ownerDocument, "span", "who", caption.speaker ?? label));
    const text = element(ownerDocument, "p", "text");
    text.lang = caption.language;
    turn.append(meta, text);
    this.#box.append(turn);
    const shown = { turn, text, words: [] };
    this.#turns.set(id, shown);
    return shown;
  }

  /**
   * @param {{text: HTMLElement, words: HTMLElement[]}} shown
   * @param {CaptionMessage["words"]} words
   */
  #words({ text, words: elements }, words) {
    for (const [index, word] of words.entries()) {
      let one = elements[index];
      if (!one) {
        one = element(text.ownerDocument, "span", "word");
        elements.push(one);
        text.append(one);
      }
      const written = `${word.text} `;
      if (one.textContent !== written) one.textContent = written;
      const kind = word.stable ? "word stable" : "word";
      if (one.className !== kind) one.className = kind;
    }
    while (elements.length > words.length) elements.pop()?.remove();
  }
}

/** Two or three lines of captions, large: alone in the page, or in a window that floats. */
export class CaptionBox {
  #last;
  #live;

  /**
   * @param {HTMLElement} box
   * @param {Voices} voices
   */
  constructor(box, voices) {
    const { ownerDocument } = box;
    this.#last = element(ownerDocument, "p", "last");
    const live = element(ownerDocument, "div", "live");
    const lines = element(ownerDocument, "div", "lines");
    lines.append(this.#last, live);
    box.replaceChildren(lines);
    this.#live = new LiveView(live, voices);
  }

  /**
   * @param {Map<string, CaptionMessage>} open
   * @param {Entry | undefined} last
   */
  update(open, last) {
    const text = last?.text ?? "";
    if (this.#last.textContent !== text) this.#last.textContent = text;
    if (last?.language) this.#last.lang = last.language;
    this.#live.update(open, last?.track ?? null);
  }
}

