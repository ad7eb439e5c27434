// What a reader takes away: a copy, or a file.

import { render } from "./formats.js";

/** @typedef {import("./formats.js").Format} Format */
/** @typedef {import("./formats.js").Segment} Segment */

/** @type {Record<Format, string>} */
const MEDIA_TYPES = {
  txt: "text/plain",
  srt: "application/x-subrip",
  vtt: "text/vtt",
  json: "application/json",
};
const REVOKED_AFTER_MS = 10_000;

/**
 * Copies the transcript, behind its summary if there is one.
 * @param {Segment[]} segments
 * @param {string} summary in Markdown; "" for none
 */
export async function copy(segments, summary) {
  const text = render(segments, "txt");
  await navigator.clipboard.writeText(summary ? `${summary}\n## Transcript\n\n${text}` : text);
}

/**
 * Saves the transcript as a file, named for when the meeting began.
 * @param {Segment[]} segments
 * @param {Format} format
 * @param {number} beganMs
 */
export function save(segments, format, beganMs) {
  const content = new Blob([render(segments, format)], { type: MEDIA_TYPES[format] });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  const when = new Date(beganMs).toISOString().slice(0, 16).replace("T", "-").replace(":", "");
  link.download = `meeting-${when}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKED_AFTER_MS);
}
