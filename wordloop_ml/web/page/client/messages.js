// The messages of the protocol, version 1, as plain objects with the names of the wire (docs/protocol.md).

/**
 * @typedef {object} StartMessage
 * @property {"start"} [type]
 * @property {1} version
 * @property {string} track
 * @property {"pcm_s16le" | "pcm_f32le" | "pcm_mulaw" | "pcm_alaw" | "opus"} encoding
 * @property {number} sample_rate
 * @property {1 | 2} channels
 * @property {string} [speaker]
 * @property {string} [language]
 * @property {"transcribe" | "translate"} [task]
 * @property {string[]} [vocabulary]
 * @property {number} [origin_ms]
 * @property {boolean} [notes]
 * @property {number} [first_sample] this field and those below are the session's
 * @property {number} [resume_from]
 * @property {number} [last_seq]
 * @property {number} [epoch]
 * @property {number} [attempt]
 * @property {number} [live_from]
 */

/** @typedef {{type: "gap", samples: number}} GapMessage */
/** @typedef {{type: "stop"}} StopMessage */
/** @typedef {{type: "keepalive"}} KeepAliveMessage */
/** @typedef {StartMessage | GapMessage | StopMessage | KeepAliveMessage} ClientMessage */

/** @typedef {{text: string, start: number, end: number, confidence: number, stable: boolean}} CaptionWord */
/**
 * @typedef {object} CaptionMessage
 * @property {"caption"} type
 * @property {string} segment
 * @property {number} epoch
 * @property {string} track
 * @property {number} start
 * @property {number} end
 * @property {string} text
 * @property {CaptionWord[]} words
 * @property {boolean} final
 * @property {boolean} speech_final
 * @property {boolean} replay
 * @property {string} language
 * @property {number} [seq]
 * @property {string} [speaker]
 * @property {number} [committed]
 */
/** @typedef {{type: "ready", accept_from: number, next_seq: number, limits: Record<string, number>}} ReadyMessage */
/** @typedef {{type: "speech_started", at: number}} SpeechStartedMessage */
/** @typedef {{type: "ack", received: number, committed: number}} AckMessage */
/**
 * @typedef {{type: "notice", code: string, start?: number, end?: number, reason?: string,
 *   committed?: number}} NoticeMessage
 */
/** @typedef {{type: "draining", deadline_ms: number}} DrainingMessage */
/** @typedef {{type: "error", code: string, message: string, retry_after?: number}} ErrorMessage */
/** @typedef {{type: "ended", received: number, committed: number, finals: number, reason?: string}} EndedMessage */
/**
 * @typedef {ReadyMessage | SpeechStartedMessage | CaptionMessage | AckMessage | NoticeMessage
 *   | DrainingMessage | ErrorMessage | EndedMessage} ServerMessage
 */

export const MAX_POSITION = Number.MAX_SAFE_INTEGER;

/** The server said what is no message of the protocol at all. */
export class NoMessage extends Error {}

/** @type {Record<string, (value: unknown) => boolean>} */
const KINDS = {
  integer: (value) => Number.isSafeInteger(value) && Number(value) >= 0,
  number: (value) => Number.isFinite(value),
  text: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  object: (value) => isObject(value),
  words: (value) => Array.isArray(value) && value.every((word) => isObject(word) && fits(word, WORD)),
};

const WORD = { text: "text", start: "integer", end: "integer", confidence: "number", stable: "boolean" };

/** @type {Record<string, Record<string, string>>} A `?` stands before the kind of an optional field. */
const FIELDS = {
  ready: { accept_from: "integer", next_seq: "integer", limits: "object" },
  speech_started: { at: "integer" },
  caption: {
    segment: "text",
    epoch: "integer",
    track: "text",
    start: "integer",
    end: "integer",
    text: "text",
    words: "words",
    final: "boolean",
    speech_final: "boolean",
    replay: "boolean",
    language: "text",
    seq: "?integer",
    speaker: "?text",
    committed: "?integer",
  },
  ack: { received: "integer", committed: "integer" },
  notice: { code: "text", start: "?integer", end: "?integer", reason: "?text", committed: "?integer" },
  draining: { deadline_ms: "integer" },
  error: { code: "text", message: "text", retry_after: "?number" },
  ended: { received: "integer", committed: "integer", finals: "integer", reason: "?text" },
};

/** The notices of version 1: another one's `committed` is left alone, and comes again in an `ack`. */
const NOTICES = new Set(["gap", "decode_failed", "rejected", "degraded", "restored"]);

/**
 * Parses one text frame of a server; null for a message that this client does not know.
 *
 * Unknown fields, types and notices are ignored, so that version 1 can grow.
 * @param {string} text
 * @returns {ServerMessage | null}
 * @throws {NoMessage} for what is no message at all
 */
export function parseServer(text) {
  let message;
  try {
    message = JSON.parse(text);
  } catch {
    throw new NoMessage("not JSON");
  }
  if (!isObject(message)) throw new NoMessage("not an object");
  for (const name of Object.keys(message)) if (message[name] === null) delete message[name];
  if (typeof message.type !== "string" || !Object.hasOwn(FIELDS, message.type)) return null;
  if (!fits(message, FIELDS[message.type])) throw new NoMessage(`not a ${message.type}`);
  if (message.type === "notice" && !NOTICES.has(String(message.code))) return null;
  return /** @type {ServerMessage} */ (/** @type {unknown} */ (message));
}

/**
 * Encodes a message for a text frame.
 * @param {ClientMessage} message
 */
export function encodeClient(message) {
  return JSON.stringify({ type: "start", ...message });
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * @param {Record<string, unknown>} values
 * @param {Record<string, string>} fields
 */
function fits(values, fields) {
  return Object.entries(fields).every(([name, kind]) => {
    if (kind.startsWith("?")) return values[name] === undefined || KINDS[kind.slice(1)](values[name]);
    return KINDS[kind](values[name]);
  });
}
