// One track through any number of connections, as a client sends it for each participant.

import { Broken, Connection } from "./connection.js";
import { BrokenPromise, ReplaySession } from "./session.js";

/** @typedef {import("./breaks.js").Break} Break */
/** @typedef {import("./connection.js").Direction} Direction */
/** @typedef {import("./messages.js").CaptionMessage} CaptionMessage */
/** @typedef {import("./messages.js").ServerMessage} ServerMessage */
/** @typedef {import("./messages.js").StartMessage} StartMessage */
/** @typedef {import("./session.js").Record} Record */
/** @typedef {import("./session.js").ReplayPolicy} ReplayPolicy */
/** @typedef {import("./session.js").Standing} Standing */

const KEEPALIVE_MS = 20_000; // with nothing to send; the server closes what is idle for 60 s

/**
 * Receives the captions of a track.
 *
 * `store` keeps a final, or the notice of a gap: once it returns, audio is trimmed, and the record
 * never comes again; what it throws ends the track. `show` has the text of a segment so far, `forget`
 * removes what was shown and has no final yet: the connection broke, and it comes again.
 *
 * @typedef {object} Listener
 * @property {(record: Record, standing: Standing) => void | Promise<void>} store
 * @property {(caption: CaptionMessage) => void} show
 * @property {() => void} forget
 * @property {() => void} [connecting] a connection is being opened
 * @property {(message: ServerMessage) => void} [heard] each message, once it was taken
 * @property {(why: Break, waitS: number) => void} [broke] the next connection is opened after so many seconds
 * @property {(direction: Direction, text: string) => void} [traffic] each text frame
 */

/** The server refused the track for good, or could not be reached often enough. */
export class Stopped extends Error {
  /**
   * @param {string} code
   * @param {Break} why
   */
  constructor(code, why) {
    super(`the server cannot be used: ${code}`);
    this.code = code;
    this.why = why;
  }
}

/** Sends one track of a meeting and hands over its captions, whatever breaks on the way. */
export class TrackClient {
  #url;
  #listener;
  #token;
  #clockMs;
  #WebSocket;
  #session;
  #over = false;
  /** @type {Set<() => void>} */
  #waiting = new Set();

  /**
   * @param {string} url of the meeting's audio route
   * @param {StartMessage} stream what is sent, as `start` says it
   * @param {Listener} listener
   * @param {object} [options]
   * @param {boolean} [options.live] false for a file, which then goes as fast as the server takes it
   * @param {Partial<ReplayPolicy>} [options.policy]
   * @param {Standing} [options.standing] from before a crash
   * @param {number} [options.position] where the first frame that is put in stands
   * @param {() => string | null} [options.token] asked for each connection, so that it may be a new one
   * @param {() => number} [options.clockMs] gives epochs, so that they rise across crashes
   * @param {typeof WebSocket} [options.WebSocket] for a runtime without one
   */
  constructor(url, stream, listener, options = {}) {
    this.#url = url;
    this.#listener = listener;
    this.#token = options.token ?? (() => null);
    this.#clockMs = options.clockMs ?? Date.now;
    this.#WebSocket = options.WebSocket ?? globalThis.WebSocket;
    this.#session = new ReplaySession(stream, { random: Math.random, ...options });
  }

  /** The state of the track; to be read, not to be changed. */
  get session() {
    return this.#session;
  }

  /**
   * Appends one frame of `samples` samples; never waits, so that audio may fall out of a full buffer.
   * @param {Uint8Array} payload
   * @param {number} samples
   */
  put(payload, samples) {
    this.#session.add(payload, samples);
    this.#wake();
  }

  /**
   * Leaves out samples: there is no audio for them.
   * @param {number} samples
   */
  skip(samples) {
    this.#session.skip(samples);
    this.#wake();
  }

  /**
   * Waits until `samples` samples fit: for a source that can wait, as a microphone cannot.
   * @param {number} samples
   */
  async waitForRoom(samples) {
    while (this.#session.room < samples && !this.#over) await this.#change();
  }

  /** Ends the audio; `run` returns when all of it is committed. */
  end() {
    this.#session.end();
    this.#wake();
  }

  /**
   * Connects, and connects again, until every sample is committed.
   * @returns {Promise<Standing>}
   * @throws {Stopped} or whatever the listener's `store` throws
   */
  async run() {
    try {
      for (;;) {
        const why = await this.#oneConnection();
        const decision = this.#session.broke(why);
        if (decision.kind === "done") {
          const { committed, lastSeq, epoch } = this.#session;
          return { committed, lastSeq, epoch };
        }
        this.#listener.forget();
        if (decision.kind === "give_up") throw new Stopped(decision.code, why);
        this.#listener.broke?.(why, decision.waitS);
        await new Promise((resolve) => setTimeout(resolve, decision.waitS * 1000));
      }
    } finally {
      this.#over = true;
      this.#wake();
    }
  }

  /** @returns {Promise<Break>} */
  async #oneConnection() {
    this.#listener.connecting?.();
    let connection;
    try {
      connection = await Connection.open(this.#url, {
        token: this.#token(),
        resumes: this.#session.resumes,
        WebSocket: this.#WebSocket,
        traffic: this.#listener.traffic,
      });
    } catch (error) {
      if (error instanceof Broken) return error.why;
      throw error;
    }
    const start = this.#session.connect(this.#clockMs());
    const sending = this.#sendAll(connection, start);
    try {
      return await this.#receiveAll(connection, this.#session.epoch);
    } finally {
      await connection.close();
      this.#wake();
      await sending;
    }
  }

  /**
   * Sends what is to be sent, no faster than the server takes it, until the connection is over.
   * @param {Connection} connection
   * @param {StartMessage} start
   */
  async #sendAll(connection, start) {
    await connection.send(start);
    while (!connection.over) {
      const item = this.#session.nextToSend();
      if (item !== null) await connection.send(item);
      else if (!(await this.#change(KEEPALIVE_MS))) await connection.send({ type: "keepalive" });
    }
  }

  /**
   * Takes messages one by one: the next is not read before a record is stored.
   * @param {Connection} connection
   * @param {number} epoch
   * @returns {Promise<Break>}
   */
  async #receiveAll(connection, epoch) {
    for (;;) {
      try {
        const message = await connection.receive();
        const what = this.#session.take(epoch, message);
        if (what?.kind === "hand_over") {
          await this.#listener.store(what.record, what.standing);
          this.#session.stored();
        } else if (what?.kind === "show") {
          this.#listener.show(what.caption);
        }
        this.#listener.heard?.(message);
        this.#wake();
      } catch (error) {
        if (error instanceof Broken) return error.why;
        if (error instanceof BrokenPromise) return { kind: "distrusted" };
        throw error;
      }
    }
  }

  #wake() {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /**
   * Waits until audio was put in, or something was heard; false when the time is up first.
   * @param {number} [withinMs]
   * @returns {Promise<boolean>}
   */
  #change(withinMs) {
    return new Promise((resolve) => {
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let timer;
      const wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
      this.#waiting.add(wake);
      if (withinMs === undefined) return;
      timer = setTimeout(() => {
        this.#waiting.delete(wake);
        resolve(false);
      }, withinMs);
    });
  }
}
