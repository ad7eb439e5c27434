// How a reader moves through the transcript: along with the newest words, up, to a place, or not at all.

/** @typedef {import("./transcript_view.js").LogView} LogView */
/** @typedef {import("./transcript.js").Transcript} Transcript */

const AT_BOTTOM_PX = 48;
const CITED_MS = 6_000;

export class Reading {
  /** Whether the newest words stay in sight. */
  following = true;
  /** Whether the transcript stands still, whatever is said. */
  frozen = false;
  #scroller;
  #log;
  #button;
  #label;
  #page;
  #lastTop = 0;
  #seen = 0; // entries when the reader left the end
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #citing;

  /**
   * @param {HTMLElement} scroller
   * @param {LogView} log
   * @param {HTMLElement} button back to the newest words
   * @param {HTMLElement} label of the button
   * @param {{transcript: () => Transcript, running: () => boolean, draw: () => void}} page
   */
  constructor(scroller, log, button, label, page) {
    this.#scroller = scroller;
    this.#log = log;
    this.#button = button;
    this.#label = label;
    this.#page = page;
    scroller.addEventListener("scroll", () => this.#scrolled());
    button.addEventListener("click", () => this.jump());
  }

  /** Begins to follow; for another start, or another transcript. */
  begin() {
    this.following = true;
    this.frozen = false;
    this.#seen = 0;
  }

  /** Keeps the newest words in sight, if the reader follows; says how many are new, if not. */
  moved() {
    if (this.following && !this.frozen) this.#toBottom();
    this.#update();
  }

  /** Goes to the newest words, and follows them. */
  jump() {
    this.frozen = false;
    this.following = true;
    this.#log.toEnd();
    this.#page.draw();
    this.#toBottom();
    this.#update();
  }

  /** Holds the transcript still, or lets it go on.
   * @returns {boolean} whether it stands still now */
  freeze() {
    if (this.frozen) {
      this.jump();
      return false;
    }
    this.frozen = true;
    this.#leave();
    this.#update();
    return true;
  }

  /**
   * Goes to a segment, and marks it with the others that say the same.
   * @param {string[]} segments
   * @param {number} turn which of them to go to
   */
  cite(segments, turn) {
    const index = this.#page.transcript().indexOf(segments[turn]);
    if (index < 0) return;
    this.#leave();
    const target = this.#log.row(index);
    this.unmark();
    for (const { row, entry } of this.#log.rows()) row.classList.toggle("cited", segments.includes(entry.id));
    target?.focus({ preventScroll: true });
    this.#show(target, 2);
    this.#citing = setTimeout(() => this.unmark(), CITED_MS);
    this.#update();
  }

  /** Removes the marks. */
  unmark() {
    clearTimeout(this.#citing);
    for (const { row } of this.#log.rows()) row.classList.remove("cited");
  }

  /**
   * Scrolls to a row; again once the rows around it were laid out, whose heights were a guess before.
   * @param {HTMLElement | null} row
   * @param {number} times
   */
  #show(row, times) {
    row?.scrollIntoView({ block: "center", behavior: "instant" });
    this.#lastTop = this.#scroller.scrollTop;
    if (times > 0) requestAnimationFrame(() => this.#show(row, times - 1));
  }

  get #atBottom() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < AT_BOTTOM_PX;
  }

  #toBottom() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
  }

  #leave() {
    this.following = false;
    this.#seen = this.#page.transcript().entries.length;
  }

  #scrolled() {
    const up = this.#scroller.scrollTop < this.#lastTop - 1;
    this.#lastTop = this.#scroller.scrollTop;
    if (up && !this.#atBottom && this.following) this.#leave();
    else if (!this.following && !this.frozen && this.#atBottom && this.#log.atEnd) this.following = true;
    this.#update();
  }

  #update() {
    const running = this.#page.running();
    this.#button.hidden =
      (this.following && !this.frozen) || (!running && this.#log.atEnd && this.#atBottom);
    const more = this.#page.transcript().entries.length - this.#seen;
    const name = running ? "Jump to live" : "Jump to the end";
    const text = this.frozen ? "Go on moving" : more > 0 ? `${name} · ${more} new` : name;
    if (this.#label.textContent !== text) this.#label.textContent = text;
  }
}
