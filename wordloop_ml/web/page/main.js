// The page: what is on it, and what happens when something is pressed or heard.

import { announcer } from "./announcer.js";
import { microphones, NoSound, openMicrophone, openTab, readFile } from "./capture.js";
import { FloatingCaptions } from "./float.js";
import { bindKeys } from "./keys.js";
import { Meeting } from "./meeting.js";
import { percentile } from "./meter.js";
import { apply, bind, LARGEST, preferences, vocabulary } from "./preferences.js";
import { Reading } from "./reading.js";
import { SearchView } from "./search_view.js";
import * as service from "./service.js";
import { SynthesisView } from "./synthesis_view.js";
import { copy, save } from "./take_away.js";
import { CaptionBox, element, LiveView, LogView } from "./transcript_view.js";
import { Wave } from "./wave.js";
import { clock, connection, explain, seconds } from "./words.js";

/** @typedef {import("./meeting.js").Track} Track */

const NOTHING_HEARD_MS = 5_000;
const NOTHING_HEARD_LEVEL = 0.01;

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
/** @param {string} id */
const dialog = (id) => /** @type {HTMLDialogElement} */ ($(id));

/** The meeting of this page; another one after "New". */
export let meeting = new Meeting();
let server = { reached: true, starting: false, admitted: true, loaded: new Set() };
let saved = 0; // entries when it was last copied or saved
let opening = false;
/** @type {WakeLockSentinel | null} */
let wakeLock = null;

const voiceOf = (/** @type {string} */ track) => meeting.voiceOf(track);
const log = new LogView($("log"), $("earlier"), $("later"), voiceOf, () => reading.leave());
const live = new LiveView($("live"), voiceOf);
const alone = new CaptionBox($("captions"), voiceOf);
const floating = new FloatingCaptions(voiceOf, (on) => $("float").setAttribute("aria-pressed", String(on)));
const reading = new Reading($("scroller"), log, $("jump"), $("jump-text"), {
  transcript: () => meeting.transcript,
  running: () => meeting.running.length > 0,
  draw,
});
const say = announcer($("status"));
const wave = new Wave($("wave"));
const synthesis = new SynthesisView($("synthesis"), () => meeting.transcript, cite, (title) => ($("panel-title").textContent = title));
const search = new SearchView(/** @type {HTMLFormElement} */ ($("search-form")), $("search-note"), $("results"), {
  goTo: (id) => cite([id], 0),
  rows: () => log.rows(),
  meaning: () => server.loaded.has("embedder"),
});

// -- what was heard is drawn: once a frame, however much comes ------------------------------------

let drawing = false;
/** @type {(() => void)[]} */
const afterDrawing = [];

function draw() {
  if (drawing) return;
  drawing = true;
  // a hidden page gets no frames; captions that float are seen all the same
  if (document.hidden) queueMicrotask(drawNow);
  else requestAnimationFrame(drawNow);
}

function drawNow() {
  drawing = false;
  const { transcript } = meeting;
  if (!reading.frozen) {
    log.append(reading.following && log.atEnd);
    const last = transcript.entries.at(-1);
    live.update(transcript.open, last?.track ?? null);
    if (!$("captions").hidden) alone.update(transcript.open, last);
    floating.update(transcript.open, last);
  }
  $("welcome").hidden = meeting.tracks.size > 0;
  reading.moved();
  for (const done of afterDrawing.splice(0)) done();
}

meeting.onmessage = heard;

/**
 * @param {Track} track
 * @param {any} message
 */
function heard(track, message) {
  switch (message.type) {
    case "final":
    case "interim": {
      const caption = message.caption ?? message.record;
      afterDrawing.push(() => {
        track.meter.shown(caption, track.originMs, message.zeroMs, performance.timeOrigin + performance.now());
      });
      draw();
      break;
    }
    case "hole":
    case "forget":
      draw();
      break;
    case "state":
      showConnection();
      break;
    case "stopped":
      stopped(message);
      break;
    case "done":
      over();
      break;
    case "traffic":
      showTraffic(track, message.messages);
      break;
  }
}

// -- sound ----------------------------------------------------------------------------------------

async function start() {
  if (opening) return;
  const running = meeting.running;
  if (running.length) {
    if (running.every(({ source }) => !source)) meeting.cut();
    else meeting.end();
    over();
    return;
  }
  await withSource("microphone", () =>
    openMicrophone({ deviceId: preferences.device, processing: preferences.processing }),
  );
}

/**
 * @param {"microphone" | "tab"} kind
 * @param {() => Promise<import("./capture.js").Source>} open
 */
async function withSource(kind, open) {
  if (!(await admitted())) return;
  opening = true;
  $("start").setAttribute("aria-busy", "true");
  alert("");
  try {
    const source = await open();
    const track = meeting.addSource(kind, source, speech(kind));
    follow(track);
    begun();
  } catch (error) {
    if (!(error instanceof NoSound)) throw error;
    alert(error.message);
  } finally {
    opening = false;
    $("start").removeAttribute("aria-busy");
  }
}

/** @param {string} kind */
function speech(kind) {
  return {
    speaker: kind === "tab" ? "Tab" : preferences.speaker.trim(),
    language: preferences.language.trim(),
    vocabulary: vocabulary(),
    notes: server.loaded.has("embedder"),
  };
}

/**
 * Shows what a source hears, and goes on with another device when it is gone.
 * @param {Track} track
 */
function follow(track) {
  const { source } = track;
  if (!source) return;
  let heardAt = performance.now();
  source.onlevel = (level) => {
    wave.push(level);
    if (level >= NOTHING_HEARD_LEVEL || muted()) heardAt = performance.now();
    const silent = performance.now() - heardAt > NOTHING_HEARD_MS && meeting.transcript.entries.length === 0;
    hint(silent ? `Nothing heard yet from “${source.label}”. Is it the right one, and switched on?` : "");
  };
  source.onend = async () => {
    if (track.kind === "tab") {
      source.close();
      track.source = null;
      track.worker.postMessage({ type: "end" });
      return;
    }
    const since = performance.now();
    hint(`“${source.label}” is gone; another microphone is opened.`);
    try {
      const other = await openMicrophone({ deviceId: "", processing: preferences.processing });
      meeting.replaceSource(track, other, performance.now() - since);
      follow(track);
      hint(`Listening to “${other.label}” now.`);
    } catch (error) {
      alert(error instanceof NoSound ? error.message : String(error));
      meeting.end();
    }
  };
}

/** @param {Iterable<File>} files */
async function sendFiles(files) {
  if (!(await admitted())) return;
  alert("");
  for (const file of files) {
    hint(`Reading ${file.name}…`);
    try {
      meeting.addFile(file.name.slice(0, 60), await readFile(file), speech("file"));
      hint("");
      begun();
    } catch (error) {
      if (!(error instanceof NoSound)) throw error;
      hint("");
      alert(error.message);
    }
  }
}

function begun() {
  reading.begin();
  document.body.dataset.state = "live";
  saved = Math.min(saved, meeting.transcript.entries.length);
  keepAwake();
  showDevices();
  showState();
  draw();
}

function over() {
  if (meeting.running.length === 0) {
    document.body.dataset.state = meeting.tracks.size ? "over" : "idle";
    wakeLock?.release();
    wakeLock = null;
    hint("");
    wave.clear();
  }
  showState();
  draw();
}

/** @param {{code: string, detail?: string}} message */
function stopped({ code, detail }) {
  alert(explain(code, detail));
  if (code === "token_refused") askForToken(explain(code));
  over();
}

const muted = () => $("mute").getAttribute("aria-pressed") === "true";

function mute() {
  const on = !muted();
  $("mute").setAttribute("aria-pressed", String(on));
  for (const { source } of meeting.running) source?.mute(on);
  say(on ? "Muted." : "Not muted.");
}

async function keepAwake() {
  if (!meeting.running.length || document.hidden) return;
  try {
    wakeLock = (await navigator.wakeLock?.request("screen")) ?? null;
  } catch {
    wakeLock = null; // a low battery, or a policy: captions go on
  }
}

async function showDevices() {
  const select = /** @type {HTMLSelectElement} */ (document.querySelector("select[name=device]"));
  const devices = (await microphones()).filter(({ deviceId }) => deviceId !== "default");
  select.replaceChildren(new Option("The system’s choice", ""), ...devices.map((one) => new Option(one.label, one.deviceId)));
  select.value = devices.some(({ deviceId }) => deviceId === preferences.device) ? preferences.device : "";
}

// -- the door -------------------------------------------------------------------------------------

async function admitted() {
  server = await service.look();
  if (!server.reached) alert(explain("server_unreachable"));
  else if (!server.admitted) askForToken("");
  else if (server.starting) hint("The server loads its models; captions begin in a moment, from the first word on.");
  showState();
  return server.reached && server.admitted;
}

/** @param {string} why */
function askForToken(why) {
  $("door-note").textContent = why;
  if (!dialog("door").open) dialog("door").showModal();
}

// -- what is said about it ------------------------------------------------------------------------

/** @param {string} text */
function alert(text) {
  $("alert").textContent = text;
}

/** @param {string} text */
function hint(text) {
  if ($("hint").textContent !== text) $("hint").textContent = text;
}

const WORST_FIRST = ["reconnecting", "replaying", "draining", "connecting", "finishing", "live"];

function showConnection() {
  const running = meeting.running.filter(({ source, report }) => source || report);
  const worst = running
    .map((track) => ({ ...track.report, file: track.kind === "file" }))
    .sort((one, other) => WORST_FIRST.indexOf(one.state) - WORST_FIRST.indexOf(other.state))[0];
  const state = worst?.state ?? (meeting.tracks.size ? "ended" : "idle");
  const text = worst ? connection(worst) : meeting.tracks.size ? "Ended" : "Ready";
  const chip = $("connection");
  if (chip.dataset.state !== state) say(text);
  chip.dataset.state = state;
  if ($("connection-text").textContent !== text) $("connection-text").textContent = text;
  showLatency();
}

function showLatency() {
  const meters = [...meeting.tracks.values()].map(({ meter }) => meter);
  const first = meters.flatMap((meter) => meter.first);
  const words = meters.flatMap((meter) => meter.words);
  const box = $("latency");
  box.hidden = first.length === 0;
  box.textContent = `first caption ${seconds(percentile(first, 0.5))} · words ${seconds(percentile(words, 0.5))} (p95 ${seconds(percentile(words, 0.95))})`;
}

function showState() {
  const running = meeting.running;
  const sounding = running.some(({ source }) => source);
  const finishing = running.length > 0 && !sounding && running.every(({ kind }) => kind !== "file");
  const name = finishing ? "Stop waiting" : running.length ? "Stop" : meeting.tracks.size ? "Go on" : "Start";
  $("start-text").textContent = name;
  $("start-icon").setAttribute("href", `/page/icons.svg#${running.length ? "stop" : "microphone"}`);
  $("start").classList.toggle("running", running.length > 0);
  $("mute").hidden = !sounding;
  if (!sounding) $("mute").setAttribute("aria-pressed", "false");
  $("tab").hidden = !navigator.mediaDevices?.getDisplayMedia || running.some(({ kind, source }) => kind === "tab" && source);
  $("tab-text").textContent = sounding ? "Add a tab" : "Sound of a tab";
  $("file").hidden = sounding;
  $("new").hidden = running.length > 0;
  $("elapsed").hidden = running.length === 0;
  $("after").hidden = meeting.tracks.size === 0;
  $("summarise").hidden = !server.loaded.has("embedder");
  showConnection();
}

/**
 * @param {Track} track
 * @param {{direction: string, text: string}[]} messages
 */
function showTraffic(track, messages) {
  const list = $("traffic");
  list.append(
    ...messages.map(({ direction, text }) => {
      const line = element(document, "li", direction);
      line.append(element(document, "span", "way", `${direction === "sent" ? "→" : "←"} ${track.id}`), " ", element(document, "code", "", text));
      return line;
    }),
  );
  while (list.childElementCount > 100) list.firstElementChild?.remove();
}

setInterval(() => {
  if (meeting.running.length) $("elapsed").textContent = clock(performance.timeOrigin + performance.now() - meeting.beganMs);
}, 1000);

/**
 * @param {string[]} segments
 * @param {number} turn
 */
function cite(segments, turn) {
  if (matchMedia("(max-width: 60rem)").matches) closePanel();
  reading.cite(segments, turn);
  search.highlight();
}

// -- the panel: summary and search ----------------------------------------------------------------

/** @type {AbortController | null} */
let asking = null;
/** @type {HTMLElement | null} */
let opener = null;

/** @param {"synthesis" | "search"} which */
function openPanel(which) {
  if ($("panel").hidden) opener = /** @type {HTMLElement} */ (document.activeElement);
  $("panel").hidden = false;
  $("synthesis").hidden = which !== "synthesis";
  $("search").hidden = which !== "search";
  $("search-open").setAttribute("aria-expanded", String(which === "search"));
  $("panel-title").textContent = which === "search" ? "Search" : "Summary";
  search.highlight();
}

function closePanel() {
  $("panel").hidden = true;
  $("search-open").setAttribute("aria-expanded", "false");
  search.highlight();
  if (opener?.isConnected) opener.focus();
}

function toggleSearch() {
  if (!$("panel").hidden && !$("search").hidden) return closePanel();
  openPanel("search");
  $("query").focus();
}

async function summarise() {
  openPanel("synthesis");
  $("panel-title").focus();
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  synthesis.progress("waiting", 0, 1);
  say("Summarising.");
  try {
    const { segments } = meeting.transcript;
    const answer = await service.synthesise(
      meeting.id,
      segments,
      preferences.language.trim(),
      (stage, done, total) => synthesis.progress(stage, done, total),
      signal,
    );
    synthesis.show(answer);
    say("The summary is there.");
  } catch (error) {
    if (signal.aborted) return;
    if (!(error instanceof service.Refused)) throw error;
    synthesis.fail(explain(error.code, error.detail));
    if (error.code === "token_refused") askForToken(explain(error.code));
  }
}

// -- what is taken away ---------------------------------------------------------------------------

async function copyAll() {
  await copy(meeting.transcript.segments, synthesis.markdown);
  saved = meeting.transcript.entries.length;
  $("copy-text").textContent = "Copied";
  say("Copied.");
  setTimeout(() => ($("copy-text").textContent = "Copy"), 2_000);
}

/** @param {import("./formats.js").Format} format */
function download(format) {
  save(meeting.transcript.segments, format, meeting.beganMs);
  saved = meeting.transcript.entries.length;
  /** @type {HTMLDetailsElement} */ ($("download")).open = false;
  say("Saved.");
}

const unsaved = () => meeting.running.length > 0 || meeting.transcript.entries.length > saved;

function startAnew() {
  meeting.cut();
  meeting = new Meeting();
  meeting.onmessage = heard;
  saved = 0;
  reading.begin();
  asking?.abort();
  synthesis.clear();
  search.open(meeting.transcript);
  log.open(meeting.transcript.entries);
  if (!$("panel").hidden) closePanel();
  $("elapsed").textContent = "0:00";
  alert("");
  over();
  $("start").focus();
}

// -- captions alone -------------------------------------------------------------------------------

async function stage() {
  const on = $("captions").hidden;
  $("captions").hidden = !on;
  document.body.classList.toggle("stage", on);
  $("stage").setAttribute("aria-pressed", String(on));
  draw();
  try {
    if (on) await document.documentElement.requestFullscreen?.();
    else if (document.fullscreenElement) await document.exitFullscreen();
  } catch {
    // without the whole screen the window has to do
  }
}

document.addEventListener("fullscreenchange", () => {
  if (!document.fullscreenElement && !$("captions").hidden) stage();
});

/** @param {number} by */
function resize(by) {
  preferences.size = Math.max(1, Math.min(LARGEST, preferences.size + by));
  /** @type {HTMLInputElement} */ (document.querySelector("input[name=size]")).value = String(preferences.size);
  apply();
  reading.moved();
}

function watchProtocol() {
  $("traffic").replaceChildren();
  for (const { worker } of meeting.running) worker.postMessage({ type: "watch", on: true });
  dialog("settings").close();
  dialog("protocol").showModal();
}

function escape() {
  reading.unmark();
  /** @type {HTMLDetailsElement} */ ($("download")).open = false;
  if (!$("captions").hidden) stage();
  else if (!$("panel").hidden) closePanel();
}

// -- everything is connected ----------------------------------------------------------------------

/** @type {Record<string, () => void>} */
const presses = {
  start,
  mute,
  tab: () => withSource("tab", openTab),
  file: () => $("file-input").click(),
  float: () => floating.toggle(),
  stage,
  copy: copyAll,
  summarise,
  new: () => (unsaved() && meeting.transcript.entries.length ? dialog("discard").showModal() : startAnew()),
  "search-open": toggleSearch,
  "panel-close": closePanel,
  "settings-open": () => dialog("settings").showModal(),
  "help-open": () => dialog("help").showModal(),
  "protocol-open": watchProtocol,
};
for (const [id, press] of Object.entries(presses)) $(id).addEventListener("click", press);

for (const button of document.querySelectorAll("[data-format]")) {
  const { format } = /** @type {HTMLElement} */ (button).dataset;
  button.addEventListener("click", () => download(/** @type {import("./formats.js").Format} */ (format)));
}

bindKeys($("keys-list"), () => preferences.keys, {
  " ": ["Start, stop", start],
  m: ["Mute", () => !$("mute").hidden && mute()],
  l: ["Jump to live", () => reading.jump()],
  p: ["Hold the transcript still, go on", () => reading.freeze() && say("The transcript stands still.")],
  f: ["Floating captions", () => !$("float").hidden && floating.toggle()],
  c: ["Captions alone", stage],
  s: ["Summarise", () => !$("after").hidden && !$("summarise").hidden && summarise()],
  "/": ["Search", toggleSearch],
  "+": ["Larger text", () => resize(1)],
  "-": ["Smaller text", () => resize(-1)],
  ",": ["Settings", () => dialog("settings").showModal()],
  "?": ["These keys", () => dialog("help").showModal()],
  Escape: ["Close, unmark", escape],
});

const fileInput = /** @type {HTMLInputElement} */ ($("file-input"));
fileInput.addEventListener("change", () => {
  sendFiles([...(fileInput.files ?? [])]);
  fileInput.value = "";
});
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  sendFiles([...(event.dataTransfer?.files ?? [])]);
});

dialog("door").addEventListener("close", async () => {
  const field = /** @type {HTMLInputElement} */ ($("token"));
  const pasted = field.value.trim();
  field.value = "";
  if (dialog("door").returnValue !== "use" || !pasted) return;
  service.token.value = pasted;
  alert("");
  if (await admitted()) $("start").focus();
  else if (!server.admitted) askForToken("The server refuses this one.");
});
dialog("discard").addEventListener("close", () => dialog("discard").returnValue === "yes" && startAnew());
dialog("protocol").addEventListener("close", () => {
  for (const { worker } of meeting.running) worker.postMessage({ type: "watch", on: false });
});
document.addEventListener("visibilitychange", () => {
  keepAwake();
  draw();
});
navigator.mediaDevices?.addEventListener("devicechange", showDevices);
window.addEventListener("beforeunload", (event) => unsaved() && event.preventDefault());
window.addEventListener("unhandledrejection", ({ reason }) => alert(`The page failed: ${reason}`));

bind(/** @type {HTMLFormElement} */ (document.querySelector("#settings form")), () => reading.moved());
apply();
$("float").hidden = !FloatingCaptions.possible;
search.open(meeting.transcript);
log.open(meeting.transcript.entries);
showDevices();
admitted();
