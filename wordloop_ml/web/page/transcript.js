// What was said so far: finals, holes, and segments that are still open; pure.

/** @typedef {import("./client/messages.js").CaptionMessage} CaptionMessage */
/** @typedef {import("./client/messages.js").NoticeMessage} NoticeMessage */
/** @typedef {import("./formats.js").Segment} Segment */

/**
 * One thing of the transcript, for good: a final caption, or a hole. Times are ms of meeting time.
 * @typedef {object} Entry
 * @property {string} id of the segment; a hole has one of its own
 * @property {string} track
 * @property {number} start
 * @property {number} end
 * @property {string} text "" for a hole
 * @property {string} language
 * @property {Segment["words"]} words
 * @property {string} [speaker]
 * @property {string} [hole] why there are no words
 */

/** Holes that a reader misses something by; the others were no speech. */
const MISSED = new Set(["gap", "decode_failed"]);

export class Transcript {
  /** @type {Entry[]} in the order in which they came */
  entries = [];
  /** @type {Map<string, CaptionMessage>} by segment, in the order in which they began */
  open = new Map();
  /** @type {Map<string, number>} index in `entries` by id */
  #index = new Map();

  /**
   * Adds a final; what was open of it is over.
   * @param {CaptionMessage} caption
   * @returns {Entry | null} null for one without words
   */
  add(caption) {
    this.#close(caption.track, caption.end);
    this.open.delete(caption.segment);
    if (!caption.text) return null;
    const { segment: id, track, start, end, text, language, words, speaker } = caption;
    return this.#append({ id, track, start, end, text, language, words, speaker });
  }

  /**
   * Adds a hole, if words may be missing.
   * @param {string} track
   * @param {NoticeMessage} notice
   * @returns {Entry | null}
   */
  addHole(track, { code, start = 0, end = 0 }) {
    this.#close(track, end);
    if (!MISSED.has(code)) return null;
    return this.#append({ id: `hole:${track}:${start}`, track, start, end, text: "", language: "", words: [], hole: code });
  }

  /**
   * Shows the text of a segment so far.
   * @param {CaptionMessage} caption
   */
  show(caption) {
    this.open.set(caption.segment, caption);
  }

  /**
   * Forgets what is open on a track: it comes again.
   * @param {string} track
   */
  forget(track) {
    this.#close(track, Infinity);
  }

  /**
   * @param {string} id
   * @returns {number} -1 without one
   */
  indexOf(id) {
    return this.#index.get(id) ?? -1;
  }

  /** The finals, for documents and syntheses: each track in order.
   * @returns {Entry[]} */
  get segments() {
    return this.entries.filter(({ hole }) => !hole);
  }

  /**
   * Finds the segments that have this text, in any case.
   * @param {string} text
   * @returns {Entry[]}
   */
  find(text) {
    const wanted = text.toLocaleLowerCase();
    return this.entries.filter((entry) => entry.text.toLocaleLowerCase().includes(wanted));
  }

  /** @param {Entry} entry */
  #append(entry) {
    if (this.#index.has(entry.id)) return null;
    this.#index.set(entry.id, this.entries.length);
    this.entries.push(entry);
    return entry;
  }

  /**
   * @param {string} track
   * @param {number} until
   */
  #close(track, until) {
    for (const [id, caption] of this.open) {
      if (caption.track === track && caption.start < until) this.open.delete(id);
    }
  }
}
