// One track of a client over all its connections: what it remembers, sends and decides; pure.
// A port of wordloop_ml/replay/session.py, which says more about each part; docs/client.md has the rules.

import { action, errorCode, mayBeTheAudio } from "./breaks.js";
import { MAX_POSITION } from "./messages.js";

/** @typedef {import("./breaks.js").Break} Break */
/** @typedef {import("./messages.js").CaptionMessage} CaptionMessage */
/** @typedef {import("./messages.js").ErrorMessage} ErrorMessage */
/** @typedef {import("./messages.js").GapMessage} GapMessage */
/** @typedef {import("./messages.js").NoticeMessage} NoticeMessage */
/** @typedef {import("./messages.js").ReadyMessage} ReadyMessage */
/** @typedef {import("./messages.js").ServerMessage} ServerMessage */
/** @typedef {import("./messages.js").StartMessage} StartMessage */
/** @typedef {import("./messages.js").StopMessage} StopMessage */

/**
 * How much a client keeps, how it waits, and when it gives up; in seconds of audio, or of time.
 *
 * @typedef {object} ReplayPolicy
 * @property {number} replayS audio kept from `committed` on; what falls out becomes a gap
 * @property {number} inFlightS audio sent ahead of what the server says it received
 * @property {number} leadS audio kept before `committed`, for decoders that need a run-up
 * @property {number} firstWaitS reconnecting waits for a random part of this, doubled with each failure
 * @property {number} longestWaitS up to this
 * @property {number} breaksBeforeGap as many breaks in a row that may be the audio's fault, and it is given up
 * @property {number} poisonMarginS given up beyond what had been sent at the break
 * @property {number | null} failuresBeforeStop as many failures in a row, and the client stops; null: never
 */

/** @type {Readonly<ReplayPolicy>} */
export const REPLAY_POLICY = Object.freeze({
  replayS: 120.0,
  inFlightS: 10.0,
  leadS: 0.0,
  firstWaitS: 0.25,
  longestWaitS: 15.0,
  breaksBeforeGap: 2,
  poisonMarginS: 1.0,
  failuresBeforeStop: null,
});

/** One binary frame: its bytes, and the stream samples that it holds, [position, end).
 * @typedef {{position: number, end: number, payload: Uint8Array}} Frame */

/** @typedef {CaptionMessage | NoticeMessage} Record */

/**
 * The state of a track that survives the client itself, if it is stored with each record.
 * @typedef {{committed: number, lastSeq: number, epoch: number}} Standing
 */

/** A record to be stored; nothing is trimmed before `stored` says that it is.
 * @typedef {{kind: "hand_over", record: Record, standing: Standing}} HandOver */
/** A caption to be shown, which may still change.
 * @typedef {{kind: "show", caption: CaptionMessage}} Show */

/**
 * What follows a break: wait `waitS` seconds and connect again; stop, since connecting again is of
 * no use; or the end, with all audio committed and every record stored.
 * @typedef {{kind: "reconnect", waitS: number} | {kind: "give_up", code: string, why: Break}
 *   | {kind: "done"}} Decision
 */

/** The server said what the protocol rules out; its connection cannot be trusted. */
export class BrokenPromise extends Error {}

/** The owner of a session called out of turn: a record that was handed over is not stored yet. */
export class OutOfTurn extends Error {}

/** Holds frames in order; positions between them are audio that nobody has (any more). */
export class ReplayBuffer {
  /** @type {Frame[]} */
  #frames = [];
  #head = 0; // frames before it are dropped
  #limit;

  /**
   * @param {number} limit samples that are held at most; the oldest frames fall out
   * @param {number} [position] of the first one
   */
  constructor(limit, position = 0) {
    this.#limit = limit;
    this.held = 0;
    this.end = position;
  }

  /** How many samples may be added before audio falls out. */
  get room() {
    return this.#limit - this.held;
  }

  /**
   * Appends one frame; the oldest frames fall out beyond the limit.
   * @param {Uint8Array} payload
   * @param {number} samples
   */
  append(payload, samples) {
    if (samples < 1) return;
    this.#frames.push({ position: this.end, end: this.end + samples, payload });
    this.end += samples;
    this.held += samples;
    while (this.held > this.#limit) this.#drop();
  }

  /**
   * Leaves out positions: their audio never came.
   * @param {number} samples
   */
  skip(samples) {
    this.end += samples;
  }

  /**
   * Drops the frames that end at `position` or before: they are committed.
   * @param {number} position
   */
  releaseBefore(position) {
    while (this.#head < this.#frames.length && this.#frames[this.#head].end <= position) this.#drop();
  }

  /**
   * Drops the frames that begin before `position`: they are not to be sent again.
   * @param {number} position
   */
  giveUpBefore(position) {
    while (this.#head < this.#frames.length && this.#frames[this.#head].position < position) this.#drop();
  }

  /**
   * Returns the first frame that ends after `position`; null without one.
   * @param {number} position
   * @returns {Frame | null}
   */
  after(position) {
    let low = this.#head;
    let high = this.#frames.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#frames[middle].end <= position) low = middle + 1;
      else high = middle;
    }
    return this.#frames[low] ?? null;
  }

  #drop() {
    const frame = this.#frames[this.#head++];
    this.held -= frame.end - frame.position;
    if (this.#head > 1024 || this.#head === this.#frames.length) {
      this.#frames.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

/** Says how long to wait before the next connection: full jitter, doubling with each failure. */
export class BackOff {
  #policy;
  #random;

  /**
   * @param {ReplayPolicy} policy
   * @param {() => number} random evenly distributed in [0, 1)
   */
  constructor(policy, random) {
    this.#policy = policy;
    this.#random = random;
    this.failures = 0;
  }

  /** Whether there were `failuresBeforeStop` failures in a row. */
  get exhausted() {
    const most = this.#policy.failuresBeforeStop;
    return most !== null && this.failures >= most;
  }

  /**
   * Counts one more break without progress; returns the wait in seconds.
   * @param {number} [atLeastS] what the server asked for
   */
  waitS(atLeastS = 0.0) {
    const window = Math.min(
      this.#policy.longestWaitS,
      this.#policy.firstWaitS * 2 ** Math.min(this.failures, 32),
    );
    this.failures += 1;
    return atLeastS + this.#random() * window;
  }

  /** Forgets the failures: there was progress. */
  reset() {
    this.failures = 0;
  }
}

/** One track, from its first sample to its last final. */
export class ReplaySession {
  #stream;
  #live;
  #policy;
  #rate;
  #originMs;
  #backOff;
  #buffer;
  #ending = false;
  /** @type {HandOver | null} */
  #pending = null;
  #seated;
  // what is true of the connection at hand
  #open = false;
  #answered = false;
  #cursor;
  #received;
  #stopped = false;
  /** @type {ErrorMessage | null} */
  #error = null;
  // what is suspected of the audio
  #understood;
  #breaks = 0;
  #reach = MAX_POSITION;
  #givenUp = 0;

  /**
   * @param {StartMessage} stream what every `start` of the track says; the fields about resuming are filled in
   * @param {object} options
   * @param {() => number} options.random evenly distributed in [0, 1)
   * @param {Partial<ReplayPolicy>} [options.policy]
   * @param {Standing} [options.standing] what was stored before a crash of the client
   * @param {number} [options.position] of the next sample; what lies between `committed` and it is a gap
   * @param {boolean} [options.live] audio comes at the speed of speech; false for a file
   */
  constructor(stream, { random, policy, standing, position = 0, live = true }) {
    this.#policy = { ...REPLAY_POLICY, ...policy };
    this.#rate = stream.sample_rate;
    this.#originMs = stream.origin_ms ?? 0;
    // left to the server, times would begin anew in each process
    this.#stream = { ...stream, origin_ms: this.#originMs };
    this.#live = live;
    this.#backOff = new BackOff(this.#policy, random);
    this.#buffer = new ReplayBuffer(this.#samples(this.#policy.replayS), position);
    this.committed = standing?.committed ?? 0;
    this.lastSeq = standing?.lastSeq ?? 0;
    this.epoch = standing?.epoch ?? 0;
    this.#seated = this.epoch > 0;
    this.#cursor = this.#received = this.#understood = this.committed;
    this.refused = 0;
  }

  /** How many samples may be added before audio is lost; a source that can wait, waits. */
  get room() {
    return this.#buffer.room;
  }

  /** One past the last sample that was added. */
  get position() {
    return this.#buffer.end;
  }

  /** One past the last sample that this connection was sent. */
  get sent() {
    return this.#cursor;
  }

  /** Breaks so far that may be the audio's fault, without getting past the first of them. */
  get attempt() {
    return this.#breaks;
  }

  /** No more audio comes, and all of it is committed. */
  get done() {
    return this.#ending && this.committed >= this.#buffer.end;
  }

  /** Whether the next connection goes on from an earlier one, and its request says so. */
  get resumes() {
    return this.#seated && Math.max(this.committed, this.#liveFrom) > 0;
  }

  /**
   * Appends one frame of `samples` samples of the stream's rate; never refused.
   * @param {Uint8Array} payload
   * @param {number} samples
   */
  add(payload, samples) {
    if (this.#buffer.end < this.#givenUp) this.#buffer.skip(samples);
    else this.#buffer.append(payload, samples);
  }

  /**
   * Leaves out samples: the source has no audio for them.
   * @param {number} samples
   */
  skip(samples) {
    this.#buffer.skip(samples);
  }

  /** Ends the audio. */
  end() {
    this.#ending = true;
  }

  /**
   * Returns the first message of a new connection; everything older is refused from now on.
   * @param {number} [epoch] at least; one more than the last otherwise
   * @returns {StartMessage}
   */
  connect(epoch = 0) {
    this.#refuseWhilePending();
    if (this.#breaks >= this.#policy.breaksBeforeGap) {
      this.#givenUp = this.#reach + this.#samples(this.#policy.poisonMarginS);
      this.#buffer.giveUpBefore(this.#givenUp);
    }
    const from = this.committed - this.#samples(this.#policy.leadS);
    this.#buffer.releaseBefore(from);
    const frame = this.#buffer.after(from);
    this.#cursor = frame !== null && frame.position <= this.committed ? frame.position : this.committed;
    this.#received = this.#cursor;
    this.#stopped = false;
    this.#error = null;
    this.#open = true;
    this.#answered = false;
    this.epoch = Math.max(this.epoch + 1, epoch);
    return {
      ...this.#stream,
      first_sample: this.#cursor,
      resume_from: this.committed,
      last_seq: this.lastSeq,
      epoch: this.epoch,
      attempt: this.#breaks,
      live_from: this.#liveFrom,
    };
  }

  /**
   * Returns what this connection is to be sent now, once; null when there is nothing to send.
   *
   * A position that no frame covers is a gap: the audio was never there, or fell out of the buffer,
   * or was given up.
   * @returns {Uint8Array | GapMessage | StopMessage | null}
   */
  nextToSend() {
    if (this.#cursor - this.#received >= this.#samples(this.#policy.inFlightS)) return null;
    const frame = this.#buffer.after(this.#cursor);
    if (frame === null && !this.#ending) return null;
    const begins = frame === null ? this.#buffer.end : frame.position;
    if (begins > this.#cursor) {
      const samples = begins - this.#cursor;
      // no ack counts a gap, so that it must not count as being in flight
      this.#cursor = this.#received = begins;
      return { type: "gap", samples };
    }
    if (frame !== null) {
      this.#cursor = frame.end;
      return frame.payload;
    }
    if (this.#stopped) return null;
    this.#stopped = true;
    return { type: "stop" };
  }

  /**
   * Takes a message of the connection with this epoch; returns what the owner is to do about it.
   * @param {number} epoch
   * @param {ServerMessage} message
   * @returns {HandOver | Show | null}
   * @throws {BrokenPromise} then the connection is to be closed, and is `distrusted`
   */
  take(epoch, message) {
    this.#refuseWhilePending();
    if (epoch !== this.epoch || !this.#open) {
      this.refused += 1;
      return null;
    }
    this.#answered = true;
    switch (message.type) {
      case "ready":
        this.#checkReady(message);
        this.#seated = true;
        return null;
      case "caption":
        return this.#takeCaption(message);
      case "notice":
        return this.#takeNotice(message);
      case "ack":
      case "ended":
        this.#received = Math.max(this.#received, message.received);
        this.#trim(this.#checked(message.committed));
        return null;
      case "error":
        this.#error = message;
        return null;
      default:
        return null;
    }
  }

  /** Trims what the record that was handed over last covers: it is safe. */
  stored() {
    if (this.#pending === null) throw new OutOfTurn("no record was handed over");
    const { standing } = this.#pending;
    this.#pending = null;
    this.lastSeq = standing.lastSeq;
    this.#trim(standing.committed);
  }

  /**
   * Decides what follows the end of a connection, or the failure to open one.
   * @param {Break} why
   * @returns {Decision}
   */
  broke(why) {
    this.#open = false;
    const error = this.#error;
    this.#error = null;
    if (this.done) return { kind: "done" };
    if (this.#answered && mayBeTheAudio(why) && this.#cursor > this.committed) {
      this.#breaks += 1;
      const enough = this.#breaks > this.#policy.breaksBeforeGap;
      this.#reach = enough ? this.#cursor : Math.min(this.#reach, this.#cursor);
    }
    if (action(why) === "stop" || this.#backOff.exhausted) {
      return { kind: "give_up", code: error?.code ?? errorCode(why), why };
    }
    const askedS = why.kind === "refused" ? why.retryAfterS : error?.retry_after;
    return { kind: "reconnect", waitS: this.#backOff.waitS(askedS ?? 0.0) };
  }

  get #liveFrom() {
    return this.#live ? this.#buffer.end : MAX_POSITION;
  }

  /** @param {number} seconds */
  #samples(seconds) {
    return Math.round(seconds * this.#rate);
  }

  #refuseWhilePending() {
    if (this.#pending !== null) throw new OutOfTurn("the record before has not been stored");
  }

  /** @param {ReadyMessage} ready */
  #checkReady(ready) {
    if (ready.accept_from > this.committed || ready.next_seq !== this.lastSeq + 1) {
      throw new BrokenPromise("the server begins elsewhere than it was asked to");
    }
  }

  /**
   * @param {NoticeMessage} notice
   * @returns {HandOver | null}
   */
  #takeNotice(notice) {
    if (notice.committed === undefined) return null;
    if (notice.committed <= this.committed) {
      this.refused += 1;
      return null;
    }
    if (notice.start !== undefined) return this.#handOver(notice, notice.committed, this.lastSeq);
    this.#trim(notice.committed);
    return null;
  }

  /**
   * @param {CaptionMessage} caption
   * @returns {HandOver | Show | null}
   */
  #takeCaption(caption) {
    if (caption.epoch !== this.epoch) {
      this.refused += 1;
      return null;
    }
    if (!caption.final) {
      this.#progress(this.#position(caption.end));
      return { kind: "show", caption };
    }
    if (caption.seq === undefined || caption.committed === undefined) {
      throw new BrokenPromise("a final without seq or committed");
    }
    if (caption.seq <= this.lastSeq) {
      this.refused += 1;
      return null;
    }
    if (caption.seq > this.lastSeq + 1) throw new BrokenPromise("a final is missing");
    if (caption.committed <= this.committed || caption.start < this.#ms(this.committed)) {
      throw new BrokenPromise("a final that starts before what was committed");
    }
    return this.#handOver(caption, caption.committed, caption.seq);
  }

  /**
   * @param {Record} record
   * @param {number} committed
   * @param {number} lastSeq
   * @returns {HandOver}
   */
  #handOver(record, committed, lastSeq) {
    const standing = { committed: this.#checked(committed), lastSeq, epoch: this.epoch };
    this.#pending = { kind: "hand_over", record, standing };
    return this.#pending;
  }

  /** @param {number} committed */
  #checked(committed) {
    if (committed > Math.max(this.#cursor, this.committed)) {
      throw new BrokenPromise("audio is committed that was not sent");
    }
    return committed;
  }

  /** @param {number} ms */
  #position(ms) {
    return Math.floor(((ms - this.#originMs) * this.#rate) / 1000);
  }

  /** @param {number} position */
  #ms(position) {
    return this.#originMs + Math.floor(Math.floor((position * 16_000) / this.#rate) / 16);
  }

  /** @param {number} committed */
  #trim(committed) {
    if (committed <= this.committed) return;
    this.committed = committed;
    this.#received = Math.max(this.#received, committed);
    this.#buffer.releaseBefore(committed - this.#samples(this.#policy.leadS));
    this.#progress(committed);
  }

  /**
   * Notes that audio before `position` was decoded; beyond the last break, it is suspected no more.
   * @param {number} position
   */
  #progress(position) {
    if (position > this.#understood) {
      this.#understood = position;
      this.#backOff.reset();
    }
    if (position >= this.#reach) {
      this.#breaks = 0;
      this.#reach = MAX_POSITION;
    }
  }
}
