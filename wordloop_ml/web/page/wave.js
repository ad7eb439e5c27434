// The level of the sound: bars that wander to the left.

const BARS = 40;
const FLOOR = 0.06;

export class Wave {
  /** @type {HTMLElement[]} */
  #bars;
  /** @type {number[]} */
  #levels = new Array(BARS).fill(0);

  /** @param {HTMLElement} box */
  constructor(box) {
    this.#bars = Array.from({ length: BARS }, () => document.createElement("i"));
    box.replaceChildren(...this.#bars);
    this.clear();
  }

  /** @param {number} level 0 to 1, of the samples */
  push(level) {
    this.#levels.push(Math.max(FLOOR, Math.min(1, Math.sqrt(level) * 1.2))); // loudness, roughly
    this.#levels.shift();
    this.#draw();
  }

  /** Lets it lie flat. */
  clear() {
    this.#levels.fill(FLOOR);
    this.#draw();
  }

  #draw() {
    for (const [index, bar] of this.#bars.entries()) bar.style.setProperty("--level", this.#levels[index].toFixed(2));
  }
}
