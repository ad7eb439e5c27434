// One meeting of this page: its tracks, each with a worker, and what they said.

import { audioUrl, token } from "./service.js";
import { Meter } from "./meter.js";
import { Transcript } from "./transcript.js";

/** @typedef {import("./capture.js").Source} Source */

/**
 * What is sent of one person, tab or file.
 * @typedef {object} Track
 * @property {string} id
 * @property {string} label
 * @property {number} voice its colour
 * @property {"microphone" | "tab" | "file"} kind
 * @property {number} originMs
 * @property {Worker} worker
 * @property {Source | null} source
 * @property {Meter} meter
 * @property {any} report of its connection
 * @property {boolean} over
 */

/** @typedef {{speaker: string, language: string, vocabulary: string[], notes: boolean}} Speech */

const VOICES = 6;

export class Meeting {
  id = `page-${crypto.randomUUID().slice(0, 13)}`;
  transcript = new Transcript();
  /** @type {Map<string, Track>} */
  tracks = new Map();
  /** When it began, by the page's clock; 0 before. */
  beganMs = 0;
  /** @type {(track: Track, message: any) => void} */
  onmessage = () => {};

  /** The tracks that are not over. */
  get running() {
    return [...this.tracks.values()].filter(({ over }) => !over);
  }

  /**
   * Begins to send a source.
   * @param {"microphone" | "tab"} kind
   * @param {Source} source
   * @param {Speech} speech
   */
  addSource(kind, source, speech) {
    const label = kind === "tab" ? "Tab" : speech.speaker || "You";
    const track = this.#add(kind, label, source);
    source.ononset = (ms) => track.meter.heard(ms);
    this.#start(track, source.sampleRate, speech, { frames: source.frames }, [source.frames]);
    return track;
  }

  /**
   * Begins to send a file, as fast as the server takes it.
   * @param {string} name
   * @param {Int16Array} samples
   * @param {Speech} speech
   */
  addFile(name, samples, speech) {
    const track = this.#add("file", name, null);
    this.#start(track, 16_000, { ...speech, speaker: name }, { file: samples }, [samples.buffer]);
    return track;
  }

  /**
   * Goes on with another device, from where the first one was lost.
   * @param {Track} track
   * @param {Source} source
   * @param {number} gapMs how long there was none
   */
  replaceSource(track, source, gapMs) {
    track.source?.close();
    track.source = source;
    track.worker.postMessage({ type: "frames", frames: source.frames, gapMs }, [source.frames]);
  }

  /** Ends the sound of all tracks; they are over once their last words have come. */
  end() {
    for (const track of this.running) {
      track.source?.close();
      track.source = null;
      track.worker.postMessage({ type: "end" });
    }
  }

  /** Ends all tracks at once, whatever was not heard yet. */
  cut() {
    for (const track of this.running) this.#over(track);
  }

  /**
   * @param {string} id
   * @returns {{label: string, voice: number}}
   */
  voiceOf(id) {
    return this.tracks.get(id) ?? { label: id, voice: 0 };
  }

  /**
   * Takes what a track's worker says.
   * @param {Track} track
   * @param {any} message
   */
  take(track, message) {
    switch (message.type) {
      case "final":
        this.transcript.add(message.record);
        break;
      case "hole":
        this.transcript.addHole(track.id, message.record);
        break;
      case "interim":
        this.transcript.show(message.caption);
        break;
      case "forget":
        this.transcript.forget(track.id);
        track.meter.forget();
        break;
      case "state":
        track.report = message;
        break;
      case "done":
      case "stopped":
        this.#over(track);
        break;
    }
    this.onmessage(track, message);
  }

  /**
   * @param {Track["kind"]} kind
   * @param {string} label
   * @param {Source | null} source
   * @returns {Track}
   */
  #add(kind, label, source) {
    const now = performance.timeOrigin + performance.now();
    this.beganMs ||= now;
    const number = this.tracks.size + 1;
    const known = [...this.tracks.values()].find((one) => one.label === label);
    const track = {
      id: `${kind}-${number}`,
      label,
      kind,
      voice: known?.voice ?? new Set([...this.tracks.values()].map(({ voice }) => voice)).size % VOICES,
      originMs: Math.round(now - this.beganMs),
      worker: new Worker(new URL("track.worker.js", import.meta.url), { type: "module" }),
      source,
      meter: new Meter(),
      report: { state: "connecting", keptS: 0, behindS: 0, done: 0, why: "" },
      over: false,
    };
    this.tracks.set(track.id, track);
    track.worker.onmessage = ({ data }) => this.take(track, data);
    track.worker.onerror = (event) => {
      event.preventDefault();
      this.take(track, { type: "stopped", code: "internal", detail: "the page failed, not the server" });
    };
    return track;
  }

  /**
   * @param {Track} track
   * @param {number} rate
   * @param {Speech} speech
   * @param {object} sound
   * @param {Transferable[]} transfer
   */
  #start(track, rate, { speaker, language, vocabulary, notes }, sound, transfer) {
    const stream = {
      version: 1,
      track: track.id,
      encoding: "pcm_s16le",
      sample_rate: rate,
      channels: 1,
      origin_ms: track.originMs,
      ...(speaker ? { speaker } : {}),
      ...(language ? { language } : {}),
      ...(vocabulary.length ? { vocabulary } : {}),
      ...(notes ? { notes } : {}),
    };
    track.worker.postMessage({ type: "start", url: audioUrl(this.id), token: token.value, stream, ...sound }, transfer);
  }

  /** @param {Track} track */
  #over(track) {
    track.over = true;
    track.source?.close();
    track.source = null;
    track.worker.terminate();
    this.transcript.forget(track.id);
  }
}
