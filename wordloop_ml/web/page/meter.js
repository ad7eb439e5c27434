// How late captions are, from the voice to the page; pure. Times are milliseconds of one clock.

/** @typedef {import("./client/messages.js").CaptionMessage} CaptionMessage */

const REMEMBERED = 200;
const ONSET_BEFORE_MS = 1_000; // sound that a segment begins with begins at most so long before it
const ONSET_AFTER_MS = 400;

/**
 * @param {number[]} values
 * @param {number} share
 * @returns {number | null} the value below which this share of them lies; null without any
 */
export function percentile(values, share) {
  if (values.length === 0) return null;
  const ordered = [...values].sort((one, other) => one - other);
  return ordered[Math.min(ordered.length - 1, Math.ceil(share * ordered.length) - 1)];
}

/** Measures one track. */
export class Meter {
  /** @type {number[]} from the first sound of an utterance to its first caption */
  first = [];
  /** @type {number[]} from the end of each word to its first showing */
  words = [];
  /** @type {number[]} in ms of the track, the latest ones */
  #onsets = [];
  /** @type {Map<string, number>} words that were shown already, by segment */
  #shown = new Map();

  /** @param {number} ms of the track at which sound began */
  heard(ms) {
    keep(this.#onsets, ms);
  }

  /**
   * Notes a caption that has just been shown.
   * @param {CaptionMessage} caption
   * @param {number} originMs meeting time of the track's first sample
   * @param {number} zeroMs when that sample was captured
   * @param {number} nowMs
   */
  shown(caption, originMs, zeroMs, nowMs) {
    if (caption.words.length === 0) return;
    const known = this.#shown.get(caption.segment) ?? 0;
    if (!caption.replay && Number.isFinite(zeroMs)) {
      const base = zeroMs - originMs;
      if (known === 0) keep(this.first, nowMs - base - this.#onsetOf(caption, originMs));
      for (const word of caption.words.slice(known)) keep(this.words, nowMs - base - word.end);
    }
    if (caption.final) this.#shown.delete(caption.segment);
    else this.#shown.set(caption.segment, Math.max(known, caption.words.length));
  }

  /**
   * @param {CaptionMessage} caption
   * @param {number} originMs
   */
  #onsetOf(caption, originMs) {
    const begins = caption.words[0].start;
    const near = this.#onsets
      .map((ms) => ms + originMs)
      .filter((ms) => ms > begins - ONSET_BEFORE_MS && ms < begins + ONSET_AFTER_MS);
    return near.at(-1) ?? begins;
  }

  /** Forgets what was open: it comes again, as a replay. */
  forget() {
    this.#shown.clear();
  }
}

/**
 * @param {number[]} values
 * @param {number} value
 */
function keep(values, value) {
  values.push(value);
  if (values.length > REMEMBERED) values.shift();
}
