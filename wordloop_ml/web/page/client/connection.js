// One WebSocket of a client: connected, sent to and received from, each wait within a bound.

import { encodeClient, NoMessage, parseServer } from "./messages.js";

/** @typedef {import("./breaks.js").Break} Break */
/** @typedef {import("./messages.js").ClientMessage} ClientMessage */
/** @typedef {import("./messages.js").ServerMessage} ServerMessage */
/** @typedef {"sent" | "received"} Direction */

export const SUBPROTOCOL = "wordloop.v1";

const CONNECT_WITHIN_MS = 10_000;
const SILENCE_MS = 20_000;
const CLOSE_WITHIN_MS = 2_000;
const LOOK_EVERY_MS = 1_000;
const BUFFERED_BYTES = 32_000; // a second of 16 kHz audio: more waits in the replay buffer, where a break leaves it
const BUFFERED_LOOK_MS = 20;
const ABNORMAL_CLOSURE = 1006;
const CLOSED = 3; // of WebSocket, whichever it is

/** Connecting failed, or the connection is over; `why` says how. */
export class Broken extends Error {
  /** @param {Break} why */
  constructor(why) {
    super(why.kind);
    this.why = why;
  }
}

/** An open connection. */
export class Connection {
  #socket;
  #traffic;
  /** @type {ServerMessage[]} */
  #messages = [];
  /** @type {Break | null} */
  #over = null;
  /** @type {() => void} */
  #wake = () => {};
  #owedSince = 0; // when audio was first sent that nothing came back for; 0 for never
  #looking;

  /**
   * @param {WebSocket} socket
   * @param {(direction: Direction, text: string) => void} traffic
   */
  constructor(socket, traffic) {
    this.#socket = socket;
    this.#traffic = traffic;
    socket.onmessage = ({ data }) => {
      this.#owedSince = 0;
      if (typeof data === "string") this.#hear(data);
    };
    socket.onclose = ({ code }) =>
      this.#end(code === ABNORMAL_CLOSURE ? { kind: "lost" } : { kind: "closed", code });
    this.#looking = setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  /**
   * Connects and upgrades.
   * @param {string} url of the meeting's audio route; `http(s)` or `ws(s)`
   * @param {object} options
   * @param {string | null} [options.token]
   * @param {boolean} [options.resumes] a busy server refuses new tracks first, and has to know before the upgrade
   * @param {typeof WebSocket} [options.WebSocket] for a runtime without one
   * @param {(direction: Direction, text: string) => void} [options.traffic] sees each text frame
   * @returns {Promise<Connection>}
   * @throws {Broken}
   */
  static async open(url, { token = null, resumes = false, WebSocket = globalThis.WebSocket, traffic = () => {} }) {
    const address = new URL(url);
    address.protocol = address.protocol.replace("http", "ws");
    if (resumes) address.searchParams.set("resume", "1");
    const socket = new WebSocket(address, token === null ? [] : [SUBPROTOCOL, bearerProtocol(token)]);
    socket.binaryType = "arraybuffer";
    if (await opened(socket)) return new Connection(socket, traffic);
    socket.close();
    throw new Broken(await whyRefused(address, token));
  }

  /**
   * Sends one frame as soon as the socket has room for it: that wait is the server's back-pressure.
   * @param {Uint8Array | ClientMessage} item
   */
  async send(item) {
    while (this.#over === null && this.#socket.bufferedAmount > BUFFERED_BYTES) await sleep(BUFFERED_LOOK_MS);
    if (this.#over !== null) return; // `receive` says how it ended
    if (item instanceof Uint8Array) {
      this.#owedSince ||= Date.now();
      this.#socket.send(item);
      return;
    }
    const text = encodeClient(item);
    this.#traffic("sent", text);
    this.#socket.send(text);
  }

  /**
   * Waits for the next message that this client knows.
   * @returns {Promise<ServerMessage>}
   * @throws {Broken} at the end
   */
  async receive() {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#over !== null) throw new Broken(this.#over);
      await new Promise((resolve) => {
        this.#wake = () => resolve(undefined);
      });
    }
  }

  /** Whether the connection is over. */
  get over() {
    return this.#over !== null;
  }

  /** Ends the connection if it is not over yet; a peer that does not answer is left. */
  async close() {
    this.#end({ kind: "lost" });
    if (this.#socket.readyState === CLOSED) return;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, CLOSE_WITHIN_MS);
      this.#socket.onclose = () => {
        clearTimeout(timer);
        resolve(undefined);
      };
      this.#socket.close(1000);
    });
    this.#socket.onclose = null;
  }

  /** @param {string} text */
  #hear(text) {
    if (this.#over !== null) return;
    this.#traffic("received", text);
    try {
      const message = parseServer(text);
      if (message === null) return;
      this.#messages.push(message);
      this.#wake();
    } catch (error) {
      if (!(error instanceof NoMessage)) throw error;
      this.#end({ kind: "distrusted" });
    }
  }

  /** Pings are not shown to scripts; but while audio goes in, an `ack` comes at least each 2 s. */
  #look() {
    if (this.#owedSince && Date.now() - this.#owedSince >= SILENCE_MS) this.#end({ kind: "lost", silent: true });
  }

  /** @param {Break} why */
  #end(why) {
    this.#over ??= why;
    clearInterval(this.#looking);
    this.#wake();
  }
}

/**
 * Writes a token as a subprotocol: a browser's WebSocket sends no headers, and base64's own letters are no token of HTTP.
 * @param {string} token
 */
function bearerProtocol(token) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(token));
  return `wordloop.bearer.${btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

/**
 * @param {WebSocket} socket
 * @returns {Promise<boolean>}
 */
function opened(socket) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), CONNECT_WITHIN_MS);
    /** @param {boolean} open */
    const settle = (open) => {
      clearTimeout(timer);
      socket.onopen = socket.onclose = socket.onerror = null;
      resolve(open);
    };
    socket.onopen = () => settle(true);
    socket.onclose = socket.onerror = () => settle(false);
  });
}

/**
 * Asks again by HTTP: a WebSocket hides from scripts what its request was answered.
 * @param {URL} address
 * @param {string | null} token
 * @returns {Promise<Break>}
 */
async function whyRefused(address, token) {
  const url = new URL(address);
  url.protocol = url.protocol.replace("ws", "http");
  try {
    const answer = await fetch(url, {
      headers: token === null ? {} : { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(CONNECT_WITHIN_MS),
    });
    const problem = await answer.json().catch(() => ({}));
    // 400: the route wants a WebSocket, and would have let this one in
    if (answer.status === 400) return { kind: "unreachable" };
    const after = answer.headers.get("Retry-After");
    return {
      kind: "refused",
      status: answer.status,
      retryAfterS: after !== null && /^\d+$/.test(after) ? Number(after) : undefined,
      errorCode: problem.code,
      detail: problem.detail,
    };
  } catch {
    return { kind: "unreachable" };
  }
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
