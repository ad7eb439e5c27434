// Captions in a small window that stays above others (Document Picture-in-Picture).

import { CaptionBox } from "./transcript_view.js";

/** @typedef {import("./transcript_view.js").Voices} Voices */

const SIZE = { width: 560, height: 170 };

export class FloatingCaptions {
  #voices;
  #changed;
  /** @type {Window | null} */
  #window = null;
  /** @type {CaptionBox | null} */
  #box = null;

  /** Whether this browser has such windows. */
  static get possible() {
    return "documentPictureInPicture" in window;
  }

  /**
   * @param {Voices} voices
   * @param {(on: boolean) => void} changed
   */
  constructor(voices, changed) {
    this.#voices = voices;
    this.#changed = changed;
  }

  /** Opens the window, or closes it. */
  async toggle() {
    if (this.#window && !this.#window.closed) {
      this.#window.close();
      this.#closed();
      return;
    }
    const opened = await /** @type {any} */ (window).documentPictureInPicture.requestWindow(SIZE);
    const { document: inside } = opened;
    for (const sheet of document.querySelectorAll("link[rel=stylesheet]")) {
      const style = inside.createElement("link");
      style.rel = "stylesheet";
      style.href = /** @type {HTMLLinkElement} */ (sheet).href;
      inside.head.append(style);
    }
    inside.title = "Captions";
    inside.documentElement.lang = "en";
    inside.documentElement.dataset.theme = document.documentElement.dataset.theme;
    const box = inside.createElement("main");
    box.className = "captions floating";
    inside.body.append(box);
    this.#box = new CaptionBox(box, this.#voices);
    this.#window = opened;
    opened.addEventListener("pagehide", () => this.#closed());
    this.#changed(true);
  }

  /**
   * @param {Parameters<CaptionBox["update"]>[0]} open
   * @param {Parameters<CaptionBox["update"]>[1]} last
   */
  update(open, last) {
    if (this.#window?.closed) this.#closed();
    this.#box?.update(open, last);
  }

  #closed() {
    this.#window = null;
    this.#box = null;
    this.#changed(false);
  }
}
