// The service's HTTP routes, as this page uses them.

/** @typedef {import("./transcript.js").Entry} Entry */

/** The service refused; `code` is its error's. */
export class Refused extends Error {
  /**
   * @param {string} code
   * @param {string} [detail]
   */
  constructor(code, detail) {
    super(detail ?? code);
    this.code = code;
    this.detail = detail;
  }
}

const TOKEN = "wordloop.token";

/** The token of this tab: it is kept as long as the tab, and sent to this page's own server alone. */
export const token = {
  get value() {
    return sessionStorage.getItem(TOKEN) ?? "";
  },
  set value(text) {
    if (text) sessionStorage.setItem(TOKEN, text);
    else sessionStorage.removeItem(TOKEN);
  },
};

/** @param {string} meeting */
export function audioUrl(meeting) {
  return new URL(`/v1/meetings/${meeting}/audio`, location.href).href;
}

/** What the server has loaded, and whether it lets this page in. */
export async function look() {
  try {
    const [started, door] = await Promise.all([
      fetch("/startupz").then((answer) => answer.json()),
      fetch("/v1/models", { headers: headers() }),
    ]);
    const loaded = new Set(started.model_loads.map((/** @type {any} */ one) => one.role));
    return { reached: true, starting: started.stage === "starting", admitted: door.status !== 401, loaded };
  } catch {
    return { reached: false, starting: false, admitted: true, loaded: new Set() };
  }
}

/**
 * Asks for a synthesis; `progress` sees how far it is.
 * @param {string} meeting
 * @param {Entry[]} segments
 * @param {string} language "" for none
 * @param {(stage: string, done: number, total: number) => void} progress
 * @param {AbortSignal} signal
 * @returns {Promise<any>} the answer, as docs/synthesis.md has it
 * @throws {Refused}
 */
export async function synthesise(meeting, segments, language, progress, signal) {
  const body = {
    meeting_id: meeting,
    segments: segments.map(({ id, track, speaker, start, end, text }) => ({ id, track, speaker, start, end, text })),
    ...(language ? { language } : {}),
  };
  const answer = await post("/v1/synthesis", body, signal, { Accept: "text/event-stream" });
  for await (const { event, data } of events(answer.body)) {
    if (event === "progress") progress(data.stage, data.done, data.total);
    if (event === "error") throw new Refused(data.code, data.detail);
    if (event === "result") return data;
  }
  throw new Refused("server_unreachable");
}

/**
 * Makes a vector of each text.
 * @param {string[]} texts
 * @param {AbortSignal} [signal]
 * @returns {Promise<Float32Array[]>}
 * @throws {Refused}
 */
export async function embed(texts, signal) {
  const answer = await post("/v1/embeddings", { input: texts, encoding_format: "base64" }, signal);
  const { data } = await answer.json();
  return data.map((/** @type {{embedding: string}} */ { embedding }) => {
    const bytes = Uint8Array.from(atob(embedding), (letter) => letter.charCodeAt(0));
    return new Float32Array(bytes.buffer);
  });
}

/** @returns {Record<string, string>} */
function headers() {
  return token.value ? { Authorization: `Bearer ${token.value}` } : {};
}

/**
 * @param {string} path
 * @param {unknown} body
 * @param {AbortSignal} [signal]
 * @param {Record<string, string>} [more]
 */
async function post(path, body, signal, more = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers(), ...more },
      body: JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refused("server_unreachable");
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Refused(problem.code ?? `${answer.status}`, problem.detail);
}

/**
 * Reads a stream of server-sent events.
 * @param {ReadableStream<Uint8Array> | null} body
 */
async function* events(body) {
  if (body === null) return;
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split(/\r?\n/).map((line) => line.split(/: ?(.*)/s).slice(0, 2)));
      if (fields.data) yield { event: fields.event, data: JSON.parse(fields.data) };
    }
  }
}
