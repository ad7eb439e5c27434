// One track, away from the page's thread: frames come in from the audio thread, captions go out to the page.
// Here are the WebSocket and the replay session, so that a busy or hidden page costs no audio.

import { describe, Stopped, TrackClient } from "./client/index.js";

const REPORT_EVERY_MS = 250;
const FILE_FRAME = 3_200;
const REPLAY_WORTH_SHOWING_S = 1;
const CLOCK_WINDOW_MS = 10_000;
const TRAFFIC = 100;

/** @typedef {"connecting" | "live" | "reconnecting" | "replaying" | "draining" | "finishing"} State */

/** @type {TrackClient} */
let client;
let rate = 16_000;
/** @type {State} */
let state = "connecting";
let ending = false;
let liveFrom = 0; // what lies before it on this connection is a replay
let received = 0;
let why = "";
let connections = 0;
let token = "";

const traffic = /** @type {{direction: string, text: string}[]} */ ([]);
let watched = false;

const now = () => performance.timeOrigin + performance.now();

/** Says when a sample was captured: frames come late at times, never early, so the earliest of late ones is near. */
const clock = { best: Infinity, before: Infinity, since: 0 };

/** @param {number} position one past the last sample that has just come */
function tick(position) {
  const at = now();
  if (at - clock.since > CLOCK_WINDOW_MS) {
    clock.before = clock.best;
    clock.best = Infinity;
    clock.since = at;
  }
  clock.best = Math.min(clock.best, at - (position / rate) * 1000);
}

const listener = {
  connecting() {
    state = connections ? "reconnecting" : "connecting";
    report();
  },
  /** @param {any} record */
  store(record) {
    postMessage({ type: record.type === "caption" ? "final" : "hole", record, ...times() });
  },
  /** @param {any} caption */
  show(caption) {
    postMessage({ type: "interim", caption, ...times() });
  },
  forget() {
    postMessage({ type: "forget" });
  },
  /** @param {any} message */
  heard(message) {
    if (message.type === "ready") {
      connections += 1;
      received = client.session.committed;
      liveFrom = connections > 1 ? client.session.position : 0;
      state = (liveFrom - received) / rate > REPLAY_WORTH_SHOWING_S ? "replaying" : "live";
      report();
    }
    if (message.type === "ack") received = message.received;
    if (message.type === "draining") state = "draining";
    if (message.type === "notice" && message.start === undefined) postMessage({ type: "notice", code: message.code });
    if (message.type === "speech_started") postMessage({ type: "speech_started" });
    if (state === "replaying" && received >= liveFrom) state = "live";
  },
  /** @param {any} broken */
  broke(broken) {
    why = describe(broken);
    state = "reconnecting";
    report();
  },
  /**
   * @param {string} direction
   * @param {string} text
   */
  traffic(direction, text) {
    traffic.push({ direction, text });
    if (traffic.length > TRAFFIC) traffic.shift();
    if (watched) postMessage({ type: "traffic", messages: [{ direction, text }] });
  },
};

/** When the track's sample 0 was captured, by the page's clock. */
function times() {
  return { zeroMs: Math.min(clock.best, clock.before) };
}

function report() {
  const { position, committed } = client.session;
  postMessage({
    type: "state",
    state: ending && state === "live" ? "finishing" : state,
    keptS: (position - committed) / rate,
    behindS: Math.max(0, liveFrom - received) / rate,
    done: position ? committed / position : 0,
    connections,
    why,
  });
}

async function run() {
  const reporting = setInterval(report, REPORT_EVERY_MS);
  try {
    await client.run();
    postMessage({ type: "done" });
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    const detail = error.why.kind === "refused" ? error.why.detail : undefined;
    postMessage({ type: "stopped", code: error.code, detail });
  } finally {
    clearInterval(reporting);
  }
}

/** @param {Int16Array} samples */
async function sendFile(samples) {
  for (let at = 0; at < samples.length; at += FILE_FRAME) {
    const frame = samples.subarray(at, at + FILE_FRAME);
    await client.waitForRoom(frame.length);
    client.put(new Uint8Array(frame.buffer, frame.byteOffset, frame.byteLength), frame.length);
  }
  end();
}

/** @param {MessagePort} frames */
function listen(frames) {
  frames.onmessage = ({ data }) => {
    const payload = new Uint8Array(data);
    client.put(payload, payload.length / 2);
    tick(client.session.position);
  };
}

function end() {
  ending = true;
  client.end();
}

/** @param {MessageEvent} event */
onmessage = ({ data }) => {
  switch (data.type) {
    case "start":
      rate = data.stream.sample_rate;
      token = data.token;
      client = new TrackClient(data.url, data.stream, listener, {
        live: !data.file,
        token: () => token || null,
      });
      if (data.frames) listen(data.frames);
      run();
      if (data.file) sendFile(data.file);
      break;
    case "frames": // of another device: what went by between the two is missing
      client.skip(Math.max(0, Math.round((data.gapMs / 1000) * rate)));
      listen(data.frames);
      break;
    case "end":
      end();
      break;
    case "watch":
      watched = data.on;
      if (watched) postMessage({ type: "traffic", messages: traffic });
      break;
  }
};
