// Why a connection broke, and what the client does next; pure. A port of wordloop_ml/replay/breaks.py.

/**
 * How a connection ended, or failed to begin.
 *
 * - `unreachable`: there was no connection, or no answer to the request for one.
 * - `refused`: the request was answered before the upgrade, with an HTTP `status`, and perhaps
 *   Retry-After in seconds; `errorCode` and `detail` are the problem's, where it named them.
 * - `closed`: the server closed, with a `code`.
 * - `lost`: the connection went without a close frame; `silent`: nothing came for too long.
 * - `distrusted`: the client itself closed: the server broke a promise of the protocol.
 *
 * @typedef {{kind: "unreachable"}
 *   | {kind: "refused", status: number, retryAfterS?: number, errorCode?: string, detail?: string}
 *   | {kind: "closed", code: number}
 *   | {kind: "lost", silent?: boolean}
 *   | {kind: "distrusted"}} Break
 */

/** @typedef {"done" | "resume" | "back_off" | "stop"} ClientAction */

/**
 * What a client does after a close; docs/protocol.md, "Closing".
 * @type {Readonly<Record<number, ClientAction>>}
 */
export const CLIENT_ACTIONS = Object.freeze({
  1000: "done",
  1002: "stop",
  1003: "stop",
  1007: "stop",
  1009: "stop",
  1011: "back_off",
  1012: "resume",
  1013: "back_off",
  4001: "resume",
  4003: "resume",
  4004: "resume",
  4009: "stop",
  4501: "stop",
  4503: "stop",
  4504: "stop",
  4505: "stop",
});

const UNEXPECTED = 1011;

/** @type {Readonly<Record<number, string>>} The first error of the protocol with each close code. */
const CODE_OF_CLOSE = Object.freeze({
  1002: "bad_frame",
  1003: "unknown_message",
  1007: "bad_json",
  1009: "too_large",
  1011: "engine_failed",
  1012: "draining",
  1013: "busy",
  4001: "slow_consumer",
  4003: "idle",
  4004: "token_expired",
  4009: "audio_hole",
  4501: "token_refused",
  4503: "superseded",
  4504: "unsupported_version",
  4505: "too_fast",
});

/** @type {Readonly<Record<number, string>>} The first error of the protocol with each HTTP status. */
const CODE_OF_STATUS = Object.freeze({
  400: "bad_frame",
  401: "token_refused",
  403: "origin_refused",
  404: "unsupported_model",
  408: "idle",
  409: "audio_hole",
  413: "too_large",
  415: "unsupported_encoding",
  422: "idempotency_key_reused",
  429: "too_fast",
  500: "engine_failed",
  503: "busy",
});

/**
 * Returns what a client does after this break; it backs off where no table knows.
 * @param {Break} why
 * @returns {ClientAction}
 */
export function action(why) {
  if (why.kind === "closed") return CLIENT_ACTIONS[why.code] ?? "back_off";
  // a proxy's own 5xx may pass, as may 408; a wrong request stays wrong
  if (why.kind === "refused") return why.status < 500 && why.status !== 408 ? "stop" : "back_off";
  return "back_off";
}

/**
 * Whether audio that the server cannot survive would have looked like this.
 * @param {Break} why
 */
export function mayBeTheAudio(why) {
  if (why.kind === "lost") return !why.silent;
  return why.kind === "closed" && why.code === UNEXPECTED;
}

/**
 * Returns the error code behind a break where the server named none.
 * @param {Break} why
 * @returns {string}
 */
export function errorCode(why) {
  let known;
  if (why.kind === "refused") known = why.errorCode ?? CODE_OF_STATUS[why.status];
  if (why.kind === "closed") known = CODE_OF_CLOSE[why.code];
  return known ?? "server_unreachable";
}

/**
 * Describes a break in words.
 * @param {Break} why
 * @returns {string}
 */
export function describe(why) {
  switch (why.kind) {
    case "unreachable":
      return "it cannot be reached";
    case "refused":
      return why.detail ?? `it answered with status ${why.status}`;
    case "closed":
      return `it closed with code ${why.code}`;
    case "lost":
      return why.silent ? "it fell silent" : "the connection was lost";
    case "distrusted":
      return "it broke the protocol";
  }
}
