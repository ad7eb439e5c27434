// Transcripts as documents: txt, srt, vtt and json, as `wordloop-ml transcribe` writes them; pure.
// A port of wordloop_ml/wire/transcripts.py.

/**
 * One final caption; `id` is its segment. Times are integer milliseconds of meeting time.
 * @typedef {object} Segment
 * @property {string} id
 * @property {string} track
 * @property {string} [speaker]
 * @property {number} start
 * @property {number} end
 * @property {string} text
 * @property {{text: string, start: number, end: number, confidence: number}[]} words
 */

/** @typedef {"txt" | "srt" | "vtt" | "json"} Format */

const LINE_CHARS = 42;
const CUE_LINES = 2;
const CUE_MS = 7_000;

/**
 * Writes the document; segments of all tracks by time, then by track.
 * @param {Segment[]} segments
 * @param {Format} format
 * @returns {string}
 */
export function render(segments, format) {
  const ordered = [...segments].sort(
    (one, other) => one.start - other.start || compare(one.track, other.track) || compare(one.id, other.id),
  );
  return { txt, srt, vtt, json }[format](ordered);
}

/** @param {Segment} segment */
export function who(segment) {
  return segment.speaker ?? segment.track;
}

/**
 * Formats `HH:MM:SS` and milliseconds behind `point`; hours grow beyond two digits.
 * @param {number} ms
 * @param {string} point
 */
function clock(ms, point) {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${parts.map((part) => String(part).padStart(2, "0")).join(":")}${point}${String(ms % 1000).padStart(3, "0")}`;
}

/** @param {Segment[]} segments */
function txt(segments) {
  const name = names(segments);
  return segments
    .map((one) => `[${clock(one.start, ".").split(".")[0]}] ${name(one)}${oneLine(one.text)}\n`)
    .join("");
}

/** @param {Segment[]} segments */
function srt(segments) {
  const name = names(segments);
  return segments
    .flatMap((segment) => cues(segment, name(segment)))
    .map(
      (cue, index) =>
        `${index + 1}\n${clock(cue.start, ",")} --> ${clock(cue.end, ",")}\n` +
        // SubRip has no escapes: what players read as markup is shown as its look-alike
        cue.lines.map((line) => `${line.replace(/[<>{}]/g, (one) => SRT_LOOK_ALIKES[one])}\n`).join(""),
    )
    .join("\n");
}

/** @param {Segment[]} segments */
function vtt(segments) {
  const named = namesMatter(segments);
  const blocks = segments.flatMap((segment) => {
    const voice = named ? `<v ${vttText(oneLine(who(segment)))}>` : "";
    return cues(segment, "").map(
      (cue) =>
        `${clock(cue.start, ".")} --> ${clock(cue.end, ".")}\n${voice}` +
        cue.lines.map((line) => `${vttText(line)}\n`).join(""),
    );
  });
  return ["WEBVTT\n", ...blocks].join("\n");
}

/** @param {Segment[]} segments */
function json(segments) {
  const document = {
    format: "wordloop-transcript",
    version: 1,
    segments: segments.map(({ id, track, speaker, start, end, text, words }) => ({
      id,
      track,
      ...(speaker === undefined ? {} : { speaker }),
      start,
      end,
      text,
      words: words.map((word) => ({
        text: word.text,
        start: word.start,
        end: word.end,
        confidence: word.confidence,
      })),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/**
 * Divides a segment into cues of at most two lines and seven seconds, cut between words.
 * @param {Segment} segment
 * @param {string} prefix
 */
function cues(segment, prefix) {
  const groups = grouped(segment, prefix);
  return groups.map((group, index) => {
    const end = groups[index + 1]?.start ?? segment.end;
    // a cue must last: WebVTT refuses an end that is not after the start
    return { start: group.start, end: Math.max(end, group.start + 1), lines: group.lines };
  });
}

/**
 * @param {Segment} segment
 * @param {string} prefix
 */
function grouped(segment, prefix) {
  /** @type {{start: number, lines: string[]}[]} */
  const groups = [];
  for (const word of segment.words) {
    const text = oneLine(word.text);
    const group = groups.at(-1);
    if (!text) continue;
    if (!group) groups.push({ start: segment.start, lines: [prefix + text] });
    else if (!takes(group, text, word.end)) {
      groups.push({ start: Math.max(word.start, group.start + 1), lines: [text] });
    }
  }
  return groups;
}

/**
 * Adds the word, unless the cue would grow too long in either direction.
 * @param {{start: number, lines: string[]}} group
 * @param {string} word
 * @param {number} end
 */
function takes(group, word, end) {
  if (end - group.start > CUE_MS) return false;
  const last = group.lines.length - 1;
  if (length(group.lines[last]) + 1 + length(word) <= LINE_CHARS) group.lines[last] += ` ${word}`;
  else if (group.lines.length < CUE_LINES) group.lines.push(word);
  else return false;
  return true;
}

/** @param {Segment[]} segments */
function namesMatter(segments) {
  return new Set(segments.map(({ track }) => track)).size > 1 || segments.some(({ speaker }) => speaker !== undefined);
}

/**
 * @param {Segment[]} segments
 * @returns {(segment: Segment) => string}
 */
function names(segments) {
  return namesMatter(segments) ? (segment) => `${oneLine(who(segment))}: ` : () => "";
}

/** @param {string} text */
function oneLine(text) {
  return text.split(/\s+/).filter(Boolean).join(" ");
}

/** @param {string} text in characters, not in UTF-16 units */
function length(text) {
  return [...text].length;
}

/**
 * @param {string} one
 * @param {string} other
 */
function compare(one, other) {
  return one < other ? -1 : Number(one > other);
}

/** @type {Record<string, string>} */
const SRT_LOOK_ALIKES = { "<": "‹", ">": "›", "{": "(", "}": ")" };

/** @param {string} text */
function vttText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
