// What the page says about errors and states: what happened, and what to do.

/** @type {Record<string, string>} */
const ERRORS = {
  token_refused: "The server wants another token. Paste it below.",
  origin_refused: "The server does not let this page in: open it at the server's own address.",
  unsupported_language: "The server's model does not know that language. Choose another one, or none, in the settings.",
  unsupported_task: "The server's model does not translate.",
  superseded: "This meeting goes on in another window.",
  too_fast: "The sound came faster than the server takes it.",
  transcript_empty: "There is nothing to summarise yet: nobody has said a word.",
  transcript_too_long: "The transcript is longer than the server summarises at once.",
  too_many_segments: "The transcript is longer than the server summarises at once.",
  busy: "The server is busy. Try again in a moment.",
  draining: "The server is being restarted. Try again in a moment.",
  not_found: "The server's models cannot do that.",
  engine_away: "The server waits for its speech engine. Try again in a moment.",
  engine_failed: "The server failed at this. Try again; if it fails again, its log says why.",
  server_unreachable: "The server cannot be reached.",
};

/**
 * @param {string} code of an error of the service
 * @param {string} [detail] in the service's words
 */
export function explain(code, detail) {
  return ERRORS[code] ?? `The server refused: ${detail ?? code}.`;
}

/** @type {Record<string, string>} */
export const HOLES = {
  gap: "sound is missing here",
  decode_failed: "this could not be understood",
};

/**
 * @param {number} ms
 * @returns {string} such as 1:02:03
 */
export function clock(ms) {
  const seconds = Math.floor(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

/**
 * @param {number | null} ms
 * @returns {string} such as 0.6 s
 */
export function seconds(ms) {
  return ms === null ? "–" : `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
}

/**
 * @param {{state: string, keptS: number, behindS: number, done: number, why: string, file: boolean}} report
 * @returns {string} a state of a connection, for people
 */
export function connection({ state, keptS, behindS, done, why, file }) {
  switch (state) {
    case "connecting":
      return "Connecting…";
    case "live":
      return file ? `Transcribing, ${Math.floor(done * 100)} %` : "Live";
    case "reconnecting":
      return `Reconnecting, ${Math.round(keptS)} s of sound kept${why ? ` (${why})` : ""}`;
    case "replaying":
      return `Catching up, ${Math.round(behindS)} s to go`;
    case "draining":
      return "The server restarts; nothing is lost";
    case "finishing":
      return "Waiting for the last words…";
    default:
      return "Ready";
  }
}
