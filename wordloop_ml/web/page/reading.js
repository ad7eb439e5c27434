// How a reader moves through the transcript: along with the newest words, up, to a place, or not at all.

/** @typedef {import("./transcript_view.js").LogView} LogView */
/** @typedef {import("./transcript.js").Transcript} Transcript */

const AT_BOTTOM_PX = 48;
const CITED_MS = 6_000;
const GLIDE_MS = 400;
const MOVES_FOR_MS = { wheel: 1_000, touchmove: 1_500, keydown: 1_000, pointerdown: 10_000 }; // the last: a scroll bar

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
  #lastHeight = 0;
  #lastMove = 0; // when it last went to the bottom
  #byHand = 0; // until then scrolling may be the reader's: rows that leave above scroll, too
  #still = matchMedia("(prefers-reduced-motion: reduce)");
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
    for (const [event, ms] of Object.entries(MOVES_FOR_MS)) {
      scroller.addEventListener(event, () => (this.#byHand = performance.now() + ms), { passive: true });
    }
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

  /** Leaves the newest words; from now on new ones are counted. */
  leave() {
    this.following = false;
    this.#seen = this.#page.transcript().entries.length;
    this.#update();
  }

  /** Goes to the newest words, and follows them. */
  jump() {
    this.frozen = false;
    this.following = true;
    this.#log.toEnd();
    this.#page.draw();
    this.#settle(3);
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
    this.leave();
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
    this.leave();
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

  /**
   * Goes to the bottom at once; again once the rows there were laid out, whose heights were a guess before.
   * @param {number} times
   */
  #settle(times) {
    if (!this.following) return;
    this.#lastMove = performance.now();
    this.#toBottom();
    if (times > 0) requestAnimationFrame(() => this.#settle(times - 1));
  }

  /** Glides, unless the reader wants no motion, or lines come faster than one can glide. */
  #toBottom() {
    const { scrollHeight } = this.#scroller;
    if (scrollHeight === this.#lastHeight && this.#atBottom) return;
    this.#lastHeight = scrollHeight;
    const now = performance.now();
    const glides = !this.#still.matches && now - this.#lastMove > GLIDE_MS;
    this.#lastMove = now;
    this.#scroller.scrollTo({ top: scrollHeight, behavior: glides ? "smooth" : "instant" });
    this.#lastTop = this.#scroller.scrollTop;
  }

  #scrolled() {
    const up = this.#scroller.scrollTop < this.#lastTop - 1 && performance.now() < this.#byHand;
    this.#lastTop = this.#scroller.scrollTop;
    if (up && !this.#atBottom && this.following) this.leave();
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
