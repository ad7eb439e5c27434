// How late captions are, from the voice to the page; pure. Times are milliseconds of one clock.

/** @typedef {import("./client/messages.js").CaptionMessage} CaptionMessage */

const REMEMBERED = 200;
const ONSET_BEFORE_MS = 200; // sound that a segment begins with begins at most so long before it
const ONSET_AFTER_MS = 800; // and so long after it: a segment begins 400 ms before a voice is heard

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
  /** @type {number[]} from the first sound of an utterance, after quiet, to its first caption */
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
      const onset = known === 0 ? this.#onsetOf(caption, originMs) : undefined;
      if (onset !== undefined) keep(this.first, nowMs - base - onset);
      for (const word of caption.words.slice(known)) keep(this.words, nowMs - base - word.end);
    }
    if (caption.final) this.#shown.delete(caption.segment);
    else this.#shown.set(caption.segment, Math.max(known, caption.words.length));
  }

  /**
   * @param {CaptionMessage} caption
   * @param {number} originMs
   * @returns {number | undefined} when its sound began; none where people went on talking
   */
  #onsetOf({ words }, originMs) {
    const begins = words[0].start - originMs;
    const onset = this.#onsets.find((ms) => ms > begins - ONSET_BEFORE_MS && ms < begins + ONSET_AFTER_MS);
    return onset === undefined ? undefined : onset + originMs;
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
